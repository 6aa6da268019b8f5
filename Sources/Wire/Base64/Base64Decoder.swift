// Base64 (RFC 4648 §4), decoded as it arrives: Bedrock wraps a model's own JSON in it.

/// Decodes the standard alphabet from pieces of any size. Padding may be missing at the end.
package struct Base64Decoder: Sendable {
  /// Why text is not Base64.
  package enum Failure: Error, Equatable, Sendable {
    /// A byte outside the alphabet; white space counts as one (RFC 4648 §3.3).
    case invalidCharacter
    /// Padding where none may stand, or data after it.
    case misplacedPadding
    /// The text ends inside a byte, or its unused bits are not zero.
    case truncated
  }

  /// Bits of the group begun, right-aligned.
  private var pending: UInt32 = 0
  /// Characters of the group begun, padding included: 0 to 3.
  private var groupLength = 0
  private var paddingSeen = 0
  private var isClosed = false

  package init() {}

  /// Appends what `text` decodes to, at most three bytes for every four, to `output`.
  ///
  /// What was decoded before a failure has been appended; after one the decoder must not be fed
  /// again.
  package mutating func decode(
    _ text: Span<UInt8>, into output: inout [UInt8]
  ) throws(Failure) {
    let values = decodingTable.span
    for index in text.indices {
      let value = values[Int(text[index])]
      if value < 64, paddingSeen == 0, !isClosed {
        pending = pending &<< 6 | UInt32(value)
        groupLength &+= 1
        if groupLength == 4 { endGroup(&output) }
      } else if value == paddingMark {
        try addPadding(&output)
      } else {
        throw value == invalidMark ? .invalidCharacter : .misplacedPadding
      }
    }
  }

  /// Appends the bytes of a last group that has no padding.
  package mutating func finish(into output: inout [UInt8]) throws(Failure) {
    guard groupLength > 0 else { return }
    guard paddingSeen == 0 else { throw .truncated }
    try endShortGroup(characters: groupLength, &output)
    groupLength = 0
  }

  private mutating func endGroup(_ output: inout [UInt8]) {
    output.append(UInt8(truncatingIfNeeded: pending &>> 16))
    output.append(UInt8(truncatingIfNeeded: pending &>> 8))
    output.append(UInt8(truncatingIfNeeded: pending))
    pending = 0
    groupLength = 0
  }

  private mutating func addPadding(_ output: inout [UInt8]) throws(Failure) {
    guard !isClosed, groupLength >= 2 else { throw .misplacedPadding }
    paddingSeen += 1
    groupLength += 1
    guard groupLength == 4 else { return }
    try endShortGroup(characters: 4 - paddingSeen, &output)
    groupLength = 0
    isClosed = true
  }

  /// Two characters carry one byte and three carry two; the bits left over must be zero
  /// (RFC 4648 §3.5), or two texts would stand for the same bytes.
  private func endShortGroup(characters: Int, _ output: inout [UInt8]) throws(Failure) {
    switch characters {
    case 2 where pending & 0xF == 0:
      output.append(UInt8(truncatingIfNeeded: pending >> 4))
    case 3 where pending & 0x3 == 0:
      output.append(UInt8(truncatingIfNeeded: pending >> 10))
      output.append(UInt8(truncatingIfNeeded: pending >> 2))
    default:
      throw .truncated
    }
  }
}

private let paddingMark: UInt8 = 64
private let invalidMark: UInt8 = 255

/// The value of each character of the alphabet, or one of the marks above.
private let decodingTable: [UInt8] = {
  var table = [UInt8](repeating: invalidMark, count: 256)
  for (value, character) in Base64Encoder.alphabet.enumerated() {
    table[Int(character)] = UInt8(value)
  }
  table[Int(UInt8(ascii: "="))] = paddingMark
  return table
}()
