// Goal: a text matches a pattern exactly where a JSON scanner could not tell the two apart but by
// what the gaps hold. Method: one text, its gaps, and texts that differ in one thing each, all
// read in front of a page nobody may read.

import TestSupport
import Testing
import Wire

@Suite("A pattern of JSON")
struct JSONPatternTests {
  private static let text = #"{"id":"a-1","n":17,"delta":"word","more":[1.5,"x"],"end":null}"#

  /// The values of `text`: the delta is counted, the others are not, `more` has no gaps.
  private static let pattern: JSONPattern = {
    let bytes = Array(text.utf8)
    let values = JSONPattern.values(of: bytes.span, in: 0..<bytes.count) ?? []
    return JSONPattern(
      bytes.span,
      gaps: values.prefix(3).enumerated().map { index, value in
        (value, index == 2 ? 0 : JSONPattern.uncounted)
      })!
  }()

  /// The scalar values counted and what follows the match; nil if there is none. It is the same whichever
  /// gap is expected to differ, of those that there are and one that is none.
  private func match(_ text: String, from start: Int = 0) -> (count: Int, left: Int)? {
    let found = (UInt8(0)...3).map { match(text, from: start, likelyGap: $0) }
    for other in found.dropFirst() {
      #expect(other?.count == found[0]?.count && other?.left == found[0]?.left, "\(text)")
    }
    return found[0]
  }

  private func match(
    _ text: String, from start: Int, likelyGap: UInt8
  ) -> (count: Int, left: Int)? {
    let guarded = GuardedBytes(Array(text.utf8))
    return guarded.withSpan { bytes in
      var likelyGap = likelyGap
      var tallies = JSONPattern.Tallies(repeating: 9)
      return Self.pattern.end(in: bytes, from: start, likelyGap: &likelyGap, &tallies).map {
        (tallies[0], bytes.count - $0)
      }
    }
  }

  @Test("remembers in which value the last text differed")
  func parting() {
    var likelyGap = UInt8.max
    var tallies = JSONPattern.Tallies(repeating: 0)
    for (text, expected): (String, UInt8) in [
      (Self.text, .max), (Self.text.replacing("word", with: "words"), 2),
      (Self.text, 2), (Self.text.replacing("17", with: "18"), 1),
      (Self.text.replacing("17", with: "18").replacing("a-1", with: "b"), 1),
      (Self.text.replacing("end", with: "und"), 1),
    ] {
      _ = Self.pattern.end(in: Array(text.utf8).span, from: 0, likelyGap: &likelyGap, &tallies)
      #expect(likelyGap == expected, "\(text)")
    }
  }

  @Test("finds the values that are no keys, at any depth")
  func values() {
    let bytes = Array(Self.text.utf8)
    let values = JSONPattern.values(of: bytes.span, in: 0..<bytes.count) ?? []
    #expect(
      values.map { String(decoding: bytes[$0.range], as: UTF8.self) }
        == ["a-1", "17", "word", "1.5", "x"])
    #expect(values.map(\.isString) == [true, false, true, false, true])
    let broken = Array(#"{"a":"b\""#.utf8)
    #expect(JSONPattern.values(of: broken.span, in: 0..<broken.count) == nil)
  }

