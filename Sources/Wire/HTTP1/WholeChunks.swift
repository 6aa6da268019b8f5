// Nearly all chunks lie whole in a read, and have the size of the one before or nearly so: their size lines
// are compared, not read.

/// Takes chunks that lie whole in the bytes at hand, from their size lines to their ends, have no extensions
/// and are not the last. A decoder that stood before them stands behind them unchanged.
struct WholeChunks {
  // A size line seen: its bytes, lowest first, and those of them that the next has to share, all but the last
  // digit; what it says without that one. At first what no size line is.
  private var line: UInt64 = 0
  private var shared = UInt64.max
  private var digits = 1
  private var size = 0

  /// Appends where the payloads of chunks lie, from `start` on, and returns where the first of them begins
  /// that is to be read another way.
  @inline(__always)
  static func take(
    _ bytes: Span<UInt8>, from start: Int, payload: inout [Range<Int>]
  ) -> Int {
    guard let first = chunk(bytes, at: start) else { return start }
    payload.append(first)
    let end = first.upperBound &+ 2
    return end == bytes.count ? end : takeMore(bytes, from: end, payload: &payload)
  }

  @inline(never)
  private static func takeMore(
    _ bytes: Span<UInt8>, from start: Int, payload: inout [Range<Int>]
  ) -> Int {
    var chunks = WholeChunks()
    var offset = start
    var isFull = true
    while isFull {
      // Room for many at a time: to append each asks each time whose the array is.
      payload.append(addingCapacity: 16) { room in
        while !room.isFull, let range = chunks.next(bytes, at: offset) {
          room.append(range)
          offset = range.upperBound &+ 2
        }
        isFull = room.isFull
      }
    }
    return offset
  }

  /// The payload of the chunk at `start`, whose size line may differ from one seen in its last digit.
  @inline(__always)
  private mutating func next(_ bytes: Span<UInt8>, at start: Int) -> Range<Int>? {
    guard start &+ 8 <= bytes.count, (Self.word(bytes, at: start) ^ line) & shared == 0,
      let digit = HTTPOctet.hexValue(bytes[start &+ digits &- 1])
    else { return nextOther(bytes, at: start) }
    return Self.payload(bytes, at: start &+ digits &+ 2, size: size | digit)
  }

  /// The same, whatever its size line, which is seen now if it is no longer than a word.
  @inline(never)
  private mutating func nextOther(_ bytes: Span<UInt8>, at start: Int) -> Range<Int>? {
    guard let range = Self.chunk(bytes, at: start) else { return nil }
    let digits = range.lowerBound &- 2 &- start
    if digits <= 6, start &+ 8 <= bytes.count {
      self.digits = digits
      size = range.count & ~15
      line = Self.word(bytes, at: start)
      shared = UInt64.max &>> UInt64(48 &- 8 &* digits) & ~(0xFF &<< UInt64(8 &* digits &- 8))
    }
    return range
  }

  @inline(__always)
  private static func chunk(_ bytes: Span<UInt8>, at start: Int) -> Range<Int>? {
    var at = start
    var size = 0
    let last = min(bytes.count, start &+ 8)
    while at < last, let digit = HTTPOctet.hexValue(bytes[at]) {
      size = size &<< 4 | digit
      at &+= 1
    }
    guard at &+ 2 <= bytes.count, isLineEnd(bytes, at: at) else { return nil }
    return payload(bytes, at: at &+ 2, size: size)
  }

  @inline(__always)
  private static func payload(_ bytes: Span<UInt8>, at start: Int, size: Int) -> Range<Int>? {
    let end = start &+ size
    guard size > 0, end &+ 2 <= bytes.count, isLineEnd(bytes, at: end) else { return nil }
    return start..<end
  }

  @inline(__always)
  private static func isLineEnd(_ bytes: Span<UInt8>, at index: Int) -> Bool {
    // Safe, here and below: the load is bounds-checked, and every bit pattern is an integer.
    let pair = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt16.self)
    return UInt16(littleEndian: pair) == 0x0A0D
  }

  @inline(__always)
  private static func word(_ bytes: Span<UInt8>, at index: Int) -> UInt64 {
    let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
    return UInt64(littleEndian: word)
  }
}
