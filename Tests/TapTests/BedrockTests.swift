// Goal: Bedrock's binary streams give their facts, exceptions and broken checksums included, and
// Realtime's messages theirs. Method: messages framed here, after Amazon's description of the
// encoding.

import TestSupport
import Tap
import Testing
import Wire

@Suite("Bedrock")
struct BedrockTests {
  private let replay = Replay(
    path: "/model/m/converse-stream", contentType: "application/vnd.amazon.eventstream")

  private func message(_ headers: [(String, String)], _ payload: String) -> [UInt8] {
    var fields: [UInt8] = []
    for (name, value) in headers {
      fields += [UInt8(name.utf8.count)] + Array(name.utf8) + [7] + word(value.utf8.count).suffix(2)
      fields += Array(value.utf8)
    }
    let body = Array(payload.utf8)
    var bytes = word(16 + fields.count + body.count) + word(fields.count)
    bytes += checksum(bytes) + fields + body
    return bytes + checksum(bytes)
  }

  private func event(_ type: String, _ payload: String) -> [UInt8] {
    message([(":message-type", "event"), (":event-type", type)], payload)
  }

  private func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  private func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var crc = CRC32()
    crc.update(bytes.span)
    return word(Int(crc.value))
  }

  private var converse: [UInt8] {
    event("messageStart", #"{"role":"assistant"}"#)
      + event("contentBlockStart", #"{"start":{"toolUse":{"name":"f"}}}"#)
      + event("contentBlockDelta", #"{"delta":{"toolUse":{"input":"{}"}}}"#)
      + event("contentBlockDelta", #"{"delta":{"text":"hé"}}"#)
      + event("messageStop", #"{"stopReason":"end_turn"}"#)
      + event("metadata", #"{"usage":{"inputTokens":3,"outputTokens":4,"cacheReadInputTokens":9}}"#)
  }

  @Test("Converse gives its facts however it is cut")
  func converseStream() {
    let expected =
      "bedrock-eventstream 6 events 2 content, text 2, tools 1, arguments 2, finish end_turn, "
      + "usage 3/4, end messageStop completed"
    let feed = Feed(
      converse, randomCuts: 4, start: { replay.makeTap() },
      feed: { tap, span in tap.observe(span, at: 0) },
      result: { tap in
        tap.end()
        return tap.facts.summary
      })
    #expect(feed.whole == expected)
    #expect(feed.disagreements.isEmpty)
  }

  @Test("InvokeModel wraps the model's own events in Base64")
  func invoke() {
    func chunk(_ json: String) -> [UInt8] {
      let encoded = Base64Encoder.encode(Array(json.utf8).span).text
      return event("chunk", "{\"bytes\":\"\(encoded)\",\"p\":\"abc\"}")
    }
    let body =
      chunk(#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":5}}}"#)
      + chunk(#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"abc"}}"#)
      + chunk(#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"outputTokenCount":6}}"#)
    #expect(
      replay.facts(body).summary
        == "bedrock-eventstream 3 events 1 content, text 3, model m, usage 5/6, "
        + "end message_stop completed")
  }

  @Test("an exception ends the stream as an error")
  func exception() {
    let body =
      event("messageStart", "{}")
      + message(
        [(":message-type", "exception"), (":exception-type", "throttlingException")],
        #"{"message":"slow down"}"#)
    let facts = replay.facts(body)
    #expect(
      facts.summary
        == "bedrock-eventstream 2 events 0 content, end error upstream_error, as rate_limited")
    #expect(facts.error?.message?.text == "slow down")
  }

  @Test("a message with a broken checksum is counted, and says nothing")
  func brokenChecksum() {
    var body = event("contentBlockDelta", #"{"delta":{"text":"abc"}}"#)
    body[body.count - 8] ^= 1
    let facts = replay.facts(body + event("messageStop", "{}"))
    #expect(facts.events == 2 && facts.textChars == 0 && facts.checksumErrors == 1)
    #expect(facts.observerErrors[ObserverErrorKind.badFrame.rawValue] == 1)
    #expect(facts.end == .completed)
  }
}

@Suite("Realtime")
struct RealtimeTests {
  @Test("a server's messages give their facts, in pieces too")
  func messages() {
    let tap = Replay(path: "/v1/realtime?model=m", contentType: "", status: 101).makeTap()
    let messages = [
      #"{"type":"session.created","session":{"model":"m"}}"#,
      #"{"type":"response.output_item.added","item":{"type":"function_call"}}"#,
      #"{"type":"response.output_audio.delta","delta":"AAAA"}"#,
      #"{"type":"response.output_audio_transcript.delta","delta":"hé"}"#,
      #"{"type":"response.done","response":{"status":"completed","usage":{"input_tokens":1}}}"#,
    ]
    for (instant, message) in messages.enumerated() {
      let bytes = Array(message.utf8)
      let half = bytes.count / 2
      tap.observeMessage(Array(bytes[..<half]).span, endsMessage: false, at: UInt64(instant))
      tap.observeMessage(Array(bytes[half...]).span, endsMessage: true, at: UInt64(instant))
    }
    tap.end()
    #expect(
      tap.facts.summary
        == "openai-realtime 5 events 2 content, tools 1, media 4, transcript 2, model m, "
        + "finish completed, usage 1/-1, end finish_reason completed")
    #expect(tap.facts.firstToken == 2)
    #expect(tap.facts.isStream)
  }
}
