// The header of a gzip member, RFC 1952 §2.3: checked, and its contents left unused.

/// Reads a member's header field by field.
struct GzipHeader {
  /// What comes next. Names and comments are skipped, however long.
  enum Field: Equatable {
    case magic, methodAndFlags, times, extraLength
    case extra(remaining: Int)
    case name, comment, checksum, end
  }

  private enum Flag {
    static let headerChecksum = 2
    static let extra = 4
    static let name = 8
    static let comment = 16
    static let reserved = 0xE0
  }

  private var flags = 0
  private var crc = CRC32()

  /// Reads one field, or as much of it as there is, and moves `field` on; false when bytes are
  /// missing.
  mutating func read(
    _ field: inout Field, _ reader: inout BitReader
  ) throws(InflateError) -> Bool {
    switch field {
    case .magic:
      guard let word = take(2, &reader) else { return false }
      guard word == 0x8B1F else { throw .gzipHeader }
      field = .methodAndFlags
    case .methodAndFlags:
      guard let word = take(2, &reader) else { return false }
      flags = word >> 8
      guard word & 0xFF == 8, flags & Flag.reserved == 0 else { throw .gzipHeader }
      field = .times
    case .times:
      guard take(6, &reader) != nil else { return false }
      field = .extraLength
    case .extraLength:
      guard flags & Flag.extra != 0 else {
        field = .name
        return true
      }
      guard let length = take(2, &reader) else { return false }
      field = .extra(remaining: length)
    case .extra(let remaining):
      guard remaining == 0 || take(1, &reader) != nil else { return false }
      field = remaining == 0 ? .name : .extra(remaining: remaining - 1)
    case .name:
      return skipText(Flag.name, &field, next: .comment, &reader)
    case .comment:
      return skipText(Flag.comment, &field, next: .checksum, &reader)
    case .checksum:
      return try checkChecksum(&field, &reader)
    case .end:
      break
    }
    return true
  }

  /// Skips a text up to its zero byte if its flag says that it is there.
  private mutating func skipText(
    _ flag: Int, _ field: inout Field, next: Field, _ reader: inout BitReader
  ) -> Bool {
    guard flags & flag != 0 else {
      field = next
      return true
    }
    guard let byte = take(1, &reader) else { return false }
    if byte == 0 { field = next }
    return true
  }

  /// The lower half of the CRC-32 of all header bytes before it.
  private func checkChecksum(
    _ field: inout Field, _ reader: inout BitReader
  ) throws(InflateError) -> Bool {
    if flags & Flag.headerChecksum != 0 {
      guard let word = reader.take(16) else { return false }
      guard word == Int(crc.value & 0xFFFF) else { throw .gzipHeaderChecksum }
    }
    field = .end
    return true
  }

  /// The next `count` bytes, at most six, lowest first; nil while they are not all there.
  private mutating func take(_ count: Int, _ reader: inout BitReader) -> Int? {
    guard let word = reader.take(8 * count) else { return nil }
    for index in 0..<count { crc.update(UInt8(truncatingIfNeeded: word >> (8 * index))) }
    return word
  }
}
