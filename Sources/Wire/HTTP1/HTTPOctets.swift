// The classes of octets in HTTP/1.1, and the scans over them which the head parsers share.

/// Octets with a name, and the classes that the grammar gives them.
enum HTTPOctet {
  static let nul: UInt8 = 0x00
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let colon: UInt8 = 0x3A

  /// `tchar`, RFC 9110 §5.6.2: one bit an octet, looked up without a table in memory.
  @inline(__always)
  static func isToken(_ octet: UInt8) -> Bool {
    // Small letters are most of all names.
    if octet &- 0x61 < 26 { return true }
    let bits: UInt64 = octet < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
    return octet < 128 && (bits >> UInt64(octet & 63)) & 1 == 1
  }

  /// What a registered name may hold beside percent escapes: `unreserved / sub-delims`,
  /// RFC 3986 §3.2.2.
  @inline(__always)
  static func isRegisteredName(_ octet: UInt8) -> Bool {
    let bits: UInt64 = octet < 64 ? 0x2BFF_7FD2_0000_0000 : 0x47FF_FFFE_87FF_FFFE
    return octet < 128 && (bits >> UInt64(octet & 63)) & 1 == 1
  }

  /// What may stand in a request target: visible ASCII except `#`, for a fragment is never sent.
  @inline(__always)
  static func isTarget(_ octet: UInt8) -> Bool {
    octet > 0x20 && octet < 0x7F && octet != UInt8(ascii: "#")
  }

  /// `HTAB / SP / VCHAR / obs-text`: what a field value or a reason may hold, RFC 9110 §5.5.
  @inline(__always)
  static func isText(_ octet: UInt8) -> Bool {
    octet >= 0x20 ? octet != 0x7F : octet == tab
  }

  /// `OWS` and `BWS`, RFC 9110 §5.6.3.
  @inline(__always)
  static func isBlank(_ octet: UInt8) -> Bool {
    octet == space || octet == tab
  }

  @inline(__always)
  static func isDigit(_ octet: UInt8) -> Bool {
    octet &- 0x30 < 10
  }

  /// The value of a hexadecimal digit of either case.
  @inline(__always)
  static func hexValue(_ octet: UInt8) -> Int? {
    if isDigit(octet) { return Int(octet &- 0x30) }
    let letter = (octet | 0x20) &- 0x61
    return letter < 6 ? Int(letter) + 10 : nil
  }

  /// ASCII letters in lower case, any other octet as it is.
  @inline(__always)
  static func lowercased(_ octet: UInt8) -> UInt8 {
    octet &- 0x41 < 26 ? octet | 0x20 : octet
  }

  /// The same for eight octets at a time.
  @inline(__always)
  static func lowercased(_ octets: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let low = octets & (ones &* 0x7F)
    // In each octet's highest bit: whether it comes after `Z`, and whether it is `A` or comes after.
    let isBeyond = low &+ ones &* (0x7F - 0x5A)
    let isReached = low &+ ones &* (0x80 - 0x41)
    return octets | ((isReached ^ isBeyond) & ~octets & (ones &* 0x80)) >> 2
  }
}

extension Span<UInt8> {
  /// The first offset at or after `start` that holds a control character (a tab included), else
  /// `count`. Most of a head is read here, so it takes eight bytes at a time.
  @inline(__always)
  func firstControl(from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while at &+ 8 <= count {
      let word = self.word(at: at)
      let delete = word ^ (ones &* 0x7F)
      let below = (word &- ones &* 0x20) & ~word
      // The lowest flagged byte is exact; a borrow can only flag bytes above it.
      let flagged = (below | ((delete &- ones) & ~delete)) & tops
      if flagged != 0 { return at &+ flagged.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < count {
      let octet = self[at]
      if octet < 0x20 || octet == 0x7F { return at }
      at &+= 1
    }
    return count
  }

  /// The end of the token that starts at `start`; equal to `start` when none does.
  @inline(__always)
  func endOfToken(from start: Int) -> Int {
    var at = start
    while at < count, HTTPOctet.isToken(self[at]) { at &+= 1 }
    return at
  }

  /// The part of `range` without blanks at either end.
  @inline(__always)
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var lower = range.lowerBound
    var upper = range.upperBound
    while lower < upper, HTTPOctet.isBlank(self[lower]) { lower &+= 1 }
    while lower < upper, HTTPOctet.isBlank(self[upper &- 1]) { upper &-= 1 }
    return lower..<upper
  }

  /// Whether `range` holds `name`, which is in lower case, in letters of any case.
  func matches(_ range: Range<Int>, lowercased name: StaticString) -> Bool {
    let length = name.utf8CodeUnitCount
    guard range.count == length else { return false }
    // Unsafe: a static string is as long as it says.
    let expected = unsafe Span(_unsafeStart: name.utf8Start, count: length)
    guard length >= 8 else {
      for offset in 0..<length
      where HTTPOctet.lowercased(self[range.lowerBound &+ offset]) != expected[offset] {
        return false
      }
      return true
    }
    var offset = 0
    while true {
      let own = HTTPOctet.lowercased(word(at: range.lowerBound &+ offset))
      if own != expected.word(at: offset) { return false }
      if offset &+ 8 == length { return true }
      // The last word may begin within the one before.
      offset = Swift.min(offset &+ 8, length &- 8)
    }
  }

  /// Eight bytes, the first of them lowest.
  @inline(__always)
  private func word(at offset: Int) -> UInt64 {
    // Safe: the load is bounds-checked, and every bit pattern is an integer.
    UInt64(
      littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Whether the bytes from `start` on begin with `text`, exactly.
  func holds(_ text: StaticString, at start: Int) -> Bool {
    guard start >= 0, count - start >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      let expected = unsafe expected.span
      for offset in 0..<expected.count where self[start &+ offset] != expected[offset] {
        return false
      }
      return true
    }
  }

  /// The offset after the CRLF at `at`; throws the rule broken where there is none.
  @inline(__always)
  func endOfLine(at: Int, otherwise rule: HTTP1Error) throws(HTTP1Error) -> Int {
    guard at &+ 1 < count, self[at] == HTTPOctet.carriageReturn,
      self[at &+ 1] == HTTPOctet.lineFeed
    else { throw violation(at: at, otherwise: rule) }
    return at &+ 2
  }

  /// The rule that the byte at `at` breaks: its own if it is NUL or half a line ending, since those
  /// are refused wherever they stand, otherwise the one that was being read.
  func violation(at: Int, otherwise rule: HTTP1Error) -> HTTP1Error {
    guard at < count else { return .badHeadEnding }
    switch self[at] {
    case HTTPOctet.nul: return .nulByte
    case HTTPOctet.lineFeed: return .bareLineFeed
    case HTTPOctet.carriageReturn:
      let isWholeEnding = at + 1 < count && self[at + 1] == HTTPOctet.lineFeed
      return isWholeEnding ? rule : .bareCarriageReturn
    default: return rule
    }
  }
}
