// gzip without compression: each event becomes stored blocks, so that a reader can have it as soon
// as it has arrived, as with providers that flush after each event.

internal import Wire

/// RFC 1952 around the stored blocks of RFC 1951 §3.2.4.
struct GzipWriter {
  private var checksum = CRC32()
  private var size: UInt32 = 0
  private var hasBegun = false

  private static let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
  private static let longestBlock = 0xFFFF

  /// The encoded size of that many bytes given to `append` at once.
  static func encodedSize(_ count: Int) -> Int {
    count + 5 * ((count + longestBlock - 1) / longestBlock)
  }

  /// The size of all that is not the blocks of `append`.
  static let overhead = header.count + 5 + 8

  mutating func append(_ bytes: [UInt8], to out: inout [UInt8]) {
    begin(&out)
    checksum.update(bytes.span)
    size &+= UInt32(truncatingIfNeeded: bytes.count)
    for start in stride(from: 0, to: bytes.count, by: Self.longestBlock) {
      let block = bytes[start..<min(start + Self.longestBlock, bytes.count)]
      Self.beginBlock(isLast: false, count: block.count, &out)
      out.append(contentsOf: block)
    }
  }

  mutating func end(_ out: inout [UInt8]) {
    begin(&out)
    Self.beginBlock(isLast: true, count: 0, &out)
    for value in [checksum.value, size] {
      for shift in [0, 8, 16, 24] as [UInt32] {
        out.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }
  }

  private mutating func begin(_ out: inout [UInt8]) {
    guard !hasBegun else { return }
    hasBegun = true
    out += Self.header
  }

  private static func beginBlock(isLast: Bool, count: Int, _ out: inout [UInt8]) {
    let length = UInt16(count)
    out.append(isLast ? 1 : 0)
    for value in [length, ~length] {
      out.append(UInt8(truncatingIfNeeded: value))
      out.append(UInt8(truncatingIfNeeded: value >> 8))
    }
  }
}
