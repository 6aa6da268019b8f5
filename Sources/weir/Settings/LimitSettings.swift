// How many streams may run at once, for all together or for each key.

struct LimitSettings: SettingsSection {
  /// What the streams are counted by: one count for each value of it.
  enum Key: Hashable, Sendable {
    case none, route, model, client
    /// The field's name, in lower case.
    case header(String)
  }

  var by = Key.none
  /// For each key, unless `overrides` says otherwise. At least 1.
  var maxStreams = 1
  var queue = QueueSettings()
  /// By key, in plain text or as `sha256:` and 64 lower-case hexadecimal digits. Others have 1.
  var weights: [String: Int] = [:]
  /// Keys as in `weights`.
  var overrides: [String: Int] = [:]

  /// A header's values may be credentials; models, routes and addresses are none.
  private var keysMayBeSecret: Bool {
    switch by {
    case .model, .route, .client: false
    case .header, .none: true
    }
  }

  static var fields: [SettingField<LimitSettings>] {
    [
      .value(
        "by", \.by, .limitKey, example: .set("\"header:authorization\""),
        help: "What streams are counted by: each value has a count of its own.",
        consequence: "\"none\" counts all together. Keys are held as hashes only."),
      .value(
        "max_streams", \.maxStreams, .integer(1...1_000_000), isRequired: true,
        flag: .flag("--max-streams", "N"), example: .set("8"),
        help: "Requests that may run at once, for each key.",
        consequence: "Further ones wait in the queue. SIGHUP changes it and cuts nobody."),
      .section("queue", \.queue, help: "Where requests wait when the limit is reached."),
      .valuesByName(
        "weights", \.weights, keys: .limitKeyValue, hidesKeys: \.keysMayBeSecret,
        of: .integer(1...1_000),
        example: .proposed("{ \"sha256:…\": 3 }"),
        help: "How many turns a key gets in a round while others wait too; 1 unless said here.",
        consequence: "A key with 3 is served three times as often as one with 1."),
      .valuesByName(
        "overrides", \.overrides, keys: .limitKeyValue, hidesKeys: \.keysMayBeSecret,
        of: .integer(1...1_000_000),
        example: .proposed("{ \"gpt-4o\": 5 }"),
        help: "Keys with a max_streams of their own.",
        consequence: "It holds in place of max_streams."),
    ]
  }
}

struct QueueSettings: SettingsSection {
  /// 0 for no queue.
  var max = 0
  var timeout = Duration.seconds(10)

  static var fields: [SettingField<QueueSettings>] {
    [
      .value(
        "max", \.max, .integer(0...1_000_000), flag: .flag("--queue", "N"), example: .set("16"),
        help: "Requests that may wait; 0 lets none wait.",
        consequence: "When it is full further ones are answered 429, error type queue_full."),
      .value(
        "timeout", \.timeout, .duration(), flag: .flag("--queue-timeout", "TIME"),
        help: "How long a request may wait.",
        consequence: "When it is over the client gets 429, error type queue_timeout."),
    ]
  }
}

extension SettingKind where Value == LimitSettings.Key {
  static var limitKey: Self {
    Self(
      name: "a key", allowed: #""none", "route", "model", "client", "header:NAME""#,
      parse: { scalar throws(SettingRefusal) in
        switch scalar.string {
        case "none": return .none
        case "route": return .route
        case "model": return .model
        case "client": return .client
        case let text? where text.hasPrefix("header:"):
          let name = String(text.dropFirst(7))
          guard isFieldName(name) else { throw SettingRefusal("names no header") }
          return .header(name.lowercased())
        default: throw SettingRefusal()
        }
      },
      spell: { key in
        switch key {
        case .none: quoted("none")
        case .route: quoted("route")
        case .model: quoted("model")
        case .client: quoted("client")
        case .header(let name): quoted("header:" + name)
        }
      })
  }
}

extension SettingKind where Value == String {
  /// One value of what a limit counts by.
  static var limitKeyValue: Self {
    Self(
      name: "a key's value", allowed: "the value itself, or sha256: and 64 hexadecimal digits",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string, !text.isEmpty else { throw SettingRefusal("is empty") }
        guard text.hasPrefix("sha256:") else { return text }
        let digits = text.dropFirst(7)
        guard digits.utf8.count == 64, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
          throw SettingRefusal("is no SHA-256 hash")
        }
        return text.lowercased()
      },
      spell: { quoted($0) })
  }
}
