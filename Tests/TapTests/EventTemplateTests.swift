// Goal: a template is a shortcut and nothing else: no fact of any stream depends on whether its
// tap used one, its own or another stream's. Method: feed the same bytes, cut in the same way, to a
// tap that makes templates as soon as it can, to one that makes none, and to one that makes none and
// is lent the first one's, over recordings and streams with random edits.

import TestSupport
import Testing

@testable import Tap

@Suite("Events that look like the one before")
struct EventTemplateTests {
  /// All facts of a stream, in a form that compares.
  private static func facts(
    _ request: TapRequest, _ reads: [ArraySlice<UInt8>], usingTemplates: Bool,
    sharing supplies: TapSupplies = TapSupplies()
  ) -> (facts: String, expected: Int) {
    let tap = StreamTap(request, sharing: supplies)
    let guarded = GuardedBytes(capacity: reads.map(\.count).max() ?? 0)
    for (index, read) in reads.enumerated() {
      tap.templateCredit = usingTemplates ? 64 : .min
      guarded.replace(with: read)
      guarded.withSpan { tap.observe($0, at: UInt64(index)) }
    }
    tap.end()
    return (tap.facts.everything, Int(tap.expectedEvents))
  }

  private static func cut(
    _ body: [UInt8], into sizes: ClosedRange<Int>, _ random: inout SeededRandom
  ) -> [ArraySlice<UInt8>] {
    var reads: [ArraySlice<UInt8>] = []
    var start = 0
    while start < body.count {
      let end = min(body.count, start + Int.random(in: sizes, using: &random))
      reads.append(body[start..<end])
      start = end
    }
    return reads
  }

  /// How many events templates read, having checked that the facts are those found without.
  private static func expected(_ request: TapRequest, _ reads: [ArraySlice<UInt8>]) -> Int {
    let supplies = TapSupplies()
    let with = facts(request, reads, usingTemplates: true, sharing: supplies)
    let without = facts(request, reads, usingTemplates: false)
    let lent = facts(request, reads, usingTemplates: false, sharing: supplies)
    #expect(with.facts == without.facts)
    #expect(lent.facts == without.facts)
    #expect(without.expected == 0)
    return with.expected
  }

