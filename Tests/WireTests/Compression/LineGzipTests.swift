// Goal: what the line compressor makes is gzip, and holds the text. Method: weir's own inflater, which
// Python's zlib checks elsewhere, undoes it; texts of few words, so that lines resemble each other in
// all ways, and lengths at which codes change.

import TestSupport
import Testing
import Wire

private func compressed(_ text: [UInt8]) -> [UInt8] { LineGzip.compress(text.span) }

private func expectRoundTrip(_ text: [UInt8]) {
  let bytes = compressed(text)
  let result = inflate(.gzip, bytes, cut: [0..<bytes.count])
  #expect(result.output == text)
  #expect(result.error == nil && result.isComplete)
}

@Suite struct LineGzipTests {
  @Test("lines that share heads, tails, both or nothing")
  func shapes() {
    for text in ["", "\n", "a", "abc\nabc\n", "one\ntwo\nthree", "abcdefgh1xyz\nabcdefgh22xyz\n"] {
      expectRoundTrip(Array(text.utf8))
    }
  }

  @Test("a shared part of every length", arguments: [0, 1, 5, 300])
  func lengths(_ tail: Int) {
    for length in Array(0...40) + Array(250...280) + Array(510...530) {
      let line = [UInt8](repeating: 0x61, count: length)
      let end = [UInt8](repeating: 0x7A, count: tail)
      expectRoundTrip(line + [0x31] + end + [0x0A] + line + [0x32, 0xFF] + end + [0x0A])
    }
  }

  @Test(
    "lines as long as a match reaches, and longer", arguments: [32_766, 32_767, 32_768, 40_000])
  func distances(_ length: Int) {
    var random = SeededRandom(seed: 7)
    let line = random.bytes(length).map { $0 == 0x0A ? 0 : $0 } + [0x0A]
    expectRoundTrip(line + line)
  }

  @Test("random lines of few words", arguments: 1...40)
  func random(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let words = ["weir_", "{route=\"a\"", ",", "\n", "}", " 0\n", "12", "\u{e9}", "bucket", "\n\n"]
    var text: [UInt8] = []
    for _ in 0..<2000 { text += Array(words.randomElement(using: &random)!.utf8) }
    expectRoundTrip(text)
  }

  @Test("pieces of whole lines make the same bytes", arguments: 1...20)
  func pieces(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let lines = (0..<300).map { _ in
      Array("weir_x{a=\"\(Int.random(in: 0..<9, using: &random))\"} 1\n".utf8)
    }
    var gzip = LineGzip()
    var (made, part): ([UInt8], [UInt8]) = ([], [])
    var rest = lines[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(Int.random(in: 0...40, using: &random)).joined())
      rest = rest.dropFirst(piece.count { $0 == 0x0A })
      gzip.add(piece.span)
      gzip.take(into: &part)
      made += part
    }
    gzip.finish()
    gzip.take(into: &part)
    #expect(made + part == compressed(Array(lines.joined())))
  }

  @Test("a page shrinks to a fifth at most")
  func ratio() {
    let lines = (0..<5000).map {
      "weir_x_seconds_bucket{route=\"default\",provider=\"openai\",model=\"gpt-4o\",le=\"\($0).5\"} \($0 % 7)\n"
    }
    let text = Array(lines.joined().utf8)
    expectRoundTrip(text)
    #expect(compressed(text).count < text.count / 5)
  }
}
