// Goal: what a loop lends its streams carries nothing from one to another. Method: play recordings
// and written streams side by side on one loop's supplies, cut at random and broken off at random,
// and compare each one's facts with those that it has alone.

import TestSupport
import Testing

@testable import Tap

@Suite("Streams that share a loop's supplies")
struct TapSuppliesTests {
  private struct Body {
    let request: TapRequest
    let bytes: [UInt8]
  }

  /// One for each framing, and those that leave most behind: errors, tools, broken JSON.
  private static let written: [Body] = [
    ("/v1/chat/completions", "text/event-stream", 200, chat + chat + "data: [DONE]\n\n"),
    ("/v1/chat/completions", "text/event-stream", 200, chat + "data: {\"choices\":[{\"del"),
    ("/v1/chat/completions", "text/event-stream", 200, "data: {broken\n\n" + chat),
    ("/v1/messages", "text/event-stream", 200, failure),
    ("/unknown", "text/event-stream", 200, "data: just words\n\n" + chat),
    (
      "/api/chat", "application/x-ndjson", 200,
      "{\"message\":{\"content\":\"a\"}}\n\n{\"done\":true}"
    ),
    ("/v1/chat/completions", "application/json", 200, whole),
    (
      "/v1/chat/completions", "application/json", 429,
      "{\"error\":{\"message\":\"no\",\"type\":\"x\"}}"
    ),
    ("/v1/chat/completions", "application/json", 502, "<html>Bad gateway</html>"),
    ("/v1beta/models/g:streamGenerateContent", "application/json", 200, "[\(gemini),\(gemini)]"),
  ].map { path, type, status, text in
    Body(
      request: Replay(path: path, contentType: type, status: status).request,
      bytes: Array(text.utf8))
  }

  private static let chat = """
    data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"hi","tool_calls":[\
    {"index":0,"function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}]}\n\n
    """
  private static let failure = """
    event: error
    data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n
    """
  private static let whole = """
    {"id":"r","model":"m","choices":[{"index":0,"message":{"content":"hello"},\
    "finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}
    """
  private static let gemini = """
    {"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}
    """

  private static let recorded: [Body] = Recording.all.compactMap { recording in
    guard let bytes = Corpus.bytes(of: recording.file), bytes.count <= 20_000 else { return nil }
    return Body(request: recording.request, bytes: bytes)
  }

  /// A stream under way, and where its reads end.
  private struct Play {
    let tap: StreamTap
    let body: Body
    var reads: [Range<Int>]
    var played: [Range<Int>] = []

    init(_ body: Body, _ supplies: TapSupplies, _ random: inout SeededRandom) {
      self.body = body
      tap = StreamTap(body.request, sharing: supplies)
      var start = 0
      reads = []
      let most = [3, 40, 700, 5000].randomElement(using: &random) ?? 40
      while start < body.bytes.count {
        let end = min(body.bytes.count, start + Int.random(in: 1...most, using: &random))
        reads.append(start..<end)
        start = end
      }
      // Some break off: the client goes, or upstream.
      if Bool.random(using: &random) {
        reads.removeLast(Int.random(in: 0...reads.count, using: &random))
      }
      reads.reverse()
    }

    /// Plays a read; false once there is none left.
    mutating func step() -> Bool {
      guard let read = reads.popLast() else { return false }
      played.append(read)
      tap.observe(body.bytes[read].span, at: UInt64(played.count))
      return true
    }

    /// The facts of the same reads without company.
    func alone() -> StreamFacts {
      let tap = StreamTap(body.request)
      for (index, read) in played.enumerated() {
        tap.observe(body.bytes[read].span, at: UInt64(index + 1))
      }
      tap.end()
      return tap.facts
    }
  }

  @Test("have the facts that each has alone", arguments: 0..<60)
  func facts(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let supplies = TapSupplies()
    let bodies = Self.written + Self.recorded.shuffled(using: &random).prefix(6)
    var waiting = (bodies + Self.written).shuffled(using: &random)
    var playing: [Play] = []
    while !playing.isEmpty || !waiting.isEmpty {
      while playing.count < 5, let body = waiting.popLast() {
        playing.append(Play(body, supplies, &random))
      }
      let index = Int.random(in: playing.indices, using: &random)
      guard !playing[index].step() else { continue }
      let play = playing.remove(at: index)
      play.tap.end()
      #expect(play.tap.facts.everything == play.alone().everything)
    }
  }

  /// What is kept of a short text takes no more memory because another stream's was long: a kept
  /// text is a copy, and not the reader's buffer.
  @Test("keep texts of their own size", arguments: [true, false])
  func sizes(isStream: Bool) {
    let supplies = TapSupplies()
    let types = ["application/json", "text/event-stream"]
    let request = Replay(path: "/v1/chat/completions", contentType: types[isStream ? 1 : 0]).request
    var last: StreamFacts?
    for length in [250, 4] {
      let text = String(repeating: "x", count: length)
      let json = """
        {"id":"\(text)","model":"\(text)","choices":[{"index":0,"delta":{"content":"a"},\
        "message":{"content":"a"},"finish_reason":"\(text)"}]}
        """
      let tap = StreamTap(request, sharing: supplies)
      tap.observe(Array((isStream ? "data: \(json)\n\n" : json).utf8).span, at: 1)
      tap.end()
      last = tap.facts
    }
    let kept = [last?.model, last?.responseID, last?.finishes.first?.raw].compactMap { $0 }
    #expect(kept.map(\.count) == [4, 4, 4])
    for text in kept { #expect(text.capacity < 64) }
  }
}
