// What a JSON scanner hands out: a value that was found at one of its paths.

/// A value found at a path. Strings are counted, not held; see `JSONScanner.captured`.
package struct JSONMatch: Equatable, Sendable {
  package enum Kind: UInt8, Sendable {
    case objectBegan
    case objectEnded
    case arrayBegan
    case arrayEnded
    case string
    /// A piece of a `lent` string: `piece` of the bytes given or, where that is empty, what
    /// `JSONScanner.captured` holds. `string` follows at its end.
    case stringPiece
    case number
    case `true`
    case `false`
    case null
    /// An element of the outermost array is complete. Only with `JSONScanner.Style.elements`.
    case elementEnded
    /// The outermost array is complete. Only with `JSONScanner.Style.elements`.
    case elementsEnded
  }

  /// The number of the path in the table; 0 for `elementEnded` and `elementsEnded`.
  package let field: UInt8
  package let kind: Kind
  // Kept small, since one is returned for each value found.
  /// `JSONScanner.captured` holds the text of this match.
  package let isCaptured: Bool
  private let isWhole: Bool
  private let amount: Int64
  private let pieceStart: UInt32
  private let pieceEnd: UInt32

  init(
    field: UInt8, kind: Kind, count: Int = 0, integer: Int64? = nil, piece: Range<Int> = 0..<0,
    isCaptured: Bool = false
  ) {
    self.field = field
    self.kind = kind
    self.isCaptured = isCaptured
    isWhole = integer != nil
    amount = integer ?? Int64(count)
    pieceStart = UInt32(piece.lowerBound)
    pieceEnd = UInt32(piece.upperBound)
  }

  /// Unicode scalar values of a string (a surrogate pair is one), or the length in scalar values
  /// that a measured object or array would have as compact JSON with non-ASCII left unescaped.
  package var count: Int { kind == .number ? 0 : Int(amount) }

  /// A number's value if it is whole and has no exponent, saturated at 64 bits; nil otherwise.
  package var integer: Int64? { isWhole ? amount : nil }

  /// The same finding of a string of that many scalar values, or of a whole number.
  package func with(count: Int) -> JSONMatch {
    JSONMatch(field: field, kind: kind, count: count, isCaptured: isCaptured)
  }

  package func with(integer: Int64) -> JSONMatch {
    JSONMatch(field: field, kind: kind, integer: integer, isCaptured: isCaptured)
  }

  /// The bytes of a `stringPiece`.
  package var piece: Range<Int> { Int(pieceStart)..<Int(pieceEnd) }
}