  @Test(
    "give the facts of every recording, whole and in random reads",
    .enabled(if: !Recording.all.isEmpty), arguments: Recording.all)
  func recordings(_ recording: Recording) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    guard body.count <= 100_000 else { return }
    _ = Self.expected(recording.request, [body[...]])
    var random = SeededRandom(seed: 7)
    for sizes in [1...97, 200...2000] {
      _ = Self.expected(recording.request, Self.cut(body, into: sizes, &random))
    }
  }

  /// What the edits put in: everything that means something to a parser, and texts.
  private static let pieces = [
    "\"", "\\", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\n", "\r", "\n\n", "\r\n", ":",
    ",", "{", "}", "[", "]", "null", "true", "0", "-1.5e3", "é", "😀", "\u{1}", "data: ",
    ": note\n", "id: 4\n", "event: error\n", "\"content\":\"more\",", "\"finish_reason\":\"stop\",",
    "\"type\":\"ping\",", "\"error\":{\"message\":\"x\"},", "\"model\":\"other\",", " ",
  ]

  static func edited(_ body: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var body = body
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: body.indices, using: &random)
      let end = min(body.count, at + Int.random(in: 0...3, using: &random))
      let piece = pieces.randomElement(using: &random) ?? ""
      body.replaceSubrange(at..<end, with: Array(piece.utf8))
    }
    return body
  }

  private struct Shape: Sendable {
    let path: String
    let event: @Sendable (Int, String) -> String
  }

  private static let shapes: [Shape] = [
    Shape(path: "/v1/chat/completions") { number, text in
      "data: {\"id\":\"c-\(number)\",\"created\":17\(number),\"model\":\"m\",\"choices\":[{\"index\":0,"
        + "\"delta\":{\"content\":\"\(text)\"},\"finish_reason\":null}],\"p\":\"\(text)\"}\n\n"
    },
    Shape(path: "/v1/chat/completions") { number, text in
      "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
        + "\"function\":{\"arguments\":\"\(text)\"}}]},\"logprobs\":{\"a\":[-0.\(number)]}}]}\n\n"
    },
    Shape(path: "/v1/messages") { _, text in
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
        + "\"delta\":{\"type\":\"text_delta\",\"text\":\"\(text)\"}}\n\n"
    },
    Shape(path: "/v1/responses") { number, text in
      "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
        + "\"sequence_number\":\(number),\"output_index\":0,\"delta\":\"\(text)\"}\n\n"
    },
    Shape(path: "/v1beta/models/g:streamGenerateContent") { number, text in
      "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\(text)\"},"
        + "{\"text\":\"thinking\",\"thought\":\(number % 3 == 0)}]}}],\"modelVersion\":\"g\"}\n\n"
    },
    Shape(path: "/unknown") { number, text in
      "data: {\"id\":\"\(number)\",\"choices\":[{\"delta\":{\"reasoning_content\":\"\(text)\","
        + "\"reasoning\":\"\(text)\"}}]}\n\n"
    },
  ]

  static let texts = ["", "a", " word", "é", "a\\nb", "\\\"", "\\u00e9", "😀 and more text"]

  @Test("give the facts of streams with random edits in random reads", arguments: 1...60)
  func edits(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    for shape in Self.shapes {
      let body = (0..<12).map { number in
        shape.event(number, Self.texts.randomElement(using: &random) ?? "")
      }.joined()
      let edited = Self.edited(Array(body.utf8), &random)
      let request = Replay(path: shape.path).request
      _ = Self.expected(request, [edited[...]])
      for sizes in [1...40, 100...700] {
        _ = Self.expected(request, Self.cut(edited, into: sizes, &random))
      }
    }
  }

  @Test("are read by their template, in one read and in a read for each", arguments: 0..<4)
  func areUsed(shape: Int) {
    let events = (0..<20).map { Array(Self.shapes[shape].event($0, "word \($0)").utf8) }
    let request = Replay(path: Self.shapes[shape].path).request
    // The first event names the model, so that the second is the first of its kind.
    #expect(Self.expected(request, [Array(events.joined())[...]]) >= 18)
    #expect(Self.expected(request, events.map { $0[...] }) >= 18)
  }

  @Test("are read by what another stream has learnt, from the second of their kind on")
  func areShared() {
    let supplies = TapSupplies()
    let request = Replay(path: "/v1/messages").request
    let (event, other) = (Self.shapes[2].event(0, "word"), Self.shapes[2].event(1, "other word"))
    let first = StreamTap(request, sharing: supplies)
    for _ in 0..<40 { first.observe(Array(event.utf8).span, at: 0) }
    let second = StreamTap(request, sharing: supplies)
    for _ in 0..<4 { second.observe(Array(other.utf8).span, at: 0) }
    // The first could begin with a byte order mark, and the second shows what they look like.
    #expect(second.expectedEvents == 2 && second.template === first.template)
    #expect(second.facts.textChars == 4 * 10)
  }

  @Test("need a template only in a stream that lasts")
  func areEarned() {
    let tap = Replay(path: "/v1/messages").makeTap()
    let event = Array(Self.shapes[2].event(0, "word").utf8)
    // The first could begin with a byte order mark and earns nothing.
    for _ in 0..<33 { tap.observe(event.span, at: 0) }
    #expect(tap.template == nil)
    tap.observe(event.span, at: 0)
    #expect(tap.template != nil)
    tap.observe(event.span, at: 0)
    #expect(tap.expectedEvents == 1 && tap.facts.events == 35 && tap.facts.textChars == 35 * 4)
  }
}
