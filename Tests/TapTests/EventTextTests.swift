// Goal: a reader who wants text gets what a person would see, whoever the provider is.
// Method: one event of each kind. The recordings, through a relay, are `RecordedTextTests`.

import Tap
import TestSupport
import Testing
import Wire

@Suite struct EventTextTests {
  // Goal: a stream's first event tells what the later ones are: Cohere's `text` is text, and that of
  // OpenAI's last event repeats what came before.
  @Test func streamOfOneDialect() {
    let reader = EventTextReader()
    let events = [
      #"{"type":"response.created","response":{"id":"r"}}"#,
      #"{"type":"response.output_text.delta","delta":"Hi"}"#,
      #"{"type":"response.output_text.done","text":"Hi"}"#,
    ]
    let texts = events.map {
      String(decoding: reader.text(of: Array($0.utf8), named: []), as: UTF8.self)
    }
    #expect(texts == ["", "Hi", ""])
  }

  // Goal: Bedrock's events, and the model's own in Base64 inside them.
  @Test func eventStreams() {
    let reader = EventTextReader.ofEventStreams()
    func text(_ data: String, _ name: String) -> String {
      String(
        decoding: reader.text(of: Array(data.utf8), named: Array(name.utf8)), as: UTF8.self)
    }
    func wrapped(_ json: String) -> String {
      let encoded = String(decoding: Base64Encoder.encode(Array(json.utf8).span), as: UTF8.self)
      return text(#"{"bytes":"\#(encoded)","p":"abc"}"#, "chunk")
    }
    #expect(text(#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#, "contentBlockDelta") == "Hi")
    #expect(
      text(#"{"delta":{"reasoningContent":{"text":"hm"}}}"#, "contentBlockDelta") == "")
    #expect(text(#"{"stopReason":"end_turn"}"#, "messageStop") == "")
    #expect(text(#"{"message":"slow down"}"#, "") == "")
    #expect(
      wrapped(#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}"#) == "Hi")
    #expect(wrapped(#"{"type":"message_stop"}"#) == "")
    #expect(text(#"{"bytes":"no Base64!"}"#, "chunk") == "")
  }

  @Test(arguments: [
    (#"{"choices":[{"index":0,"delta":{"content":"Hi \u00e9"}}]}"#, "", "Hi é"),
    (#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, "", ""),
    (#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}"#, "", ""),
    (
      #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
      "content_block_delta", "Hi"
    ),
    (
      #"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
      "content_block_delta", ""
    ),
    (#"{"type":"response.output_text.delta","delta":"Hi"}"#, "response.output_text.delta", "Hi"),
    (#"{"type":"response.reasoning_text.delta","delta":"hm"}"#, "", ""),
    (#"{"type":"response.output_text.done","text":"Hi"}"#, "", ""),
    (#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#, "", "Hi"),
    (
      #"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi"}]}}]}"#, "",
      "Hi"
    ),
    (#"{"model":"llama3","message":{"role":"assistant","content":"Hi"},"done":false}"#, "", "Hi"),
    (#"{"model":"llama3","response":"Hi","done":false}"#, "", "Hi"),
    (#"{"object":"text_completion","choices":[{"index":0,"text":"Hi"}]}"#, "", "Hi"),
    // Both, as Together sends them.
    (#"{"choices":[{"index":0,"text":"Hi","delta":{"content":"Hi"}}]}"#, "", "Hi"),
    (#"{"results":[{"generated_text":"Hi","stop_reason":"not_finished"}]}"#, "message", "Hi"),
    (#"{"type":"transcript.text.delta","delta":"Hi"}"#, "", "Hi"),
    ("[DONE]", "", ""), ("plain words", "", "plain words"), ("", "", ""),
    (#"{"unknown":"thing"}"#, "", ""),
  ])
  func events(_ data: String, _ name: String, _ text: String) {
    let reader = EventTextReader()
    for _ in 0..<2 {
      let found = reader.text(of: Array(data.utf8), named: Array(name.utf8))
      #expect(String(decoding: found, as: UTF8.self) == text)
    }
  }
}
