// Where log lines go and which are written.

struct LogSettings: SettingsSection {
  enum Format: String, CaseIterable, Sendable {
    case json
  }

  enum Level: String, CaseIterable, Sendable {
    case debug, info, warn, error
  }

  enum Destination: Hashable, Sendable {
    case standardOutput, standardError, off
    case file(String)
  }

  var format = Format.json
  var to = Destination.standardOutput
  var level = Level.info

  static var fields: [SettingField<LogSettings>] {
    [
      .value(
        "format", \.format, .word, flag: .flag("--log-format", "FORMAT"),
        help: "How lines are written.", consequence: "\"json\" is one JSON object on each line."),
      .value(
        "to", \.to, .logDestination, flag: .flag("--log-to", "DESTINATION"), reload: .applied,
        help: "Where lines go; SIGHUP opens a file anew, so that it can be rotated.",
        consequence: "Lines that a full disk or pipe refuses are dropped and counted."),
      .value(
        "level", \.level, .word, flag: .flag("--log-level", "LEVEL"),
        help: "The least important lines written.",
        consequence: "Exchanges that ended well are \"info\", failed ones \"warn\"."),
    ]
  }
}

extension SettingKind where Value == LogSettings.Destination {
  static var logDestination: Self {
    Self(
      name: "a destination", allowed: #""stdout", "stderr", "off", or the path of a file"#,
      parse: { scalar throws(SettingRefusal) in
        switch scalar.string {
        case "stdout": return .standardOutput
        case "stderr": return .standardError
        case "off": return .off
        case let path? where !path.isEmpty && !path.utf8.contains(0): return .file(path)
        default: throw SettingRefusal()
        }
      },
      spell: { destination in
        switch destination {
        case .standardOutput: quoted("stdout")
        case .standardError: quoted("stderr")
        case .off: quoted("off")
        case .file(let path): quoted(path)
        }
      })
  }
}
