// Walks over the characters of a JSON5 text and keeps count of lines and columns.

/// A place in a text and what follows there.
struct JSON5Cursor {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private(set) var position = TextPosition()

  /// Refuses bytes that are not UTF-8, at the place of the first wrong one.
  init(_ bytes: [UInt8]) throws(JSON5Error) {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(bytes.count)
    var decoder = UTF8()
    var input = bytes.makeIterator()
    decoding: while true {
      switch decoder.decode(&input) {
      case .scalarValue(let scalar): scalars.append(scalar)
      case .emptyInput: break decoding
      case .error: throw Self.badEncoding(after: scalars)
      }
    }
    self.scalars = scalars
  }

  private init(scalars: [Unicode.Scalar]) {
    self.scalars = scalars
  }

  private static func badEncoding(after scalars: [Unicode.Scalar]) -> JSON5Error {
    var cursor = JSON5Cursor(scalars: scalars)
    while cursor.advance() != nil {}
    return JSON5Error(
      position: cursor.position, message: "these bytes are not UTF-8; the file must be")
  }

  /// The next character; nil at the end.
  var next: Unicode.Scalar? { peek(0) }

  func peek(_ distance: Int) -> Unicode.Scalar? {
    index + distance < scalars.count ? scalars[index + distance] : nil
  }

  @discardableResult
  mutating func advance() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    index += 1
    let isFirstOfPair = scalar == "\r" && next == "\n"
    if scalar.isJSON5LineEnd && !isFirstOfPair {
      position = TextPosition(line: position.line + 1, column: 1)
    } else {
      position.column += 1
    }
    return scalar
  }

  mutating func advance(if wanted: Unicode.Scalar) -> Bool {
    guard next == wanted else { return false }
    advance()
    return true
  }

  func failure(_ message: String, at place: TextPosition? = nil) -> JSON5Error {
    JSON5Error(position: place ?? position, message: message)
  }

  /// The next character as messages name it.
  var nextName: String {
    guard let next else { return "the end of the file" }
    return next.value < 0x20 || next.value == 0x7f
      ? "the control character \(hexadecimal(next))" : "'\(next)'"
  }

  private func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// Passes over white space and comments.
  mutating func skipBlanks() throws(JSON5Error) {
    while let scalar = next {
      if scalar.isJSON5Space {
        advance()
      } else if scalar == "/" {
        try skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() throws(JSON5Error) {
    let start = position
    switch peek(1) {
    case "/":
      while let scalar = next, !scalar.isJSON5LineEnd { advance() }
    case "*":
      advance()
      advance()
      while !(next == "*" && peek(1) == "/") {
        guard advance() != nil else {
          throw failure("this comment never ends; close it with */", at: start)
        }
      }
      advance()
      advance()
    default:
      throw failure("a '/' stands here alone; comments are // to the end of a line, or /* */")
    }
  }
}

extension Unicode.Scalar {
  /// Line feed, carriage return, U+2028 and U+2029, as ECMAScript ends its lines.
  var isJSON5LineEnd: Bool {
    self == "\n" || self == "\r" || self == "\u{2028}" || self == "\u{2029}"
  }

  var isJSON5Space: Bool {
    switch self {
    case "\t", "\u{B}", "\u{C}", " ", "\u{A0}", "\u{FEFF}": true
    default: isJSON5LineEnd || properties.generalCategory == .spaceSeparator
    }
  }

  var isJSON5NameStart: Bool {
    self == "$" || self == "_" || properties.isIDStart
  }

  var isJSON5NamePart: Bool {
    isJSON5NameStart || properties.isIDContinue || self == "\u{200C}" || self == "\u{200D}"
  }

  var isDecimalDigit: Bool { ("0"..."9").contains(self) }

  /// 0 to 15; nil if this is no hexadecimal digit.
  var hexadecimalValue: UInt32? {
    switch self {
    case "0"..."9": value - 0x30
    case "a"..."f": value - 0x61 + 10
    case "A"..."F": value - 0x41 + 10
    default: nil
    }
  }
}
