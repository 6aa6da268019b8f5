// OpenAI's chat completions and Responses, streamed and plain.

enum OpenAIRecordings {
  static let all = [
    chat, chatWithUsage, chatToolCall, chatPlain, responses, responsesPlain,
  ]

  private static let chatMembers =
    #""created":1735689600,"model":"gpt-4o-2024-08-06","service_tier":"default","#
    + #""system_fingerprint":"fp_simulated""#
  private static let answered = SimulatedText.tokens.count
  private static let usage =
    #"{"prompt_tokens":\#(SimulatedText.promptTokens),"completion_tokens":\#(answered),"#
    + #""total_tokens":\#(SimulatedText.promptTokens + answered),"#
    + #""prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"#
    + #""completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"#
    + #""accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#
}

// MARK: - Chat completions

extension OpenAIRecordings {
  /// Without `stream_options` OpenAI reports no usage.
  static let chat = stream("openai-chat/text.sse", textDeltas)

  static let chatWithUsage = stream("openai-chat/text-usage.sse", textDeltas, reportsUsage: true)

  static let chatToolCall = stream(
    "openai-chat/tool-call.sse",
    [
      (
        #"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_simulated1","#
          + #""type":"function","function":{"name":"get_level","arguments":""}}],"refusal":null}"#,
        nil
      )
    ]
      + [#"{\""#, "river", #"\":\""#, "Tha", "mes", #"\"}"#].map { piece in
        (#"{"tool_calls":[{"index":0,"function":{"arguments":"\#(piece)"}}]}"#, nil)
      }
      + [("{}", "tool_calls")],
    reportsUsage: true)

  static let chatPlain = Recording(
    name: "openai-chat/text.json", contentType: "application/json",
    body: Array(
      (#"{"id":"chatcmpl-simulated1","object":"chat.completion",\#(chatMembers),"choices":["#
        + #"{"index":0,"message":{"role":"assistant","content":"\#(SimulatedText.whole)","#
        + #""refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"#
        + #""usage":\#(usage)}"#).utf8))

  private static let textDeltas: [(delta: String, finish: String?)] =
    [(#"{"role":"assistant","content":"","refusal":null}"#, nil)]
    + SimulatedText.tokens.map { (#"{"content":"\#($0)"}"#, nil) } + [("{}", "stop")]

  private static func stream(
    _ name: String, _ deltas: [(delta: String, finish: String?)], reportsUsage: Bool = false
  ) -> Recording {
    let noUsage = reportsUsage ? #","usage":null"# : ""
    var body = ""
    for (delta, finish) in deltas {
      let reason = finish.map { "\"\($0)\"" } ?? "null"
      body += chunk(
        #"[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(reason)}]"# + noUsage)
    }
    if reportsUsage { body += chunk(#"[],"usage":\#(usage)"#) }
    body += "data: [DONE]\n\n"
    return Recording(
      name: name, contentType: "text/event-stream; charset=utf-8", body: Array(body.utf8))
  }

  private static func chunk(_ choices: String) -> String {
    #"data: {"id":"chatcmpl-simulated1","object":"chat.completion.chunk",\#(chatMembers),"#
      + #""choices":\#(choices)}"# + "\n\n"
  }
}

// MARK: - Responses

extension OpenAIRecordings {
  static let responses = Recording(
    name: "openai-responses/text.sse", contentType: "text/event-stream; charset=utf-8",
    body: Array(responseEvents.utf8))

  static let responsesPlain = Recording(
    name: "openai-responses/text.json", contentType: "application/json",
    body: Array(response(isComplete: true).utf8))

  private static let item = #""item_id":"msg_simulated1","output_index":0,"content_index":0"#

  private static func part(_ text: String) -> String {
    #"{"type":"output_text","annotations":[],"logprobs":[],"text":"\#(text)"}"#
  }

  private static func message(_ status: String, _ content: String) -> String {
    #"{"id":"msg_simulated1","type":"message","status":"\#(status)","content":[\#(content)],"#
      + #""role":"assistant"}"#
  }

  private static func response(isComplete: Bool) -> String {
    let usage =
      #"{"input_tokens":\#(SimulatedText.promptTokens),"#
      + #""input_tokens_details":{"cached_tokens":0},"output_tokens":\#(answered),"#
      + #""output_tokens_details":{"reasoning_tokens":0},"#
      + #""total_tokens":\#(SimulatedText.promptTokens + answered)}"#
    let output = isComplete ? message("completed", part(SimulatedText.whole)) : ""
    return #"{"id":"resp_simulated1","object":"response","created_at":1735689600,"#
      + #""status":"\#(isComplete ? "completed" : "in_progress")","error":null,"#
      + #""incomplete_details":null,"instructions":null,"max_output_tokens":null,"#
      + #""model":"gpt-4o-2024-08-06","output":[\#(output)],"parallel_tool_calls":true,"#
      + #""previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"#
      + #""temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"#
      + #""top_p":1.0,"truncation":"disabled","usage":\#(isComplete ? usage : "null"),"#
      + #""metadata":{}}"#
  }

  private static var responseEvents: String {
    let whole = SimulatedText.whole
    var events: [(type: String, members: String)] = [
      ("response.created", #""response":\#(response(isComplete: false))"#),
      ("response.in_progress", #""response":\#(response(isComplete: false))"#),
      (
        "response.output_item.added",
        #""output_index":0,"item":\#(message("in_progress", ""))"#
      ),
      ("response.content_part.added", #"\#(item),"part":\#(part(""))"#),
    ]
    for token in SimulatedText.tokens {
      events.append(("response.output_text.delta", #"\#(item),"delta":"\#(token)","logprobs":[]"#))
    }
    events += [
      ("response.output_text.done", #"\#(item),"text":"\#(whole)","logprobs":[]"#),
      ("response.content_part.done", #"\#(item),"part":\#(part(whole))"#),
      (
        "response.output_item.done",
        #""output_index":0,"item":\#(message("completed", part(whole)))"#
      ),
      ("response.completed", #""response":\#(response(isComplete: true))"#),
    ]
    return events.enumerated().map { number, event in
      "event: \(event.type)\ndata: "
        + #"{"type":"\#(event.type)","sequence_number":\#(number),\#(event.members)}"# + "\n\n"
    }.joined()
  }
}
