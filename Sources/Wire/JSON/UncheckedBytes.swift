// The one place where the scanners read memory without bounds checks: the checks cost half of the
// scanner's time. Its users keep every index below `count`; tests run them against a guard page.

/// Bytes lent for one call, read without bounds checks.
@safe
struct UncheckedBytes: ~Copyable {
  private let base: UnsafePointer<UInt8>
  let count: Int

  /// The buffer must outlive this value and must not be empty.
  init(_ buffer: UnsafeBufferPointer<UInt8>) {
    // The caller has looked: an empty buffer alone has no base address.
    unsafe base = buffer.baseAddress.unsafelyUnwrapped
    count = buffer.count
  }

  /// `index` must be below `count`.
  subscript(index: Int) -> UInt8 {
    @inline(__always) get {
      assert(index >= 0 && index < count)
      return unsafe base[index]
    }
  }

  /// `range` must lie below `count`.
  func append(_ range: Range<Int>, to array: inout [UInt8]) {
    assert(range.lowerBound >= 0 && range.upperBound <= count)
    let start = unsafe base + range.lowerBound
    unsafe array.append(contentsOf: UnsafeBufferPointer(start: start, count: range.count))
  }

  /// Eight bytes, the first of them lowest; `index + 8` must not exceed `count`.
  @inline(__always)
  func word(at index: Int) -> UInt64 {
    assert(index >= 0 && index + 8 <= count)
    let raw = unsafe UnsafeRawPointer(base + index)
    return UInt64(littleEndian: unsafe raw.loadUnaligned(as: UInt64.self))
  }

  /// 32 bytes in no order that counts; `index + 32` must not exceed `count`.
  @inline(__always)
  func block(at index: Int) -> SIMD4<UInt64> {
    assert(index >= 0 && index + 32 <= count)
    let raw = unsafe UnsafeRawPointer(base + index)
    return unsafe raw.loadUnaligned(as: SIMD4<UInt64>.self)
  }
}

/// Arithmetic on eight bytes at a time.
enum Word {
  static let lowBits: UInt64 = 0x0101_0101_0101_0101
  static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// The lowest bit set marks the first byte that equals `byte`; bits above it may be wrong.
  @inline(__always)
  static func marks(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (lowBits &* UInt64(byte))
    return (difference &- lowBits) & ~difference & highBits
  }

  /// Whether one of 32 bytes is a quote or a backslash.
  @inline(__always)
  static func holdStringMarks(_ words: SIMD4<UInt64>) -> Bool {
    let low = SIMD4(repeating: lowBits)
    let quotes = words ^ SIMD4(repeating: lowBits &* UInt64(UInt8(ascii: "\"")))
    let backslashes = words ^ SIMD4(repeating: lowBits &* UInt64(UInt8(ascii: "\\")))
    let marks = (quotes &- low) & ~quotes | (backslashes &- low) & ~backslashes
    return (marks.x | marks.y | marks.z | marks.w) & highBits != 0
  }

  /// How many of the eight bytes begin a Unicode scalar value.
  @inline(__always)
  static func scalarCount(_ word: UInt64) -> Int {
    if word & highBits == 0 { return 8 }
    return 8 &- (word & ~(word &<< 1) & highBits).nonzeroBitCount
  }

  /// How many of the first `count` of the eight bytes, fewer than eight, do.
  @inline(__always)
  static func scalarCount(_ word: UInt64, first count: Int) -> Int {
    if word & highBits == 0 { return count }
    let continuations = word & ~(word &<< 1) & highBits
    return count &- (continuations & ((1 &<< UInt64(8 &* count)) &- 1)).nonzeroBitCount
  }
}
