// Goal: nothing of one body is in what is said of the next that its tap reads.
// Method: after each body of many kinds, whole and broken off, a tap renewed for another is compared, as it
// stands and by what it then makes of that body, with one made for it.

import TestSupport
import Testing

@testable import Tap

@Suite struct TapRenewalTests {
  private struct Body: Sendable {
    var replay: Replay
    var text: String
  }

  private static let bodies: [Body] = {
    let answer =
      #"{"id":"a1","model":"m1","choices":[{"index":0,"message":{"content":"x"},"#
      + #""finish_reason":"stop"},{"index":1,"message":{"tool_calls":[{"index":3,"id":"t","#
      + #""function":{"name":"f","arguments":"{}"}}]},"finish_reason":"length"}],"#
      + #""usage":{"prompt_tokens":7,"completion_tokens":5}}"#
    let error = #"{"error":{"type":"server_error","message":"m","code":17}}"#
    let json = Replay(contentType: "application/json")
    func with(_ change: (inout Replay) -> Void) -> Replay {
      var changed = json
      change(&changed)
      return changed
    }
    let gemini = "/v1beta/models/g:generateContent"
    return [
      Body(replay: json, text: answer),
      Body(replay: json, text: String(answer.dropLast(9))),
      Body(replay: json, text: error),
      Body(replay: json, text: ""),
      Body(replay: json, text: "not JSON"),
      Body(replay: with { $0.status = 429 }, text: error),
      Body(replay: with { $0.status = 502 }, text: "<html>Bad Gateway</html>"),
      Body(
        replay: with {
          $0.contentType = "text/html"; $0.status = 500
        }, text: " upstream timed out"),
      Body(replay: with { $0.contentEncoding = "gzip" }, text: "no gzip"),
      Body(replay: with { $0.contentEncoding = "br" }, text: answer),
      Body(
        replay: with { $0.path = "/v1/embeddings" },
        text: #"{"model":"e","data":[],"usage":{"prompt_tokens":3}}"#),
      Body(
        replay: with { $0.path = "/openai/deployments/d/chat/completions" }, text: answer),
      Body(
        replay: with { $0.path = "/v1/messages" },
        text: #"{"id":"m","model":"c","content":[{"type":"tool_use","id":"t"}],"#
          + #""stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#),
      Body(
        replay: with { $0.path = gemini },
        text: #"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#
      ),
      Body(replay: with { $0.path = "/other" }, text: answer),
      Body(replay: with { $0.dialect = .anthropicMessages }, text: error),
    ]
  }()

  private static func feed(_ tap: StreamTap, _ body: Body) {
    for (index, byte) in body.text.utf8.enumerated() {
      tap.observe([byte].span, at: UInt64(100 + index), startsRead: index % 3 == 0)
    }
    tap.excludeFromGap(nanoseconds: 9)
    tap.end()
  }

  @Test(arguments: bodies.indices)
  func `a renewed tap is like one that was made`(index: Int) {
    let supplies = TapSupplies()
    for next in Self.bodies {
      let tap = StreamTap(Self.bodies[index].replay.request, sharing: supplies)
      Self.feed(tap, Self.bodies[index])
      #expect(tap.isRenewable)
      tap.renew(next.replay.request)
      let made = StreamTap(next.replay.request, sharing: supplies)
      #expect(tap.wholeState == made.wholeState)
      Self.feed(tap, next)
      Self.feed(made, next)
      #expect(tap.facts.everything == made.facts.everything)
      #expect(tap.wholeState == made.wholeState)
    }
  }

  @Test(arguments: [
    "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream", "image/png",
  ])
  func `a tap that has read events is not renewed`(type: String) {
    let tap = StreamTap(Replay(contentType: type).request)
    tap.observe(Array("data: {}\n\n".utf8).span, at: 0)
    tap.end()
    #expect(!tap.isRenewable)
  }

  @Test func `a growing array is a stream`() {
    let replay = Replay(
      path: "/v1beta/models/g:streamGenerateContent", contentType: "application/json")
    let tap = StreamTap(replay.request)
    tap.observe(Array("[{}".utf8).span, at: 0)
    tap.end()
    #expect(!tap.isRenewable)
  }

  // Gemini takes its key so.
  @Test func `a query is not kept`() {
    let path = "/v1beta/models/g:generateContent?key=secret"
    let supplies = TapSupplies()
    let tap = StreamTap(
      Replay(path: path, contentType: "application/json").request, sharing: supplies)
    tap.observe(Array("{}".utf8).span, at: 0)
    tap.end()
    #expect(!tap.isRenewable)
    let kept = Mirror(reflecting: supplies).children.first { $0.label == "lastPath" }
    #expect("\(kept?.value ?? "missing")" == "nil")
  }

  @Test func `a tap that still reads is not renewed`() {
    let tap = StreamTap(Replay(contentType: "application/json").request)
    tap.observe(Array("{".utf8).span, at: 0)
    #expect(!tap.isRenewable)
  }
}

extension StreamTap {
  /// Everything stored, as text that compares: what is added later included. Of those fields that
  /// cannot be copied, and so not be reflected, what they let see.
  fileprivate var wholeState: String {
    let stored = Mirror(reflecting: self).children.map { "\($0.label ?? ""): \($0.value)" }
    #expect(stored.count > 20)
    let unseen = "\(memory.known) \(memory.openedTools) \(memory.itemsWithDeltas) \(memory.choices)"
    return (stored + [facts.everything, unseen, memory.dialect.name.rawValue]).joined(
      separator: "\n")
  }
}
