// Bits out of bytes that arrive in pieces, lowest bit first (RFC 1951 §3.1.1).

/// Up to 64 bits taken from the input and not yet used.
///
/// It is a plain value: a decoder tries on a copy, and keeps the original when bits are missing.
struct BitReader {
  /// Bits not yet used, next one lowest; zeros above `count`.
  private(set) var bits: UInt64 = 0
  private(set) var count = 0

  /// Takes bytes from `bytes` at `position` until more than 56 bits are held or none are left.
  @inline(__always)
  mutating func fill(_ bytes: Span<UInt8>, _ position: inout Int) {
    while count <= 56, position < bytes.count {
      bits |= UInt64(bytes[position]) &<< UInt64(count)
      count &+= 8
      position &+= 1
    }
  }

  /// The next `length` bits, at most 48, or nil while fewer are held.
  @inline(__always)
  mutating func take(_ length: Int) -> Int? {
    guard count >= length else { return nil }
    let value = Int(bits & (1 &<< UInt64(length) &- 1))
    drop(length)
    return value
  }

  /// Forgets `length` bits, which must be held.
  @inline(__always)
  mutating func drop(_ length: Int) {
    bits &>>= UInt64(length)
    count &-= length
  }

  /// Forgets the bits up to the next byte boundary of the input.
  mutating func alignToByte() {
    drop(count & 7)
  }
}
