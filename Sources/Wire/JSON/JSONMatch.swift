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
  /// Unicode scalar values of a string (a surrogate pair is one), or the length in scalar values
  /// that a measured object or array would have as compact JSON with non-ASCII left unescaped.
  package let count: Int
  /// A number's value if it is whole and has no exponent, saturated at 64 bits; nil otherwise.
  package let integer: Int64?
  package let piece: Range<Int>

  package init(
    field: UInt8, kind: Kind, count: Int = 0, integer: Int64? = nil, piece: Range<Int> = 0..<0
  ) {
    self.field = field
    self.kind = kind
    self.count = count
    self.integer = integer
    self.piece = piece
  }
}
