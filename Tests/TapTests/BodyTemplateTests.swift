// Goal: no fact of a plain answer depends on whether answers like it came before. Method: have a loop learn
// an answer, then compare what a tap that shares the loop's supplies makes of others, whose values differ or
// into which anything was edited, with what a tap that knows nothing makes of them.

import TestSupport
import Testing

@testable import Tap

@Suite("Answers that look like one before")
struct BodyTemplateTests {
  private struct Shape: Sendable {
    let path: String
    let body: @Sendable (Int, String) -> String
  }

  /// Answers with a number and a text that differ.
  private static let shapes: [Shape] = [
    Shape(path: "/v1/chat/completions") { number, text in
      """
      {"id":"chatcmpl-\(number)","created":17\(number),"model":"m-\(number)","choices":[{"index":0,\
      "message":{"role":"assistant","content":"\(text)","refusal":null},"logprobs":null,\
      "finish_reason":"stop"}],"usage":{"prompt_tokens":\(number),"completion_tokens":\(number)7,\
      "prompt_tokens_details":{"cached_tokens":-\(number)}},"system_fingerprint":"\(text)"}
      """
    },
    Shape(path: "/v1/messages") { number, text in
      """
      {"id":"msg_\(number)","type":"message","model":"c","content":[{"type":"text","text":"\(text)"}],\
      "stop_reason":"end_turn","usage":{"input_tokens":\(number),"output_tokens":2}}
      """
    },
    Shape(path: "/v1beta/models/g:generateContent") { number, text in
      """
      {"candidates":[{"content":{"parts":[{"text":"\(text)","thought":\(number % 2 == 0)}]},\
      "finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":\(number)},"modelVersion":"g"}
      """
    },
    Shape(path: "/v1/chat/completions") { number, text in
      """
      {"model":"m","choices":[{"message":{"tool_calls":[{"id":"\(number)","function":{"name":"f",\
      "arguments":"\(text)"}}]},"finish_reason":"tool_calls"}]}
      """
    },
    Shape(path: "/v1/chat/completions") { number, text in
      """
      {"id":"a-\(number)","id":"b","model":"m","choices":[{"index":0,"message":{"content":"\(text)",\
      "reasoning_content":"so \(text)"},"finish_reason":"stop"},{"index":1,"message":\
      {"content":"\(text)\(text)"},"finish_reason":"length"}],"usage":{"prompt_tokens":\(number),\
      "prompt_tokens":3,"completion_tokens":1\(number % 10)}}
      """
    },
    Shape(path: "/v1/chat/completions") { number, text in
      """
      {"id":"\(text)","choices":[{"index":\(number % 10),"message":{"content":"a"},\
      "finish_reason":"\(text)"}],"usage":{"prompt_tokens":1,"completion_tokens":\(number)}}
      """
    },
  ]

  private static func request(_ path: String) -> TapRequest {
    Replay(path: path, contentType: "application/json").request
  }

  /// What a loop has after answers like this one.
  private static func supplies(after body: [UInt8], _ request: TapRequest) -> TapSupplies {
    let supplies = TapSupplies()
    for _ in 0..<40 { _ = read([body[...]], request, supplies) }
    return supplies
  }

  private static func read(
    _ reads: [ArraySlice<UInt8>], _ request: TapRequest, _ supplies: TapSupplies
  ) -> (facts: String, isExpected: Bool) {
    let tap = StreamTap(request, sharing: supplies)
    for read in reads {
      let guarded = GuardedBytes(Array(read))
      guarded.withSpan { tap.observe($0, at: 1) }
    }
    tap.end()
    return (tap.facts.everything, tap.expectedEvents > 0)
  }

  /// Whether the loop knew an answer like it, having checked that its facts do not tell.
  private static func isExpected(
    _ reads: [ArraySlice<UInt8>], _ request: TapRequest, _ supplies: TapSupplies
  ) -> Bool {
    let known = read(reads, request, supplies)
    let alone = read(reads, request, TapSupplies())
    #expect(known.facts == alone.facts)
    #expect(!alone.isExpected)
    return known.isExpected
  }

