// Strings, keys and escapes: the bytes that make up most of a stream, eight at a time.

extension JSONScanner {
  /// The state of an escape that may be cut anywhere.
  struct Escape {
    enum Phase: UInt8 {
      case none
      case afterBackslash
      case hexDigits
    }

    var phase = Phase.none
    var hexDigitsLeft: UInt8 = 0
    var unit: UInt32 = 0
    /// A high surrogate that waits for its other half; 0 if none does.
    var highSurrogate: UInt32 = 0
  }

  /// Reads on in a string. Returns true at its closing quote.
  ///
  /// - Parameter escapesOnly: stop before the first byte that is no part of an escape.
  mutating func scanString(
    _ bytes: borrowing UncheckedBytes, _ at: inout Int, escapesOnly: Bool = false
  ) -> Bool {
    while at < bytes.count {
      guard escape.phase == .none else {
        scanEscape(bytes[at])
        at += 1
        if state == .failed { return false }
        continue
      }
      let start = at
      var scalars = 0
      if counting { scalars = scanRun(bytes, &at) } else { skipRun(bytes, &at) }
      if at > start {
        if escapesOnly {
          at = start
          return false
        }
        takeRun(bytes, start..<at, scalars: scalars)
      }
      guard at < bytes.count else { return false }
      let closes = bytes[at] == UInt8(ascii: "\"")
      at += 1
      if closes {
        if escape.highSurrogate != 0 { dropHighSurrogate() }
        return true
      }
      escape.phase = .afterBackslash
    }
    return false
  }

  /// Moves `at` to the next quote or backslash, or to the end. Returns the scalars passed.
  @inline(__always)
  func scanRun(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Int {
    var index = at
    var scalars = 0
    while index &+ 8 <= bytes.count {
      let word = bytes.word(at: index)
      let marks = Word.marks(word, UInt8(ascii: "\"")) | Word.marks(word, UInt8(ascii: "\\"))
      if marks != 0 {
        let passed = marks.trailingZeroBitCount &>> 3
        at = index &+ passed
        return scalars &+ Word.scalarCount(word, first: passed)
      }
      scalars &+= Word.scalarCount(word)
      index &+= 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
      scalars &+= byte & 0xC0 == 0x80 ? 0 : 1
      index &+= 1
    }
    at = index
    return scalars
  }

  /// The same where nobody counts, as in the prompts of a request: after a first word 32 bytes at a time.
  @inline(__always)
  private func skipRun(_ bytes: borrowing UncheckedBytes, _ at: inout Int) {
    if at &+ 8 <= bytes.count {
      let word = bytes.word(at: at)
      let marks = Word.marks(word, UInt8(ascii: "\"")) | Word.marks(word, UInt8(ascii: "\\"))
      at &+= marks == 0 ? 8 : marks.trailingZeroBitCount &>> 3
      if marks != 0 { return }
    }
    while at &+ 32 <= bytes.count, !Word.holdStringMarks(bytes.block(at: at)) { at &+= 32 }
    _ = scanRun(bytes, &at)
  }

  /// As `scanString`, in a string of which nothing is wanted unless its container is measured.
  @inline(__always)
  mutating func skipString(_ bytes: borrowing UncheckedBytes, _ at: inout Int) -> Bool {
    guard !counting, escape.phase == .none, escape.highSurrogate == 0 else {
      return scanString(bytes, &at)
    }
    skipRun(bytes, &at)
    guard at < bytes.count else { return false }
    guard bytes[at] == UInt8(ascii: "\"") else { return scanString(bytes, &at) }
    at += 1
    return true
  }

  @inline(__always)
  private mutating func takeRun(
    _ bytes: borrowing UncheckedBytes, _ range: Range<Int>, scalars: Int
  ) {
    if escape.highSurrogate != 0 { dropHighSurrogate() }
    if counting { count += scalars }
    if capturing { capture(bytes, range) }
  }

  private mutating func scanEscape(_ byte: UInt8) {
    if escape.phase == .hexDigits { return scanHexDigit(byte) }
    if byte == UInt8(ascii: "u") {
      escape.phase = .hexDigits
      escape.hexDigitsLeft = 4
      escape.unit = 0
      return
    }
    guard let scalar = Self.simpleEscape(byte) else {
      state = .failed
      return
    }
    escape.phase = .none
    takeEscaped(UInt32(scalar))
  }

  private mutating func scanHexDigit(_ byte: UInt8) {
    guard let digit = Self.hexDigit(byte) else {
      state = .failed
      return
    }
    escape.unit = escape.unit << 4 | digit
    escape.hexDigitsLeft -= 1
    guard escape.hexDigitsLeft == 0 else { return }
    escape.phase = .none
    switch escape.unit {
    case 0xD800...0xDBFF:
      if escape.highSurrogate != 0 { dropHighSurrogate() }
      escape.highSurrogate = escape.unit
      if counting { count += 1 }
    case 0xDC00...0xDFFF where escape.highSurrogate != 0:
      // The pair was counted when its first half came.
      let pair = 0x10000 + (escape.highSurrogate - 0xD800) << 10 + (escape.unit - 0xDC00)
      escape.highSurrogate = 0
      if capturing { capture(scalar: pair) }
    default:
      takeEscaped(escape.unit)
    }
  }

  private mutating func takeEscaped(_ scalar: UInt32) {
    if escape.highSurrogate != 0 { dropHighSurrogate() }
    if counting { count += skippedDepth == 0 ? 1 : Self.compactLength(scalar) }
    if capturing { capture(scalar: scalar) }
  }

  /// A high surrogate turned out to stand alone; it was counted, and is kept as U+FFFD.
  private mutating func dropHighSurrogate() {
    escape.highSurrogate = 0
    if capturing { capture(scalar: 0xFFFD) }
  }

  private static func simpleEscape(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }

  private static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte) - 87
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte) - 55
    default: nil
    }
  }

  /// How many characters a scalar takes inside a string of compact JSON.
  private static func compactLength(_ scalar: UInt32) -> Int {
    switch scalar {
    case 0x22, 0x5C, 0x08, 0x09, 0x0A, 0x0C, 0x0D: 2
    case 0..<0x20: 6
    default: 1
    }
  }
}

