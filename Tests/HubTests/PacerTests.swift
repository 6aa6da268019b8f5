// Goal: paced text keeps to its steps, never cuts what a reader sees as one character, and can be
// taken up again at exactly the place that the last piece names.
// Method: texts in events of every cut; Swift's own String says what a character is.

import Hub
import TestSupport
import Testing

@Suite struct PacerTests {
  private static let second: UInt64 = 1_000_000_000

  /// All pieces of a stream whose events come one after the other, with time enough between.
  private func pieces(
    _ events: [String], _ pace: Pace, after sequence: Int = 0, skipping offset: Int = 0
  ) -> [Pacer.Piece] {
    var pacer = Pacer(pace, after: sequence, skipping: offset)
    var (pieces, now): ([Pacer.Piece], UInt64) = ([], 1)
    func take() {
      while true {
        switch pacer.next(at: now, roundTrip: nil) {
        case .piece(let piece): pieces.append(piece)
        case .wait(let time): now = time
        case .needMore: return
        }
      }
    }
    for (index, event) in events.enumerated() {
      pacer.append(event, of: sequence + 1 + index)
      take()
    }
    pacer.end()
    take()
    #expect(pacer.isFinished)
    return pieces
  }

  @Test("at most so many characters, and nothing sooner than the delay allows")
  func steps() {
    var pacer = Pacer(Pace(chunk: .characters(3), delay: Self.second), after: 4, skipping: 0)
    #expect(pacer.next(at: 10, roundTrip: nil) == .needMore)
    pacer.append("abcdefgh", of: 5)
    #expect(
      pacer.next(at: 10, roundTrip: nil) == .piece(Pacer.Piece(text: "abc", sequence: 4, offset: 3))
    )
    #expect(pacer.next(at: 11, roundTrip: nil) == .wait(until: 10 + Self.second))
    #expect(
      pacer.next(at: 10 + Self.second, roundTrip: nil)
        == .piece(Pacer.Piece(text: "def", sequence: 4, offset: 6)))
    // The last character may still get a mark.
    #expect(
      pacer.next(at: 9 * Self.second, roundTrip: nil)
        == .piece(Pacer.Piece(text: "g", sequence: 4, offset: 7)))
    #expect(pacer.next(at: 20 * Self.second, roundTrip: nil) == .needMore)
    pacer.end()
    #expect(
      pacer.next(at: 20 * Self.second, roundTrip: nil)
        == .piece(Pacer.Piece(text: "h", sequence: 5, offset: 0)))
    #expect(pacer.isFinished)
  }

  @Test(
    "adaptive: near readers get small steps, far ones large",
    arguments: [
      (UInt64?.none, 20), (0, 10), (49_999_999, 10), (50_000_000, 20), (199_999_999, 20),
      (200_000_000, 50), (5_000_000_000, 50),
    ])
  func adaptive(_ roundTrip: UInt64?, _ characters: Int) {
    var pacer = Pacer(Pace(chunk: .adaptive, delay: 0), after: 0, skipping: 0)
    pacer.append(String(repeating: "x", count: 100), of: 1)
    guard case .piece(let piece) = pacer.next(at: 0, roundTrip: roundTrip) else {
      Issue.record("no piece")
      return
    }
    #expect(piece.text.count == characters)
  }

  private static let texts = [
    "plain text", "Grüße, Welt", "e\u{301}a\u{308}\u{323}o", "👨‍👩‍👧‍👦 and 👩🏽‍🚀!", "🇩🇪🇫🇷🇯🇵 flags", "한국어 각",
    "नमस्ते क्षत्रिय", "a\r\nb\r\n", "z\u{300}\u{301}\u{302}\u{303}", "שָׁלוֹם", "👍🏿👍", "\u{200d}x",
  ]

  @Test("no character is cut, however it came", arguments: texts)
  func characters(_ text: String) {
    let scalars = Array(text.unicodeScalars)
    let wanted = Array(text)
    for size in 1...4 {
      var cuts: [[Int]] = (0...scalars.count).map { [$0, scalars.count - $0] }
      cuts.append([Int](repeating: 1, count: scalars.count))
      for cut in cuts {
        var (events, start): ([String], Int) = ([], 0)
        for count in cut {
          events.append(Self.text(scalars[start..<start + count]))
          start += count
        }
        let found = pieces(events, Pace(chunk: .characters(size), delay: 5))
        #expect(found.map(\.text).joined() == text)
        #expect(found.flatMap { Array($0.text) } == wanted)
        #expect(found.allSatisfy { $0.text.count <= size })
        #expect(found.last?.offset == 0)
      }
    }
  }

  @Test("each piece names the place where the next one begins", arguments: texts)
  func resuming(_ text: String) {
    var random = SeededRandom(seed: 3)
    let scalars = Array((text + " " + text).unicodeScalars)
    for _ in 0..<20 {
      var (events, start): ([String], Int) = ([], 0)
      while start < scalars.count {
        let end = min(scalars.count, start + Int.random(in: 0...5, using: &random))
        events.append(Self.text(scalars[start..<end]))
        start = end
      }
      let pace = Pace(chunk: .characters(2), delay: 5)
      let all = pieces(events, pace)
      for (index, piece) in all.enumerated() {
        let rest = pieces(
          Array(events[piece.sequence...]), pace, after: piece.sequence, skipping: piece.offset)
        let before = all[...index].map(\.text).joined()
        #expect(before + rest.map(\.text).joined() == all.map(\.text).joined())
      }
    }
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }

  @Test("a character without end is cut, and memory with it")
  func endlessCharacter() {
    var pacer = Pacer(Pace(chunk: .characters(1), delay: 0), after: 0, skipping: 0)
    var most = 0
    pacer.append("a", of: 1)
    for number in 2...3_000 {
      pacer.append("\u{301}", of: number)
      while case .piece = pacer.next(at: 0, roundTrip: nil) {}
      most = max(most, pacer.pendingBytes)
    }
    #expect(most <= Pacer.longestCharacter + 2)
  }

  @Test("an event without text moves the place all the same")
  func emptyEvents() {
    var pacer = Pacer(Pace(chunk: .characters(9), delay: 0), after: 0, skipping: 0)
    pacer.append("", of: 1)
    pacer.append("ab", of: 2)
    pacer.append("", of: 3)
    #expect(
      pacer.next(at: 0, roundTrip: nil) == .piece(Pacer.Piece(text: "a", sequence: 1, offset: 1)))
    pacer.end()
    #expect(
      pacer.next(at: 0, roundTrip: nil) == .piece(Pacer.Piece(text: "b", sequence: 3, offset: 0)))
  }
}
