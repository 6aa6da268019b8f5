// Turns the text of a settings file into a tree of nodes and puts in what `${NAME}` stands for.

/// A settings file on its way to becoming nodes.
struct SettingsFile {
  /// As messages name it.
  let name: String
  let environment: [String: String]

  /// The file's tree; fails if it is not JSON5 or not an object.
  func node(from bytes: [UInt8]) throws(SettingsError) -> SettingsNode {
    let value: JSON5Value
    do {
      value = try JSON5Reader.read(bytes)
    } catch {
      throw SettingsError(
        origin: .file(name, error.position), setting: nil, message: error.message)
    }
    guard case .object = value.content else {
      throw SettingsError(
        origin: .file(name, value.position), setting: nil,
        message: "the file must hold one object: { listen: …, upstreams: …, routes: … }")
    }
    return node(from: value)
  }

  private func node(from value: JSON5Value) -> SettingsNode {
    let content: SettingsNode.Content =
      switch value.content {
      case .null: .null
      case .boolean(let boolean):
        .scalar(SettingsScalar(.boolean(boolean), written: "\(boolean)"))
      case .number(let number):
        .scalar(SettingsScalar(.number(number), written: number.literal))
      case .string(let string): .scalar(expand(string))
      case .array(let elements): .list(elements.map { node(from: $0) })
      case .object(let members):
        .object(
          members.map {
            SettingsMember(
              key: $0.key, origin: .file(name, $0.position), value: node(from: $0.value))
          })
      }
    return SettingsNode(content, origin: .file(name, value.position))
  }

  /// Replaces each `${NAME}` by the variable's value, which is not looked through again;
  /// `$${` stands for a plain `${`.
  private func expand(_ written: String) -> SettingsScalar {
    var text = ""
    var isExpanded = false
    var problem: String?
    var rest = written[...]
    while let dollar = rest.firstIndex(of: "$") {
      text += rest[..<dollar]
      rest = rest[dollar...]
      if rest.hasPrefix("$${") {
        text += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        isExpanded = true
        do {
          text += try reference(&rest)
        } catch {
          problem = problem ?? error.reason
        }
      } else {
        text += "$"
        rest = rest.dropFirst()
      }
    }
    text += rest
    return SettingsScalar(
      isExpanded ? .text(text) : .string(text), written: written, isExpanded: isExpanded,
      problem: problem)
  }

  /// What the reference at the start of `rest` stands for; passes over it in any case.
  private func reference(_ rest: inout Substring) throws(SettingRefusal) -> String {
    let name = rest.dropFirst(2).prefix { $0 != "}" }
    let isClosed = name.endIndex != rest.endIndex
    rest = rest[name.endIndex...].dropFirst()
    guard isClosed, Self.isVariableName(name) else {
      throw SettingRefusal("'${' opens no reference; allowed: ${NAME}, or $${ for a plain ${")
    }
    guard let value = environment[String(name)] else {
      throw SettingRefusal(
        "the environment variable \(name) is not set; set it, or write the value here")
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
