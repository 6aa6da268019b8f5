// Turns the text of a settings file into a tree of nodes and puts in what `${NAME}` stands for.

/// A settings file on its way to becoming nodes.
struct SettingsFile {
  /// As messages name it.
  let name: String
  let environment: [String: String]
  private(set) var errors: [SettingsError] = []

  init(name: String, environment: [String: String]) {
    self.name = name
    self.environment = environment
  }

  /// The file's tree; nil, with an error, if it is not JSON5 or not an object.
  mutating func node(from bytes: [UInt8]) -> SettingsNode? {
    let value: JSON5Value
    do {
      value = try JSON5Reader.read(bytes)
    } catch {
      errors.append(
        SettingsError(
          origin: .file(name, error.position), setting: nil, message: error.message))
      return nil
    }
    guard case .object = value.content else {
      errors.append(
        SettingsError(
          origin: .file(name, value.position), setting: nil,
          message: "the file must hold one object: { listen: …, upstreams: …, routes: … }"))
      return nil
    }
    return node(from: value)
  }

  private mutating func node(from value: JSON5Value) -> SettingsNode {
    let origin = SettingsOrigin.file(name, value.position)
    switch value.content {
    case .null: return SettingsNode(.null, origin: origin)
    case .boolean(let boolean):
      return SettingsNode(
        .scalar(SettingsScalar(.boolean(boolean), written: "\(boolean)")), origin: origin)
    case .number(let number):
      return SettingsNode(
        .scalar(SettingsScalar(.number(number), written: number.literal)), origin: origin)
    case .string(let string):
      return SettingsNode(.scalar(expand(string, origin: origin)), origin: origin)
    case .array(let elements):
      return SettingsNode(.list(elements.map { node(from: $0) }), origin: origin)
    case .object(let members):
      return SettingsNode(
        .object(
          members.map {
            SettingsMember(
              key: $0.key, origin: .file(name, $0.position), value: node(from: $0.value))
          }), origin: origin)
    }
  }

  /// Replaces each `${NAME}` by the variable's value, which is not looked through again;
  /// `$${` stands for a plain `${`.
  private mutating func expand(_ written: String, origin: SettingsOrigin) -> SettingsScalar {
    var text = ""
    var isExpanded = false
    var rest = written[...]
    while let dollar = rest.firstIndex(of: "$") {
      text += rest[..<dollar]
      rest = rest[dollar...]
      if rest.hasPrefix("$${") {
        text += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        text += reference(&rest, origin: origin)
        isExpanded = true
      } else {
        text += "$"
        rest = rest.dropFirst()
      }
    }
    text += rest
    return SettingsScalar(
      isExpanded ? .text(text) : .string(text), written: written, isExpanded: isExpanded)
  }

  /// What the reference at the start of `rest` stands for; passes over it.
  private mutating func reference(_ rest: inout Substring, origin: SettingsOrigin) -> String {
    let name = rest.dropFirst(2).prefix { $0 != "}" }
    let isClosed = name.endIndex != rest.endIndex
    rest = rest[name.endIndex...].dropFirst()
    guard isClosed, Self.isVariableName(name) else {
      errors.append(
        SettingsError(
          origin: origin, setting: nil,
          message: "'${' opens no reference; allowed: ${NAME}, or $${ for a plain ${"))
      return ""
    }
    guard let value = environment[String(name)] else {
      errors.append(
        SettingsError(
          origin: origin, setting: nil,
          message: "the environment variable \(name) is not set; set it, or write the value here"))
      return ""
    }
    return value
  }

  private static func isVariableName(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") }
  }
}

extension UInt8 {
  var isASCIIAlphanumeric: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