// MARK: - Keys

extension JSONScanner {
  /// Reads a key whose first byte comes next; at its end sets the target and expects the colon.
  mutating func scanKey(_ bytes: borrowing UncheckedBytes, _ at: inout Int) {
    let start = at
    _ = scanRun(bytes, &at)
    if at < bytes.count && bytes[at] == UInt8(ascii: "\"") {
      target = child(bytes, start..<at)
      at += 1
      state = .colon
      return
    }
    at = start
    scanKeyInPieces(bytes, &at)
  }

  /// Reads on in a key that is cut or has escapes.
  mutating func scanKeyInPieces(_ bytes: borrowing UncheckedBytes, _ at: inout Int) {
    // A capture is what decodes escapes; a key borrows it, since no value is being read.
    counting = false
    target = JSONPathTable.nowhere
    capturing = true
    captured.removeAll(keepingCapacity: true)
    let closed = scanString(bytes, &at)
    key.append(contentsOf: captured.prefix(JSONPathTable.keyLimit + 1 - key.count))
    capturing = false
    guard closed else { return }
    target = childOfKey()
    key.removeAll(keepingCapacity: true)
    state = .colon
  }

  /// The target of the key at `range` of `bytes`, in the innermost object.
  @inline(__always)
  func child(_ bytes: borrowing UncheckedBytes, _ range: Range<Int>) -> UInt16 {
    let length = range.count
    guard length <= JSONPathTable.keyLimit, keyLengths >> UInt64(length) & 1 == 1 else {
      return JSONPathTable.nowhere
    }
    var word: UInt64 = 0
    if range.lowerBound + 8 <= bytes.count {
      word = bytes.word(at: range.lowerBound)
      if length < 8 { word &= (1 << UInt64(8 * length)) &- 1 }
    } else {
      for index in range.reversed() { word = word << 8 | UInt64(bytes[index]) }
    }
    return Self.find(table, parent: innermost, word, bytes, range)
  }

  /// Static, because the compiler copies a scanner that it lends to a function of its own.
  private static func find(
    _ table: JSONPathTable, parent: UInt16, _ word: UInt64, _ bytes: borrowing UncheckedBytes,
    _ range: Range<Int>
  ) -> UInt16 {
    let mask = table.edges.count - 1
    var place = JSONPathTable.place(parent, word, range.count, mask: mask)
    while true {
      let edge = table.edges[place]
      if edge.parent == JSONPathTable.nowhere { return JSONPathTable.nowhere }
      if edge.word == word && edge.parent == parent && Int(edge.length) == range.count
        && matchesRest(table, edge, bytes, range)
      {
        return edge.child
      }
      place = (place + 1) & mask
    }
  }

  @inline(__always)
  private static func matchesRest(
    _ table: JSONPathTable, _ edge: JSONPathTable.Edge, _ bytes: borrowing UncheckedBytes,
    _ range: Range<Int>
  ) -> Bool {
    var offset = 8
    while offset < range.count {
      if table.keys[edge.keyStart + offset] != bytes[range.lowerBound + offset] { return false }
      offset += 1
    }
    return true
  }

  /// The target of a key that was put together from pieces.
  private func childOfKey() -> UInt16 {
    guard !key.isEmpty, key.count <= JSONPathTable.keyLimit else { return JSONPathTable.nowhere }
    return unsafe key.withUnsafeBufferPointer { buffer in
      let bytes = unsafe UncheckedBytes(buffer)
      return child(bytes, 0..<bytes.count)
    }
  }
}
