// Goal: each dialect yields its facts without the corpus, byte by byte as well as in one read.
// Method: a short stream for each, written by hand after the provider's documentation, and a
// one-line summary of what must come out.

import Tap
import Testing

@Suite("Dialects")
struct DialectTests {
  struct Example: CustomTestStringConvertible, Sendable {
    let name: String
    var path = "/v1/chat/completions"
    var type = "text/event-stream"
    var status = 200
    let body: String
    let summary: String
    var testDescription: String { name }
  }

  @Test("gives the facts of a short stream", arguments: streams + bodies + errors)
  func example(_ example: Example) {
    let replay = Replay(path: example.path, contentType: example.type, status: example.status)
    #expect(replay.facts(example.body).summary == example.summary)
    #expect(replay.factsByByte(example.body).summary == example.summary)
    let errors = replay.facts(example.body).observerErrors
    #expect(errors.indices.allSatisfy { errors[$0] == 0 })
  }

  @Test("is told by what the stream shows where the path does not tell", arguments: streams)
  func sniffed(_ example: Example) {
    // These show nothing of their own, or are told by their content type.
    let untold = [
      "openai completions", "llama.cpp", "transcription", "gemini array", "writer", "cohere v1",
    ]
    guard !untold.contains(example.name) else { return }
    let replay = Replay(path: "/proxy", contentType: example.type)
    #expect(replay.facts(example.body).summary == example.summary)
  }

  @Test("is what a route says it is, whatever the path")
  func override() {
    let replay = Replay(path: "/v1/chat/completions", dialect: .tgi)
    let facts = replay.facts("data: {\"token\":{\"text\":\"a\"},\"generated_text\":\"a\"}\n\n")
    #expect(facts.summary == "tgi 1 events 1 content, text 1, end generated_text completed")
  }

  @Test("members may come in any order")
  func order() {
    let chat = Replay().facts(
      "data: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{\"tool_calls\":[{\"function\":"
        + "{\"arguments\":\"{}\",\"name\":\"f\"},\"index\":0}]},\"index\":1},"
        + "{\"finish_reason\":\"length\",\"delta\":{},\"index\":0}]}\n\n")
    #expect(chat.finishReasons.map(\.raw.text) == ["length", "stop"])
    #expect(chat.toolCalls == 1 && chat.choices == 2)
    let gemini = Replay(path: "/v1/models/g:streamGenerateContent").facts(
      "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"abc\",\"thought\":true},"
        + "{\"thought\":false,\"text\":\"de\"}]}}]}\n\n")
    #expect(gemini.reasoningChars == 3 && gemini.textChars == 2)
    let responses = Replay(path: "/v1/responses").facts(
      "data: {\"delta\":\"abc\",\"type\":\"response.output_text.delta\"}\n\n")
    #expect(responses.textChars == 3)
  }

  @Test("a tool call opens once for each choice and index")
  func toolCalls() {
    func event(_ choice: Int, _ index: Int, _ name: String) -> String {
      "data: {\"choices\":[{\"index\":\(choice),\"delta\":{\"tool_calls\":[{\"index\":\(index),"
        + "\"function\":{\"name\":\"\(name)\",\"arguments\":\"x\"}}]}}]}\n\n"
    }
    let facts = Replay().facts(
      event(0, 0, "f") + event(0, 0, "f") + event(0, 1, "g") + event(1, 0, "f") + event(1, 0, ""))
    #expect(facts.toolCalls == 3)
    #expect(facts.toolCallChars == 5)
    #expect(facts.firstToolCallEvent == 0)
  }

  @Test("reasoning that is sent twice counts once")
  func doubledReasoning() {
    let facts = Replay().facts(
      "data: {\"choices\":[{\"delta\":{\"reasoning\":\"abc\",\"reasoning_content\":\"abc\"}}]}\n\n")
    #expect(facts.reasoningChars == 3)
  }

  @Test("who serves the model is told by what only they send")
  func providers() {
    func provider(_ body: String, path: String = "/v1/chat/completions") -> Provider? {
      Replay(path: path).facts("data: {\(body),\"choices\":[]}\n\n").provider
    }
    #expect(provider("\"x_groq\":{}") == .groq)
    #expect(provider("\"provider\":\"Novita\"") == .openRouter)
    #expect(provider("\"prompt_filter_results\":[]") == .azureOpenAI)
    #expect(provider("\"a\":1", path: "/openai/deployments/x/chat/completions") == .azureOpenAI)
    #expect(provider("\"a\":1") == nil)
  }
}

