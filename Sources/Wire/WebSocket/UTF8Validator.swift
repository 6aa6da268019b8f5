// Whether bytes that come in pieces are UTF-8: what RFC 6455 §8.1 wants of text messages, whose
// fragments may end inside a character.

/// Knows at each byte whether the text so far can still become valid, after table 3-7 of the
/// Unicode standard: overlong forms, surrogates and what lies beyond U+10FFFF fail at the first
/// byte that makes them so.
package struct UTF8Validator: Equatable, Sendable {
  /// Bytes that the character at hand still lacks, and what the next of them may be.
  private var missing: UInt8 = 0
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  package init() {}

  /// Whether the text may end here.
  package var isBetweenCharacters: Bool { missing == 0 }

  /// Reads on. After false, which is final, give it no more.
  package mutating func accept(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index &+= 1
      if missing == 0 {
        guard byte < 0x80 || begin(byte) else { return false }
      } else {
        guard byte >= lowest, byte <= highest else { return false }
        missing &-= 1
        (lowest, highest) = (0x80, 0xBF)
      }
    }
    return true
  }

  private mutating func begin(_ byte: UInt8) -> Bool {
    switch byte {
    case 0xC2...0xDF: missing = 1
    case 0xE0: (missing, lowest) = (2, 0xA0)
    case 0xED: (missing, highest) = (2, 0x9F)
    case 0xE1...0xEF: missing = 2
    case 0xF0: (missing, lowest) = (3, 0x90)
    case 0xF1...0xF3: missing = 3
    case 0xF4: (missing, highest) = (3, 0x8F)
    default: return false
    }
    return true
  }
}
