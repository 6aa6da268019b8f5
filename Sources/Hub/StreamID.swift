// The name of a kept stream: what a client is told in `x-weir-stream` and asks for later.

/// 128 random bits, written as 32 hexadecimal digits. Nobody guesses one, and the stream behind it
/// is still only for whoever shows the credential that made it.
package struct StreamID: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64

  package init(using random: inout some RandomNumberGenerator) {
    high = random.next()
    low = random.next()
  }

  /// Reads exactly 32 hexadecimal digits; nil for anything else.
  package init?(_ text: Span<UInt8>) {
    guard text.count == 32 else { return nil }
    var words = (UInt64(0), UInt64(0))
    for index in text.indices {
      guard let digit = Self.digit(text[index]) else { return nil }
      words = (words.0 << 4 | words.1 >> 60, words.1 << 4 | digit)
    }
    (high, low) = words
  }

  package var text: String { Self.digits(of: high) + Self.digits(of: low) }

  // The bits are evenly spread already.
  package func hash(into hasher: inout Hasher) { hasher.combine(low) }

  private static func digits(of word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
