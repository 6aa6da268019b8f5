// Anthropic's Messages, streamed and plain.

enum AnthropicRecordings {
  static let all = [messages, toolUse, plain]

  private static let contentType = "text/event-stream; charset=utf-8"
  private static let output = SimulatedText.tokens.count

  static let messages = Recording(
    name: "anthropic-messages/text.sse", contentType: contentType,
    body: Array(
      (begin + block(#"{"type":"text","text":""}"#)
        + event("ping", "")
        + SimulatedText.tokens.map { delta(#"{"type":"text_delta","text":"\#($0)"}"#) }.joined()
        + end(reason: "end_turn")).utf8))

  static let toolUse = Recording(
    name: "anthropic-messages/tool-use.sse", contentType: contentType,
    body: Array(
      (begin
        + block(#"{"type":"tool_use","id":"toolu_simulated1","name":"get_level","input":{}}"#)
        + event("ping", "")
        + ["", #"{\"river\": "#, #"\"Tham"#, #"es\"}"#].map {
          delta(#"{"type":"input_json_delta","partial_json":"\#($0)"}"#)
        }.joined()
        + end(reason: "tool_use")).utf8))

  static let plain = Recording(
    name: "anthropic-messages/text.json", contentType: "application/json",
    body: Array(
      message(
        content: #"{"type":"text","text":"\#(SimulatedText.whole)"}"#, reason: "end_turn",
        outputTokens: output
      ).utf8))
}

extension AnthropicRecordings {
  private static func message(content: String, reason: String?, outputTokens: Int) -> String {
    #"{"id":"msg_simulated1","type":"message","role":"assistant","#
      + #""model":"claude-sonnet-4-20250514","content":[\#(content)],"#
      + #""stop_reason":\#(reason.map { "\"\($0)\"" } ?? "null"),"stop_sequence":null,"#
      + #""usage":{"input_tokens":\#(SimulatedText.promptTokens),"#
      + #""cache_creation_input_tokens":0,"cache_read_input_tokens":0,"#
      + #""output_tokens":\#(outputTokens),"service_tier":"standard"}}"#
  }

  private static func event(_ type: String, _ members: String) -> String {
    let rest = members.isEmpty ? "" : "," + members
    return "event: \(type)\ndata: " + #"{"type":"\#(type)"\#(rest)}"# + "\n\n"
  }

  private static var begin: String {
    event(
      "message_start", #""message":\#(message(content: "", reason: nil, outputTokens: 1))"#)
  }

  private static func block(_ content: String) -> String {
    event("content_block_start", #""index":0,"content_block":\#(content)"#)
  }

  private static func delta(_ delta: String) -> String {
    event("content_block_delta", #""index":0,"delta":\#(delta)"#)
  }

  private static func end(reason: String) -> String {
    event("content_block_stop", #""index":0"#)
      + event(
        "message_delta",
        #""delta":{"stop_reason":"\#(reason)","stop_sequence":null},"#
          + #""usage":{"output_tokens":\#(output)}"#)
      + event("message_stop", "")
  }
}
