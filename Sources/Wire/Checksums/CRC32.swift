// The cyclic redundancy check of gzip (RFC 1952 §8) and of AWS event streams: CRC-32/ISO-HDLC.

/// A running CRC-32 over bytes that arrive in pieces.
///
/// Eight bytes are folded per step with eight tables ("slicing by 8"), about 1 ns for each byte
/// less than the one-table form.
package struct CRC32: Equatable, Sendable {
  private var register: UInt32 = 0xFFFF_FFFF

  package init() {}

  /// The checksum of everything seen so far.
  package var value: UInt32 { ~register }

  package mutating func update(_ bytes: Span<UInt8>) {
    let tables = crcTables.span
    // Unsafe in name only: bytes seen as bytes.
    let raw = unsafe bytes.bytes
    var crc = register
    var at = 0
    while at &+ 8 <= bytes.count {
      // The load is checked against the end of the span; every bit pattern is a UInt64.
      let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
      crc = folded(word ^ UInt64(crc), tables)
      at &+= 8
    }
    while at < bytes.count {
      crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[at])] ^ (crc &>> 8)
      at &+= 1
    }
    register = crc
  }

  package mutating func update(_ byte: UInt8) {
    let index = Int(UInt8(truncatingIfNeeded: register) ^ byte)
    register = crcTables[index] ^ (register &>> 8)
  }
}

@inline(__always)
private func folded(_ word: UInt64, _ tables: Span<UInt32>) -> UInt32 {
  var result: UInt32 = 0
  for byte in 0..<8 {
    let index = Int(UInt8(truncatingIfNeeded: word &>> UInt64(byte &* 8)))
    result ^= tables[(7 &- byte) &* 256 &+ index]
  }
  return result
}

/// Row 0 is the table of one byte; row n is that of a byte followed by n zero bytes.
private let crcTables: [UInt32] = {
  var tables = [UInt32](repeating: 0, count: 8 * 256)
  for index in 0..<256 {
    var crc = UInt32(index)
    for _ in 0..<8 {
      crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1
    }
    tables[index] = crc
  }
  for index in 256..<tables.count {
    let previous = tables[index - 256]
    tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
  }
  return tables
}()
