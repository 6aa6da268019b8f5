// What a settings file says, value by value, with the place where each one stands.

/// A place in a text: line and column count from 1, columns in Unicode scalars.
struct TextPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
  var line = 1
  var column = 1

  var description: String { "\(line):\(column)" }

  static func < (left: TextPosition, right: TextPosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

/// One JSON5 value and where it begins.
struct JSON5Value: Equatable, Sendable {
  let position: TextPosition
  let content: Content

  enum Content: Equatable, Sendable {
    case null
    case boolean(Bool)
    case number(JSON5Number)
    case string(String)
    case array([JSON5Value])
    /// In the order of the file; no key stands twice.
    case object([JSON5Member])
  }
}

/// A key with its value, each with its place.
struct JSON5Member: Equatable, Sendable {
  let key: String
  let position: TextPosition
  let value: JSON5Value
}

/// A number as it was written, because `1e3`, `0x3E8` and `1000` are one integer and a file's
/// own spelling belongs in messages about it.
struct JSON5Number: Equatable, Sendable {
  /// Checked against the grammar: digits, hexadecimal digits, or `Infinity` and `NaN`.
  let literal: String

  /// Nil if it has a fraction, is not finite, or does not fit.
  var integer: Int? {
    let isNegative = literal.hasPrefix("-")
    let digits = isNegative || literal.hasPrefix("+") ? literal.dropFirst() : literal[...]
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      return Int((isNegative ? "-" : "") + digits.dropFirst(2), radix: 16)
    }
    return Int(literal) ?? double.flatMap { Int(exactly: $0) }
  }

  /// Nil if it is not finite.
  var double: Double? {
    Double(literal).flatMap { $0.isFinite ? $0 : nil }
  }
}

/// The grammar's rule that a text broke, and where.
struct JSON5Error: Error, Equatable, Sendable {
  let position: TextPosition
  let message: String
}