extension DialectTests {
  static let streams: [Example] = [
    Example(
      name: "openai chat",
      body: """
        data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}

        data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"h\\u00e9"}}]}

        data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

        data: {"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}

        data: [DONE]


        """,
      summary: "openai-chat 5 events 1 content, text 2, model m, finish stop, usage 3/1, "
        + "end done-marker completed"),
    Example(
      name: "mistral parts",
      body: """
        data: {"model":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"ab"}]},{"type":"text","text":"c"}]}}]}

        data: [DONE]


        """,
      summary: "openai-chat 2 events 1 content, text 1, reasoning 2, model m, "
        + "end done-marker completed"),
    Example(
      name: "openai completions", path: "/v1/completions",
      body:
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"abc\"}]}\n\ndata: [DONE]\n\n",
      summary: "openai-completions 2 events 1 content, text 3, model m, end done-marker completed"),
    Example(
      name: "openai responses", path: "/v1/responses",
      body: """
        event: response.created
        data: {"type":"response.created","response":{"id":"r","model":"m","status":"in_progress","usage":null}}

        event: response.output_item.added
        data: {"type":"response.output_item.added","item":{"type":"function_call","arguments":""},"output_index":0}

        event: response.function_call_arguments.delta
        data: {"type":"response.function_call_arguments.delta","delta":"{}","output_index":0}

        event: response.function_call_arguments.done
        data: {"type":"response.function_call_arguments.done","arguments":"{}","output_index":0}

        event: response.completed
        data: {"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":4,"output_tokens":2}}}


        """,
      summary: "openai-responses 5 events 1 content, tools 1, arguments 2, model m, "
        + "finish completed, usage 4/2, end response.completed completed"),
    Example(
      name: "anthropic", path: "/v1/messages",
      body: """
        event: message_start
        data: {"type":"message_start","message":{"id":"i","model":"m","usage":{"input_tokens":9,"output_tokens":1}}}

        event: ping
        data: {"type": "ping"}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f","input":{}}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"hm"}}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}

        event: message_stop
        data: {"type":"message_stop"}


        """,
      summary: "anthropic-messages 7 events 2 content, reasoning 2, tools 1, arguments 2, model m, "
        + "finish tool_use, usage 9/7, end message_stop completed"),
    Example(
      name: "gemini", path: "/v1beta/models/g:streamGenerateContent?alt=sse",
      body: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\","
        + "\"args\":{ \"a\" : 1 }}}]},\"finishReason\":\"STOP\"}],\"modelVersion\":\"g\","
        + "\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":6}}\r\n\r\n",
      summary: "gemini 1 events 1 content, tools 1, arguments 7, model g, finish STOP, usage 5/6, "
        + "end finish_reason completed"),
    Example(
      name: "gemini array", path: "/v1beta/models/g:streamGenerateContent",
      type: "application/json",
      body: "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ab\"}]}}]}\n,\n"
        + "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"c\"}]},\"finishReason\":1}]}\n]\n",
      summary: "gemini 2 events 2 content, text 3, finish 1, end array-end completed"),
    Example(
      name: "ollama chat", path: "/api/chat", type: "application/x-ndjson",
      body:
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"ab\"},\"done\":false}\n"
        + "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"
        + "\"done_reason\":\"stop\",\"prompt_eval_count\":2,\"eval_count\":3}\n",
      summary: "ollama-chat 2 events 1 content, text 2, model m, finish stop, usage 2/3, "
        + "end done-field completed"),
    Example(
      name: "ollama generate", path: "/api/generate", type: "application/x-ndjson",
      body: "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"ab\",\"done\":false}\n"
        + "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"c\",\"done\":true}",
      summary: "ollama-generate 2 events 2 content, text 3, model m, end done-field completed"),
    Example(
      name: "cohere v2", path: "/v2/chat",
      body: """
        event: message-start
        data: {"id":"i","type":"message-start","delta":{"message":{"role":"assistant"}}}

        event: tool-plan-delta
        data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I"}}}

        event: tool-call-start
        data: {"type":"tool-call-start","delta":{"message":{"tool_calls":{"function":{"name":"f","arguments":""}}}}}

        event: content-delta
        data: {"type":"content-delta","delta":{"message":{"content":{"text":"ab"}}}}

        event: message-end
        data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":8,"output_tokens":9}}}}


        """,
      summary: "cohere-chat 5 events 2 content, text 2, reasoning 1, tools 1, finish COMPLETE, "
        + "usage 8/9, end message-end completed"),
    Example(
      name: "cohere v1", path: "/v1/chat", type: "application/stream+json",
      body: "{\"event_type\":\"text-generation\",\"text\":\"abc\"}\n"
        + "{\"event_type\":\"stream-end\",\"finish_reason\":\"COMPLETE\",\"response\":{\"text\":\"abc\"}}\n",
      summary: "cohere-chat 2 events 1 content, text 3, finish COMPLETE, end stream-end completed"),
    Example(
      name: "tgi", path: "/generate_stream",
      body:
        "data:{\"token\":{\"id\":1,\"text\":\"ab\",\"special\":false},\"generated_text\":null}\n\n"
        + "data:{\"token\":{\"id\":2,\"text\":\"</s>\",\"special\":true},\"generated_text\":\"ab\","
        + "\"details\":{\"finish_reason\":\"eos_token\",\"generated_tokens\":2}}\n\n",
      summary: "tgi 2 events 1 content, text 2, finish eos_token, usage -1/2, "
        + "end generated_text completed"),
    Example(
      name: "llama.cpp", path: "/completion",
      body: "data: {\"content\":\"ab\",\"stop\":false,\"tokens_predicted\":1}\n\n"
        + "data: {\"content\":\"\",\"stop\":true,\"model\":\"m\",\"stopped_limit\":true,"
        + "\"tokens_evaluated\":4,\"tokens_predicted\":2}\n\n",
      summary: "llamacpp 2 events 1 content, text 2, model m, finish limit, usage 4/2, "
        + "end stop-field completed"),
    Example(
      name: "mcp", path: "/mcp",
      body: "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":"
        + "[{\"type\":\"text\",\"text\":\"abcd\"}]}}\n\n",
      summary: "mcp 1 events 1 content, text 4, end eof completed"),
    Example(
      name: "assistants", path: "/v1/threads/t/runs",
      body: """
        event: thread.run.created
        data: {"id":"r","model":"m","status":"queued"}

        event: thread.message.delta
        data: {"delta":{"content":[{"type":"text","text":{"value":"ab"}}]}}

        event: thread.run.completed
        data: {"id":"r","model":"m","status":"completed","usage":{"prompt_tokens":1,"completion_tokens":2}}

        event: done
        data: [DONE]


        """,
      summary:
        "openai-assistants 4 events 1 content, text 2, model m, finish completed, usage 1/2, "
        + "end done-marker completed"),
    Example(
      name: "transcription", path: "/v1/audio/transcriptions",
      body: "data: {\"type\":\"transcript.text.delta\",\"delta\":\"ab\"}\n\n"
        + "data: {\"type\":\"transcript.text.done\",\"text\":\"ab\",\"usage\":{\"input_tokens\":3,"
        + "\"output_tokens\":1}}\n\n",
      summary: "openai-transcription 2 events 1 content, text 2, usage 3/1, "
        + "end transcript.text.done completed"),
    Example(
      name: "gemini interactions", path: "/v1beta/interactions",
      body: """
        data: {"interaction":{"id":"i","status":"in_progress","model":"m"},"event_type":"interaction.created"}

        data: {"index":0,"step":{"type":"function_call","name":"f","arguments":{}},"event_type":"step.start"}

        data: {"index":0,"delta":{"type":"arguments_delta","arguments":"{}"},"event_type":"step.delta"}

        data: {"interaction":{"status":"completed","usage":{"total_input_tokens":5,"total_output_tokens":6}},"event_type":"interaction.completed"}


        """,
      summary: "gemini-interactions 4 events 1 content, tools 1, arguments 2, model m, "
        + "finish completed, usage 5/6, end interaction.completed completed"),
    Example(
      name: "replicate", path: "/v1/streams/x",
      body: "event: output\ndata: H\u{E9}\n\nevent: output\ndata: a\ndata: b\n\n"
        + "event: done\ndata: {}\n\n",
      summary: "replicate 3 events 2 content, text 5, end done-event completed"),
    Example(
      name: "watsonx", path: "/ml/v1/text/generation_stream",
      body:
        "data: {\"model_id\":\"m\",\"results\":[{\"generated_text\":\"ab\",\"input_token_count\":7,"
        + "\"generated_token_count\":1,\"stop_reason\":\"not_finished\"}]}\n\n"
        + "data: {\"model_id\":\"m\",\"results\":[{\"generated_text\":\"\",\"input_token_count\":0,"
        + "\"generated_token_count\":2,\"stop_reason\":\"eos_token\"}]}\n\n",
      summary: "watsonx 2 events 1 content, text 2, model m, finish eos_token, usage 7/2, "
        + "end finish_reason completed"),
    Example(
      name: "writer", path: "/v1/completions", body: "data: {\"value\":\"abc\"}\n\n",
      summary: "plain 1 events 1 content, text 3, end eof completed"),
  ]

  static let bodies: [Example] = [
    Example(
      name: "chat body", type: "application/json",
      body: "{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"abc\"},"
        + "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
      summary: "openai-chat 0 events 0 content, text 3, model m, finish stop, usage 1/2, "
        + "end body completed"),
    Example(
      name: "anthropic body", path: "/v1/messages", type: "application/json",
      body:
        "{\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"tool_use\","
        + "\"input\":{\"a\": 1}}],\"stop_reason\":\"tool_use\"}",
      summary: "anthropic-messages 0 events 0 content, text 2, tools 1, arguments 7, model m, "
        + "finish tool_use, end body completed"),
    Example(
      name: "completions body", path: "/v1/completions", type: "application/json",
      body: "{\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"abc\"}],"
        + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
      summary: "plain 0 events 0 content, text 3, model m, usage 1/2, end body completed"),
    Example(
      name: "bytes of another type", type: "audio/mpeg", body: "\u{1}\u{2}",
      summary: "openai-chat 0 events 0 content, end body completed"),
  ]

  static let errors: [Example] = [
    Example(
      name: "error in a chat stream",
      body: "data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"code\":null}}\n\n",
      summary: "openai-chat 1 events 0 content, end error upstream_error, as server_error"),
    Example(
      name: "overloaded", path: "/v1/messages",
      body:
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
      summary: "anthropic-messages 1 events 0 content, end error upstream_error, as overloaded"),
    Example(
      name: "failed response", path: "/v1/responses",
      body: "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\","
        + "\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"x\"}}}\n\n",
      summary: "openai-responses 1 events 0 content, finish failed, "
        + "end response.failed upstream_error, as rate_limited"),
    Example(
      name: "error in a field", path: "/completion",
      body: "error: {\"code\":400,\"message\":\"x\",\"type\":\"invalid_request_error\"}\n\n",
      summary: "llamacpp 0 events 0 content, end error upstream_error, as invalid_request"),
    Example(
      name: "bare error document", path: "/v1/models/g:streamGenerateContent",
      body: "data: {\"candidates\":[]}\n\n{\n \"error\": {\n  \"code\": 503,\n"
        + "  \"status\": \"UNAVAILABLE\"\n }\n}\n",
      summary: "gemini 1 events 0 content, end error upstream_error, as overloaded"),
    Example(
      name: "error line", path: "/api/chat", type: "application/x-ndjson",
      body: "{\"error\":\"model overloaded\"}\n",
      summary: "ollama-chat 1 events 0 content, end error upstream_error, as overloaded"),
    Example(
      name: "cut stream",
      body: "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ab\"}}]}\n\ndata: {\"choi",
      summary: "openai-chat 1 events 1 content, text 2, end eof upstream_truncated, as truncated"),
    Example(
      name: "blocked prompt", path: "/v1/models/g:streamGenerateContent",
      body: "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n",
      summary: "gemini 1 events 0 content, end eof completed"),
    Example(
      name: "quota", type: "application/json", status: 429,
      body: "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
      summary: "openai-chat 0 events 0 content, end body upstream_http_error, as quota_exhausted"),
    Example(
      name: "gateway's page", type: "text/html", status: 502, body: "<html>502</html>",
      summary: "openai-chat 0 events 0 content, end body upstream_http_error, as server_error"),
  ]
}
