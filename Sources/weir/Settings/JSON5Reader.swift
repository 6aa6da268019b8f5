// Reads a settings file: JSON5, with the position of every key and value, so that whoever judges
// a value can point at it. https://spec.json5.org

/// A JSON5 parser for files written by people: it stops at the first break of the grammar and says
/// what may stand there, without quoting strings, which may be secret. Duplicate keys are refused,
/// because one of the two would be ignored.
struct JSON5Reader {
  /// Deeper nesting than this is refused, so that a file cannot exhaust the stack.
  static let depthLimit = 64
  /// A larger file than this is no settings file.
  static let sizeLimitBytes = 1 << 20

  private var cursor: JSON5Cursor
  private var depth = 0

  /// The one value of a whole file.
  static func read(_ bytes: [UInt8]) throws(JSON5Error) -> JSON5Value {
    guard bytes.count <= sizeLimitBytes else {
      throw JSON5Error(
        position: TextPosition(),
        message: "the file has \(bytes.count) bytes; at most \(sizeLimitBytes) are allowed")
    }
    var reader = JSON5Reader(cursor: try JSON5Cursor(bytes))
    let value = try reader.readValue()
    try reader.cursor.skipBlanks()
    guard reader.cursor.next == nil else {
      throw reader.cursor.failure(
        "\(reader.cursor.nextName) follows the end of the value; nothing but comments may")
    }
    return value
  }

  private init(cursor: JSON5Cursor) {
    self.cursor = cursor
  }

  private mutating func readValue() throws(JSON5Error) -> JSON5Value {
    try cursor.skipBlanks()
    let position = cursor.position
    return JSON5Value(position: position, content: try readContent(at: position))
  }

  private mutating func readContent(
    at position: TextPosition
  ) throws(JSON5Error) -> JSON5Value.Content {
    switch cursor.next {
    case "{": return .object(try nested { reader throws(JSON5Error) in try reader.readMembers() })
    case "[": return .array(try nested { reader throws(JSON5Error) in try reader.readElements() })
    case "\"", "'": return .string(try cursor.readString())
    case "+", "-", ".", "I", "N": return .number(try cursor.readNumber())
    case let next? where next.isDecimalDigit: return .number(try cursor.readNumber())
    case let next? where next.isJSON5NameStart: return try readWord(at: position)
    default:
      throw cursor.failure(
        "\(cursor.nextName) begins no value; allowed: {, [, a string in quotes, a number, "
          + "true, false or null")
    }
  }

  private mutating func readWord(at position: TextPosition) throws(JSON5Error) -> JSON5Value.Content
  {
    let word = try cursor.readName()
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .null
    default:
      throw cursor.failure("'\(word)' is no value; strings are written in quotes", at: position)
    }
  }

  private mutating func nested<Result>(
    _ read: (inout JSON5Reader) throws(JSON5Error) -> Result
  ) throws(JSON5Error) -> Result {
    guard depth < Self.depthLimit else {
      throw cursor.failure("nested too deeply; at most \(Self.depthLimit) levels are allowed")
    }
    depth += 1
    defer { depth -= 1 }
    cursor.advance()
    return try read(&self)
  }

  private mutating func readElements() throws(JSON5Error) -> [JSON5Value] {
    var elements: [JSON5Value] = []
    while try !reachesEnd("]") {
      elements.append(try readValue())
      if try !separates(from: "]", after: "an element") { break }
    }
    return elements
  }

  private mutating func readMembers() throws(JSON5Error) -> [JSON5Member] {
    var members: [JSON5Member] = []
    var firstPlaces: [String: TextPosition] = [:]
    while try !reachesEnd("}") {
      let position = cursor.position
      let key = try readKey()
      if let first = firstPlaces.updateValue(position, forKey: key) {
        throw cursor.failure(
          "this key stands at \(first) already; each key stands once", at: position)
      }
      members.append(JSON5Member(key: key, position: position, value: try readValue()))
      if try !separates(from: "}", after: "a value") { break }
    }
    return members
  }

  /// Reads up to the value: the key and its colon.
  private mutating func readKey() throws(JSON5Error) -> String {
    let isQuoted = cursor.next == "\"" || cursor.next == "'"
    let key = isQuoted ? try cursor.readString() : try cursor.readName()
    if key.isEmpty && !isQuoted {
      throw cursor.failure("\(cursor.nextName) begins no key; allowed: a name, or a string, or }")
    }
    try cursor.skipBlanks()
    guard cursor.advance(if: ":") else {
      let advice =
        isQuoted ? "" : " (a key with other signs than letters, digits, _ and $ needs quotes)"
      throw cursor.failure("a ':' must follow a key, not \(cursor.nextName)\(advice)")
    }
    return key
  }

  private mutating func reachesEnd(_ end: Unicode.Scalar) throws(JSON5Error) -> Bool {
    try cursor.skipBlanks()
    return cursor.advance(if: end)
  }

  /// Whether another one may follow: true after a comma, false after the end.
  private mutating func separates(
    from end: Unicode.Scalar, after what: String
  ) throws(JSON5Error) -> Bool {
    try cursor.skipBlanks()
    if cursor.advance(if: ",") { return true }
    if cursor.advance(if: end) { return false }
    throw cursor.failure("\(cursor.nextName) follows \(what); allowed: ',' or '\(end)'")
  }
}
