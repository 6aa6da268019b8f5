// Texts are bytes here: where constants become arrays of them, and comparisons that need no array.

internal import Wire

extension StaticString {
  var bytes: [UInt8] {
    // Unsafe: a static string is as long as it says and lives for ever.
    unsafe [UInt8](UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
  }

  /// The byte at `index`, which must be below the count.
  @inline(__always)
  func byte(_ index: Int) -> UInt8 {
    precondition(index < utf8CodeUnitCount)
    // Unsafe: the index was checked, and a static string lives for ever.
    return unsafe utf8Start[index]
  }
}

extension String {
  var bytes: [UInt8] { Array(utf8) }
}

extension [UInt8] {
  /// Whether these bytes are `text`.
  func equals(_ text: StaticString) -> Bool {
    span.isExactly(text)
  }

  func equals(_ other: Span<UInt8>) -> Bool { span.equals(other) }

  /// Makes these bytes those, in an array of their own unless they are the same.
  package mutating func become(_ other: Span<UInt8>) {
    if !equals(other) { self = [UInt8](copying: other) }
  }
}

extension Span<UInt8> {
  /// Whether `text` stands at `start`.
  @inline(__always)
  func holds(_ text: StaticString, at start: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard start + length <= count else { return false }
    // Texts of one list begin alike and differ at their ends.
    var index = length
    while index > 0 {
      index -= 1
      if self[start + index] != text.byte(index) { return false }
    }
    return true
  }

  /// Whether these bytes are `text`.
  func isExactly(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    // Unsafe: a static string is as long as it says and lives for ever.
    let bytes = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return unsafe equals(bytes.span)
  }

  /// Whether both have the same bytes, which are compared eight at a time.
  func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count >= 8 else { return equalsByBytes(other) }
    // The last word overlaps the one before.
    var at = count &- 8
    guard word(at: at) == other.word(at: at) else { return false }
    while at > 0 {
      at = Swift.max(0, at &- 8)
      guard word(at: at) == other.word(at: at) else { return false }
    }
    return true
  }

  private func equalsByBytes(_ other: Span<UInt8>) -> Bool {
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  @inline(__always)
  private func word(at index: Int) -> UInt64 {
    // Safe: the load is bounds-checked, and every bit pattern is an integer.
    unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
  }

  /// Whether these bytes are `text`, in which letters are small, without regard to letters' case
  /// and to blanks.
  func isToken(_ text: StaticString) -> Bool {
    var matched = 0
    for index in indices {
      let byte = self[index]
      if byte == 0x20 || byte == 0x09 { continue }
      let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      guard matched < text.utf8CodeUnitCount,
        text.byte(matched) == (isCapital ? byte | 0x20 : byte)
      else { return false }
      matched += 1
    }
    return matched == text.utf8CodeUnitCount
  }
}
