// Successive events of a stream, and answers of a kind, share most of their bytes. A pattern is one such text
// and the places where the next may differ: comparing with it costs a fraction of reading.

/// A text that holds JSON, some of whose values may differ in the texts that match it.
///
/// A text matches if it differs from the pattern in nothing but the contents of strings and numbers
/// at the pattern's gaps. A string in a gap keeps its quotes and holds no control character and no
/// `\u`; a number keeps to the characters of numbers. So wherever a scanner stood at the beginning
/// of a gap, it stands in the same state at its end.
package struct JSONPattern: Sendable {
  /// A value's place in the text: a string's without its quotes.
  package struct Value: Equatable, Sendable {
    package let range: Range<Int>
    package let isString: Bool
  }

  /// A value that may differ, as it stands in the pattern's own text.
  private struct Gap: Sendable {
    var start: UInt16
    var end: UInt16
    var isString: Bool
    /// Where its length in scalar values is added up; none is not counted.
    var tally: UInt8
    /// That length in the pattern's own text.
    var ownScalars: UInt16
    /// The same of all other gaps, by tally.
    var othersScalars = InlineArray<4, UInt16>(repeating: 0)
  }

  /// Longer texts make no pattern.
  package static let limitBytes = 4096
  /// Texts of more gaps make no pattern.
  package static let gapLimit = 32
  /// How many counts a match can bring.
  package static let tallyCount = 4
  /// A gap with this tally is not counted.
  package static let uncounted: UInt8 = 255

  private let bytes: [UInt8]
  private var gaps: [Gap] = []

  /// - Parameters:
  ///   - text: at most `limitBytes`.
  ///   - gaps: values of the text in their order, each with the tally, 0 to 3, that counts its
  ///     scalar values, or `uncounted`; at most `gapLimit`.
  ///
  /// nil if a string in a gap is none that a gap may hold.
  package init?(_ text: Span<UInt8>, gaps: [(value: Value, tally: UInt8)]) {
    precondition(text.count <= Self.limitBytes && gaps.count <= Self.gapLimit)
    let whole = text.indices.map { text[$0] }
    var kept: [UInt8] = []
    var copied = 0
    for (value, tally) in gaps {
      precondition(value.range.lowerBound >= copied && value.range.upperBound <= text.count)
      guard let scalars = Self.scalars(of: value, in: whole) else { return nil }
      kept += whole[copied..<value.range.lowerBound]
      let start = kept.count
      let isKept = Self.keeps(value)
      if isKept { kept += whole[value.range] }
      copied = value.range.upperBound
      self.gaps.append(
        Gap(
          start: UInt16(start), end: UInt16(kept.count), isString: value.isString, tally: tally,
          ownScalars: isKept ? UInt16(scalars) : 0))
    }
    bytes = kept + whole[copied...]
    for gap in self.gaps.indices {
      for other in self.gaps where other.start != self.gaps[gap].start && other.tally < 4 {
        self.gaps[gap].othersScalars[Int(other.tally)] += other.ownScalars
      }
    }
  }

  /// Whether the pattern's own text has this value of a gap: one that is empty stands there in place of a long
  /// string, which the next text would hardly have again, and which is somebody's.
  package static func keeps(_ value: Value) -> Bool {
    !value.isString || value.range.count <= valueLimitBytes
  }

  /// As long as providers' names for answers.
  private static let valueLimitBytes = 64

  private static func scalars(of value: Value, in text: [UInt8]) -> Int? {
    guard value.isString else { return 0 }
    // Unchecked like all that a match reads; the value lies in the text.
    return unsafe text.withUnsafeBufferPointer { buffer in
      let read = unsafe UncheckedBytes(buffer)
      var at = value.range.lowerBound
      var isEscaped = false
      let scalars = passString(read, &at, &isEscaped)
      return scalars >= 0 && at == value.range.upperBound ? scalars : nil
    }
  }

  /// The scalar values in the gaps of a text that matched, by tally.
  package typealias Tallies = InlineArray<4, Int>

  /// Where the text that begins at `start` ends, if it lies whole in `text` and matches.
  /// `tallies` holds its counts then, and anything otherwise.
  ///
  /// - Parameter likelyGap: the gap that is looked at first, and afterwards the last one in which this text
  ///   was another: of the next the same is to be expected. Any number is allowed.
  package func end(
    in text: Span<UInt8>, from start: Int, likelyGap: inout UInt8, _ tallies: inout Tallies
  ) -> Int? {
    guard start >= 0, start < text.count, !bytes.isEmpty else { return nil }
    // Both texts are read without bounds checks; each read is guarded by the lengths compared.
    return unsafe text.withUnsafeBufferPointer { buffer in
      unsafe bytes.withUnsafeBufferPointer { own in
        let read = unsafe UncheckedBytes(buffer)
        let kept = unsafe UncheckedBytes(own)
        if Int(likelyGap) < gaps.count,
          let end = end(in: read, start, kept, only: gaps[Int(likelyGap)], &tallies)
        {
          return end
        }
        return end(in: read, start, kept, &likelyGap, &tallies)
      }
    }
  }

  /// A value that stands in a gap in place of the pattern's own.
  package struct Other: Sendable {
    /// The number of the gap, in their order.
    package let gap: Int
    package let range: Range<Int>
    package let scalars: Int
    /// It is a string that has escapes.
    package let isEscaped: Bool
  }

  /// Whether `text` matches, all of it. `others` then has the values that are not the pattern's own
  /// appended, in their order, and anything otherwise.
  package func matches(_ text: Span<UInt8>, _ others: inout [Other]) -> Bool {
    guard !text.isEmpty, !bytes.isEmpty else { return false }
    // As in `end`.
    let end = unsafe text.withUnsafeBufferPointer { buffer in
      unsafe bytes.withUnsafeBufferPointer { own in
        let read = unsafe UncheckedBytes(buffer)
        let kept = unsafe UncheckedBytes(own)
        return walk(read, 0, kept) { gap, other in
          guard let other else { return }
          others.append(
            Other(
              gap: gap, range: other.range, scalars: other.scalars, isEscaped: other.isEscaped))
        }
      }
    }
    return end == text.count
  }

  /// The end of a text that may differ in one gap alone: two comparisons and one value to read.
  /// That costs half of looking for where the texts part.
  @inline(__always)
  private func end(
    in text: borrowing UncheckedBytes, _ start: Int, _ kept: borrowing UncheckedBytes,
    only gap: Gap, _ tallies: inout Tallies
  ) -> Int? {
    var at = start &+ Int(gap.start)
    let rest = kept.count &- Int(gap.end)
    guard at &+ rest <= text.count, text.agrees(start, kept, 0, count: Int(gap.start)) else {
      return nil
    }
    var isEscaped = false
    let scalars = Self.pass(gap, text, &at, &isEscaped)
    guard scalars >= 0, at &+ rest <= text.count, text.agrees(at, kept, Int(gap.end), count: rest)
    else { return nil }
    for tally in tallies.indices { tallies[tally] = Int(gap.othersScalars[tally]) }
    if gap.tally < 4 { tallies[Int(gap.tally)] &+= scalars }
    return at &+ rest
  }

  /// The same for any text that matches.
  @inline(__always)
  private func end(
    in text: borrowing UncheckedBytes, _ start: Int, _ kept: borrowing UncheckedBytes,
    _ last: inout UInt8, _ tallies: inout Tallies
  ) -> Int? {
    tallies = Tallies(repeating: 0)
    return walk(text, start, kept) { gap, other in
      let scalars = other?.scalars ?? Int(gaps[gap].ownScalars)
      if gaps[gap].tally < 4 { tallies[Int(gaps[gap].tally)] &+= scalars }
      if other != nil { last = UInt8(gap) }
    }
  }

  /// Most values are what they were in the pattern's own text: the two are compared as far as they
  /// agree, and only a gap in which they part is read. That costs a quarter of reading each gap.
  ///
  /// - Parameter visit: called for each gap in turn, with the value that stands there in place of the
  ///   pattern's own, or nil; also before it shows that the text does not match.
  @inline(__always)
  private func walk(
    _ text: borrowing UncheckedBytes, _ start: Int, _ kept: borrowing UncheckedBytes,
    _ visit: (_ gap: Int, _ other: (range: Range<Int>, scalars: Int, isEscaped: Bool)?) -> Void
  ) -> Int? {
    var at = start
    var own = 0
    var next = 0
    while true {
      let parting = own &+ text.agreement(at, kept, own)
      // A value is the same if what ends it is, too.
      while next < gaps.count, parting == kept.count || Int(gaps[next].end) < parting {
        visit(next, nil)
        next &+= 1
      }
      if parting == kept.count { return at &+ parting &- own }
      guard next < gaps.count, Int(gaps[next].start) <= parting else { return nil }
      let gap = gaps[next]
      at &+= Int(gap.start) &- own
      let value = at
      var isEscaped = false
      let scalars = Self.pass(gap, text, &at, &isEscaped)
      guard scalars >= 0 else { return nil }
      visit(next, (value..<at, scalars, isEscaped))
      own = Int(gap.end)
      next &+= 1
    }
  }

  /// Reads the value that stands in a gap, moves `at` behind it and returns its scalar values, 0 for a
  /// number; negative if no such value stands there.
  @inline(__always)
  private static func pass(
    _ gap: Gap, _ text: borrowing UncheckedBytes, _ at: inout Int, _ isEscaped: inout Bool
  ) -> Int {
    if gap.isString { return passString(text, &at, &isEscaped) }
    let first = at
    while at < text.count, isOfNumber(text[at]) { at += 1 }
    let isNumber =
      at > first && text[first] != UInt8(ascii: "+") && text[first] < UInt8(ascii: "A")
      && text[first] != UInt8(ascii: ".")
    return isNumber ? 0 : -1
  }

  static func isOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  /// Moves `at` to the string's closing quote and returns the scalar values passed; negative if
  /// the string does not end here, or holds what only the scanner understands.
  @inline(__always)
  private static func passString(
    _ text: borrowing UncheckedBytes, _ at: inout Int, _ isEscaped: inout Bool
  ) -> Int {
    var scalars = 0
    while true {
      scalars &+= passASCII(text, &at)
      if at < text.count, text[at] == UInt8(ascii: "\"") { return scalars }
      while at &+ 8 <= text.count {
        let word = text.word(at: at)
        let marks =
          Word.marks(word, UInt8(ascii: "\"")) | Word.marks(word, UInt8(ascii: "\\"))
          | Word.controls(word)
        if marks != 0 {
          let passed = marks.trailingZeroBitCount &>> 3
          scalars &+= Word.scalarCount(word, first: passed)
          at &+= passed
          break
        }
        scalars &+= Word.scalarCount(word)
        at &+= 8
      }
      while at < text.count {
        let byte = text[at]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
        scalars &+= byte & 0xC0 == 0x80 ? 0 : 1
        at &+= 1
      }
      guard at < text.count else { return -1 }
      if text[at] == UInt8(ascii: "\"") { return scalars }
      guard text[at] == UInt8(ascii: "\\"), at + 1 < text.count, isSimpleEscape(text[at + 1])
      else { return -1 }
      isEscaped = true
      scalars &+= 1
      at &+= 2
    }
  }

  /// Moves `at` over plain letters of ASCII, of which most texts are, for less than any text costs. Near the
  /// end of the bytes it may leave some.
  @inline(__always)
  private static func passASCII(_ text: borrowing UncheckedBytes, _ at: inout Int) -> Int {
    let start = at
    while at &+ 8 <= text.count {
      let others = Word.notPlain(text.word(at: at))
      if others != 0 {
        at &+= others.trailingZeroBitCount &>> 3
        break
      }
      at &+= 8
    }
    return at &- start
  }

  private static func isSimpleEscape(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      true
    default: false
    }
  }
}

extension Word {
  /// As `marks`, for bytes below 0x20.
  @inline(__always)
  fileprivate static func controls(_ word: UInt64) -> UInt64 {
    (word &- lowBits &* 0x20) & ~word & highBits
  }

  /// As `marks`, for quotes, backslashes, bytes below 0x20 and bytes beyond ASCII.
  @inline(__always)
  fileprivate static func notPlain(_ word: UInt64) -> UInt64 {
    let quotes = (word ^ lowBits &* UInt64(UInt8(ascii: "\""))) &- lowBits
    let backslashes = (word ^ lowBits &* UInt64(UInt8(ascii: "\\"))) &- lowBits
    return (quotes | backslashes | (word &- lowBits &* 0x20) | word) & highBits
  }
}
