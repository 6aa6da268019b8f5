// What is wrong with the settings, all of it at once.

/// One mistake: where it stands, in which setting, what is wrong and what is allowed.
struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  let origin: SettingsOrigin
  /// The setting's path; nil where the mistake lies in the text and not in a setting.
  let setting: String?
  let message: String

  /// `weir.json5:4:12: upstreams.openai.url: what is wrong; what is allowed`.
  var description: String {
    let place = origin == .builtIn ? [] : [origin.description]
    return (place + [setting, message].compactMap(\.self)).joined(separator: ": ")
  }
}

/// Every mistake of one load; those of the file in its order, then the others.
struct SettingsErrors: Error, Hashable, Sendable, CustomStringConvertible {
  let all: [SettingsError]

  init(_ errors: [SettingsError]) {
    var seen: Set<SettingsError> = []
    let unique = errors.filter { seen.insert($0).inserted }
    let placed = unique.enumerated().sorted { left, right in
      switch (left.element.origin, right.element.origin) {
      case (.file(_, let first), .file(_, let second)) where first != second: first < second
      case (.file, .file): left.offset < right.offset
      case (.file, _): true
      case (_, .file): false
      default: left.offset < right.offset
      }
    }
    all = placed.map(\.element)
  }

  /// One line each.
  var description: String { all.map(\.description).joined(separator: "\n") }
}
