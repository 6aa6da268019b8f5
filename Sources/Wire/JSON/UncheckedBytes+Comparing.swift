// How far two texts agree: what recognising a text by one before it comes down to.

extension UncheckedBytes {
  /// How many bytes from `start` on are those of `other` from `own` on.
  @inline(__always)
  func agreement(
    _ start: Int, _ other: borrowing UncheckedBytes, _ own: Int
  ) -> Int {
    let length = min(count &- start, other.count &- own)
    var offset = 0
    while offset &+ 32 <= length {
      let first = difference(start &+ offset, other, own &+ offset)
      let second = difference(start &+ offset &+ 8, other, own &+ offset &+ 8)
      let third = difference(start &+ offset &+ 16, other, own &+ offset &+ 16)
      let fourth = difference(start &+ offset &+ 24, other, own &+ offset &+ 24)
      if first | second | third | fourth != 0 { break }
      offset &+= 32
    }
    while offset &+ 8 <= length {
      let found = difference(start &+ offset, other, own &+ offset)
      if found != 0 { return offset &+ found.trailingZeroBitCount &>> 3 }
      offset &+= 8
    }
    guard offset < length else { return length }
    if length >= 8 {
      // The last word, part of which was compared already.
      let found = difference(start &+ length &- 8, other, own &+ length &- 8)
      return found == 0 ? length : length &- 8 &+ found.trailingZeroBitCount &>> 3
    }
    while offset < length, self[start &+ offset] == other[own &+ offset] { offset &+= 1 }
    return offset
  }

  /// Whether `length` bytes from `start` on are those of `other` from `own` on; both must have them.
  ///
  /// No call of `memcmp`: that goes by way of the linker's table and looks at the length first, which costs as
  /// much as comparing.
  @inline(__always)
  func agrees(
    _ start: Int, _ other: borrowing UncheckedBytes, _ own: Int, count length: Int
  ) -> Bool {
    assert(start + length <= count && own + length <= other.count)
    if length < 32 { return agreesShortly(start, other, own, count: length) }
    // The last block overlaps the one before.
    let last = length &- 32
    var found = block(at: start &+ last) ^ other.block(at: own &+ last)
    var offset = 0
    while offset < last {
      found |= block(at: start &+ offset) ^ other.block(at: own &+ offset)
      offset &+= 32
    }
    return found.x | found.y | found.z | found.w == 0
  }

  /// The same for fewer than 32 bytes.
  @inline(__always)
  private func agreesShortly(
    _ start: Int, _ other: borrowing UncheckedBytes, _ own: Int, count length: Int
  ) -> Bool {
    var offset = 0
    var found: UInt64 = 0
    while offset &+ 8 <= length {
      found |= difference(start &+ offset, other, own &+ offset)
      offset &+= 8
    }
    if offset < length, length >= 8 {
      // The last word, part of which was compared already.
      found |= difference(start &+ length &- 8, other, own &+ length &- 8)
      offset = length
    }
    while offset < length {
      found |= UInt64(self[start &+ offset] ^ other[own &+ offset])
      offset &+= 1
    }
    return found == 0
  }

  /// What eight bytes differ in.
  @inline(__always)
  private func difference(_ at: Int, _ other: borrowing UncheckedBytes, _ own: Int) -> UInt64 {
    word(at: at) ^ other.word(at: own)
  }
}
