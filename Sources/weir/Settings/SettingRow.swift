// One row of the table of settings: all that is said about a setting, in one place. Messages,
// flags, variables, `weir help settings`, the example file and docs/settings.md come from it.

/// What a reload does with a setting that changed.
enum SettingReload: Sendable {
  /// SIGHUP applies it to what begins afterwards.
  case applied
  /// It holds until weir starts anew.
  case atStart

  var sentence: String {
    switch self {
    case .applied: "SIGHUP applies a change."
    case .atStart: "A change needs a restart."
    }
  }
}

/// A step on the way from the root of the settings to a value.
enum SettingStep: Hashable, Sendable {
  case key(String)
  /// Any name the user chose: the one that the example file shows, and the one that flags and
  /// variables address.
  case name(example: String, flagged: String?)
  /// Any element of a list.
  case index
}

struct SettingRow: Sendable {
  enum Shape: Sendable, Equatable {
    case value
    /// Holds other settings.
    case object
    /// Holds objects under names that the user chose.
    case objects
    /// A list of objects; one alone may stand without its brackets if `allowsOne`.
    case list(allowsOne: Bool)
  }

  /// How the example file shows it.
  enum Example: Sendable, Equatable {
    /// With its default, or left out by a comment if it has none.
    case byDefault
    /// With this value.
    case set(String)
    /// With this value, commented out.
    case proposed(String)
  }

  var path: [SettingStep]
  var shape: Shape = .value
  /// What may be written.
  var allowed = ""
  /// As a file would spell it; nil if it is not set by default.
  var defaultText: String?
  var isRequired = false
  var isSecret = false
  var flag: SettingFlag?
  var reload = SettingReload.applied
  /// What it is.
  let help: String
  /// What follows from its value.
  var consequence = ""
  var example = Example.byDefault

  /// `upstreams.*.retry.attempts`, `routes[].name`.
  var pattern: String {
    path.reduce("") { pattern, step in
      switch step {
      case .key(let key): pattern.isEmpty ? key : "\(pattern).\(key)"
      case .name: "\(pattern).*"
      case .index: "\(pattern)[]"
      }
    }
  }

  /// The path that its flag sets, user-chosen names filled in.
  var flaggedPath: [String] {
    path.compactMap { step in
      switch step {
      case .key(let key): key
      case .name(_, let flagged): flagged
      case .index: nil
      }
    }
  }
}

/// A flag, and the variable of the same name.
struct SettingFlag: Sendable, Equatable {
  /// With its dashes: `--max-streams`.
  let name: String
  /// What stands for the value in the help: `N`.
  let placeholder: String

  /// `WEIR_MAX_STREAMS`.
  var variable: String {
    "WEIR_" + name.dropFirst(2).uppercased().split(separator: "-").joined(separator: "_")
  }

  static func flag(_ name: String, _ placeholder: String) -> SettingFlag {
    SettingFlag(name: name, placeholder: placeholder)
  }
}

/// The whole table, in the order of the file.
enum SettingsTable {
  static let rows: [SettingRow] = Settings.fields.flatMap(\.rows)

  static let flagged: [(row: SettingRow, flag: SettingFlag)] = rows.compactMap { row in
    row.flag.map { (row, $0) }
  }
}