  @Test(
    "is matched by a text with other values in its gaps",
    arguments: [
      ("word", 4), ("", 0), ("eight by", 8), ("a longer text than a word has room for", 38),
      ("ä€😀", 3), (#"a\nb\"c\\"#, 6), ("1234567é", 8),
    ])
  func matches(delta: String, count: Int) throws {
    let text =
      #"{"id":"zz","n":-2e+9,"delta":""# + delta + #"","more":[1.5,"x"],"end":null}"#
    let found = try #require(match(text))
    #expect(found.count == count && found.left == 0)
    let inside = try #require(match("??" + text + "!", from: 2))
    #expect(inside.count == count && inside.left == 1)
  }

  @Test(
    "is matched by no text that a scanner might read in another way",
    arguments: [
      ("word", "wo\\u0072d"), ("word", "wo\nrd"), ("word", "wo\rd"), ("word", "w\td"),
      ("word", "\\x"), ("\"word\"", "null"), ("17", "null"), ("17", "\"17\""), ("17", ""),
      ("17", "1 7"), ("17", "e7"), ("17", "+7"), ("17", ".7"), ("1.5", "1.6"), ("\"x\"", "\"y\""),
      ("\"id\"", "\"ie\""), ("null", "true"), ("word", "word\",\"a\":\"b"), (",", ", "),
    ])
  func differs(part: String, other: String) throws {
    let range = try #require(Self.text.firstRange(of: part))
    var changed = Self.text
    changed.replaceSubrange(range, with: other)
    #expect(match(changed) == nil)
  }

  @Test("is matched by no text that is cut, and nothing is read past the end")
  func cut() {
    for length in 0..<Self.text.utf8.count {
      #expect(match(String(Self.text.prefix(length))) == nil)
    }
    #expect(match(Self.text) != nil)
    #expect(match(Self.text + "\\") != nil)
  }

  // What stands around a value is compared in blocks, words and bytes: there must be no length at which one is
  // left out, or read past the end.
  @Test("is matched by no text that differs outside of its gaps, however much stands there")
  func aroundTheGap() throws {
    let guarded = GuardedBytes(capacity: 200)
    for (before, behind) in (0...70).flatMap({ length in [(length, 9), (9, length)] }) {
      let key = String(repeating: "k", count: before)
      let rest = String(repeating: "e", count: behind)
      let text = Array(#"{"\#(key)":"v€lue","\#(rest)":[]}"#.utf8)
      let values = JSONPattern.values(of: text.span, in: text.indices) ?? []
      let gaps = values.map { (value: $0, tally: UInt8(0)) }
      let made = JSONPattern(text.span, gaps: gaps)
      let pattern = try #require(made)
      let value = try #require(values.first?.range)
      for likelyGap in [UInt8(0), .max] {
        guarded.replace(with: text[...])
        #expect(count(pattern, guarded, likelyGap) == 5)
        for at in text.indices where !value.contains(at) {
          var other = text
          other[at] ^= 1
          guarded.replace(with: other[...])
          if count(pattern, guarded, likelyGap) != nil { Issue.record("\(before) \(behind) \(at)") }
        }
        for other in [
          "", "a", "value", "a longer one than before, of ASCII", "é", "\\n€ and so on and on",
        ] {
          let changed =
            Array(text[..<value.lowerBound]) + Array(other.utf8) + text[value.upperBound...]
          let scalars = other.unicodeScalars.count - (other.contains("\\") ? 1 : 0)
          guarded.replace(with: changed[...])
          #expect(count(pattern, guarded, likelyGap) == scalars, "\(before) \(behind) \(other)")
        }
      }
    }
  }

  private func count(
    _ pattern: JSONPattern, _ guarded: GuardedBytes, _ likelyGap: UInt8
  ) -> Int? {
    guarded.withSpan { bytes in
      var likelyGap = likelyGap
      var tallies = JSONPattern.Tallies(repeating: 9)
      let end = pattern.end(in: bytes, from: 0, likelyGap: &likelyGap, &tallies)
      return end == bytes.count ? tallies[0] : nil
    }
  }

  @Test("counts a gap that is as it was, and takes none that only a scanner understands")
  func ownValues() {
    #expect(match(Self.text)?.count == 4)
    let escaped = Array(#"{"delta":"w\u0072d"}"#.utf8)
    let values = JSONPattern.values(of: escaped.span, in: 0..<escaped.count) ?? []
    let pattern = JSONPattern(escaped.span, gaps: values.map { ($0, 0) })
    #expect(values.count == 1 && pattern == nil)
  }

  @Test("keeps to its limits")
  func limits() async throws {
    let long = [UInt8](repeating: 0x20, count: JSONPattern.limitBytes)
    var tallies = JSONPattern.Tallies(repeating: 0)
    let made = JSONPattern(long.span, gaps: [])
    let pattern = try #require(made)
    var likelyGap = UInt8.max
    let whole = pattern.end(in: long.span, from: 0, likelyGap: &likelyGap, &tallies)
    let cut = pattern.end(in: long.span, from: 1, likelyGap: &likelyGap, &tallies)
    #expect(whole == long.count && cut == nil)
    await #expect(processExitsWith: .failure) {
      let longer = [UInt8](repeating: 0x20, count: JSONPattern.limitBytes + 1)
      _ = JSONPattern(longer.span, gaps: [])
    }
  }
}
