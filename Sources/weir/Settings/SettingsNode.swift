// The settings as their sources give them, before anything is judged: one tree into which the
// file, the variables and the flags are laid, each value with its origin.

/// Where a value was written; it heads every message about the value.
enum SettingsOrigin: Hashable, Sendable, CustomStringConvertible {
  case builtIn
  case file(String, TextPosition)
  case variable(String)
  case flag(String)

  var description: String {
    switch self {
    case .builtIn: "default"
    case .file(let name, let position): "\(name):\(position)"
    case .variable(let name): name
    case .flag(let name): name
    }
  }
}

/// One value of any source.
struct SettingsNode: Sendable {
  var content: Content
  let origin: SettingsOrigin

  enum Content: Sendable {
    case scalar(SettingsScalar)
    case null
    case list([SettingsNode])
    case object([SettingsMember])
  }

  init(_ content: Content, origin: SettingsOrigin) {
    self.content = content
    self.origin = origin
  }

  /// A value that a flag or a variable gave.
  init(text: String, origin: SettingsOrigin) {
    self.init(.scalar(SettingsScalar(.text(text), written: text)), origin: origin)
  }
}

struct SettingsMember: Sendable {
  let key: String
  let origin: SettingsOrigin
  var value: SettingsNode
}

/// A value without parts.
struct SettingsScalar: Sendable {
  enum Value: Sendable {
    case boolean(Bool)
    case number(JSON5Number)
    case string(String)
    /// From a flag, a variable or `${NAME}`, where a number cannot be told from a string.
    case text(String)
  }

  let value: Value
  /// How the source spells it, `${NAME}` unexpanded; the only form that is ever shown.
  let written: String
  /// Whether `written` stands for something else.
  let isExpanded: Bool
  /// Why a reference in it stands for nothing; the value is of no use then.
  let problem: String?

  init(_ value: Value, written: String, isExpanded: Bool = false, problem: String? = nil) {
    self.value = value
    self.written = written
    self.isExpanded = isExpanded
    self.problem = problem
  }

  var string: String? {
    switch value {
    case .string(let string), .text(let string): string
    case .boolean, .number: nil
    }
  }

  var number: JSON5Number? {
    switch value {
    case .number(let number): number
    case .text(let text): JSON5Number(text: text)
    case .boolean, .string: nil
    }
  }

  var boolean: Bool? {
    switch value {
    case .boolean(let boolean): boolean
    case .text("true"): true
    case .text("false"): false
    case .number, .string, .text: nil
    }
  }
}

extension JSON5Number {
  /// A number that stands alone in a flag or a variable.
  init?(text: String) {
    guard var cursor = try? JSON5Cursor(Array(text.utf8)), let number = try? cursor.readNumber(),
      cursor.next == nil
    else { return nil }
    self = number
  }
}

extension SettingsNode {
  var members: [SettingsMember]? {
    if case .object(let members) = content { members } else { nil }
  }

  var elements: [SettingsNode]? {
    if case .list(let elements) = content { elements } else { nil }
  }

  subscript(key: String) -> SettingsNode? {
    members?.first { $0.key == key }?.value
  }

  /// Lays `node` over whatever stands at `path`, making objects on the way. Where something else
  /// than an object is in the way it stays, and reading it will say what is wrong with it.
  mutating func overlay(_ node: SettingsNode, at path: some Collection<String>) {
    guard let key = path.first else {
      self = node
      return
    }
    guard var members else { return }
    let rest = path.dropFirst()
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index].value.overlay(node, at: rest)
    } else {
      var child = SettingsNode(.object([]), origin: node.origin)
      child.overlay(node, at: rest)
      members.append(SettingsMember(key: key, origin: node.origin, value: child))
    }
    content = .object(members)
  }

  /// What kind of value this is, as messages say it.
  var kindName: String {
    switch content {
    case .scalar(let scalar):
      switch scalar.value {
      case .boolean: "a boolean"
      case .number: "a number"
      case .string, .text: "a string"
      }
    case .null: "null"
    case .list: "a list"
    case .object: "an object"
    }
  }
}

// MARK: - What `${NAME}` stood for

/// Values that hold a variable, and how the source spells them.
struct SettingsExpansions {
  fileprivate(set) var pairs: [(value: String, written: String)] = []

  /// The message with each of these values, where it stands in quotes, as the source spells it: a
  /// check of names repeats what it compares, and a secret may stand where a name belongs.
  func spelled(_ message: String) -> String {
    pairs.reduce(message) { $0.replacing("\"\($1.value)\"", with: "\"\($1.written)\"") }
  }
}

extension SettingsNode {
  var expansions: SettingsExpansions {
    var found = SettingsExpansions()
    collect(into: &found)
    return found
  }

  private func collect(into found: inout SettingsExpansions) {
    switch content {
    case .null: break
    case .scalar(let scalar):
      guard scalar.isExpanded, let value = scalar.string else { return }
      found.pairs.append((value, scalar.written))
    case .list(let elements): for element in elements { element.collect(into: &found) }
    case .object(let members): for member in members { member.value.collect(into: &found) }
    }
  }
}

extension SettingsError {
  func spelling(_ expansions: SettingsExpansions) -> SettingsError {
    SettingsError(
      origin: origin, setting: setting, message: expansions.spelled(message))
  }
}