  @Test("have the facts that they have alone, whatever their values", arguments: shapes.indices)
  func values(index: Int) {
    let shape = Self.shapes[index]
    let request = Self.request(shape.path)
    let supplies = Self.supplies(after: Array(shape.body(2, "word").utf8), request)
    var expected = 0
    for number in [0, 2, 4, 12, 123_456_789_012_345_678] {
      for text in EventTemplateTests.texts + ["word", String(repeating: "long ", count: 100)] {
        let body = Array(shape.body(number, text).utf8)
        if Self.isExpected([body[...]], request, supplies) { expected += 1 }
        _ = Self.isExpected([body[..<20], body[20...]], request, supplies)
        _ = Self.isExpected([body[...], Array(" \n".utf8)[...]], request, supplies)
        _ = Self.isExpected([body[...], Array(" x".utf8)[...]], request, supplies)
      }
    }
    #expect(expected > 25, "templates that match nothing test nothing")
  }

  @Test("are told as one, unless the order of their values counts", arguments: shapes.indices)
  func told(index: Int) throws {
    let shape = Self.shapes[index]
    let body = Array(shape.body(2, "word").utf8)
    let dialect = StreamTap(Self.request(shape.path)).memory.dialect
    let made = BodyTemplate(of: body.span, in: dialect)
    let template = try #require(made)
    let hasThought = index == 2
    #expect((template.told == nil) == hasThought)
  }

  /// An id and an error's message around what is kept, and around what a scanner cuts.
  @Test("have the facts that they have alone, however long their texts", arguments: [256, 4096])
  func lengths(limit: Int) {
    var request = Self.request("/v1/chat/completions")
    request.messageLimitBytes = limit
    let body = { (length: Int) in
      let text = String(repeating: "é", count: length / 2) + (length % 2 == 0 ? "" : "x")
      return Array("{\"id\":\"\(text)\",\"error\":{\"message\":\"\(text)\"}}".utf8)
    }
    let lengths = [0, 1, 63, 64, 65, 254, 255, 256, 257, 300]
    for known in lengths {
      let supplies = Self.supplies(after: body(known), request)
      for length in lengths { _ = Self.isExpected([body(length)[...]], request, supplies) }
      if known < 255 { #expect(Self.isExpected([body(10)[...]], request, supplies)) }
    }
  }

  @Test("keep no long text, and few findings")
  func memory() throws {
    let text = String(repeating: "secret ", count: 10)
    let body = Array(Self.shapes[0].body(1, text).utf8)
    let made = BodyTemplate(of: body.span, in: Dialect.openAIChat)
    let template = try #require(made)
    let pattern = try #require(Mirror(reflecting: template).descendant("pattern"))
    let bytes = try #require(Mirror(reflecting: pattern).descendant("bytes") as? [UInt8])
    #expect(bytes.text.contains("content") && !bytes.text.contains("secret"))
    let many = Array(("{\"choices\":[" + String(repeating: "{},", count: 500) + "{}]}").utf8)
    let none = BodyTemplate(of: many.span, in: Dialect.openAIChat)
    #expect(none == nil)
  }

  @Test("have the facts that they have alone, whatever was edited", arguments: 1...60)
  func edits(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    for shape in Self.shapes {
      let request = Self.request(shape.path)
      let body = Array(shape.body(12, "some words").utf8)
      let supplies = Self.supplies(after: body, request)
      for _ in 0..<12 {
        let edited = EventTemplateTests.edited(body, &random)
        _ = Self.isExpected([edited[...]], request, supplies)
        // And the other way round: what was learnt is the strange one.
        let strange = Self.supplies(after: edited, request)
        _ = Self.isExpected([body[...]], request, strange)
        _ = Self.isExpected([EventTemplateTests.edited(edited, &random)[...]], request, strange)
      }
    }
  }

  @Test("have the facts of every recording", .enabled(if: !Recording.all.isEmpty))
  func recordings() throws {
    var expected = 0
    for recording in Recording.all {
      let body = try #require(Corpus.bytes(of: recording.file))
      guard case .json = recording.request.framing else { continue }
      let supplies = Self.supplies(after: body, recording.request)
      if Self.isExpected([body[...]], recording.request, supplies) { expected += 1 }
    }
    #expect(expected > 0)
  }

  @Test("are not taken for those of another dialect, nor of a failed request")
  func others() {
    let body = Array(Self.shapes[0].body(1, "a").utf8)
    let supplies = Self.supplies(after: body, Self.request("/v1/chat/completions"))
    for path in ["/v1/completions", "/v1/responses", "/unknown"] {
      #expect(!Self.isExpected([body[...]], Self.request(path), supplies))
    }
    let failed = Replay(
      path: "/v1/chat/completions", contentType: "application/json", status: 500)
    #expect(!Self.isExpected([body[...]], failed.request, supplies))
  }
}
