// Goal: `weir observe` prints what the contract names, on one line; and errors and finish reasons
// fall into their closed sets. Method: one golden line, and tables.

import Tap
import Testing

@Suite("Observe report and closed sets")
struct ReportTests {
  @Test("the report is one JSON object on one line")
  func golden() {
    let request = TapRequest(
      path: Array("/v1/chat/completions".utf8), contentType: Array("text/event-stream".utf8))
    let report = ObserveReport(request)
    report.read(
      Array(
        """
        : hi

        data: {"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}}

        data: [DONE]


        """.utf8
      ).span)
    #expect(
      report.line().text == """
        {"events":2,"content_events":1,"first_content_event":0,"first_tool_call_event":null,\
        "text_chars":1,"reasoning_chars":0,"tool_call_chars":0,"refusal_chars":0,\
        "media_b64_chars":0,"transcript_chars":0,"tool_calls":0,"choices":1,"comments":1,\
        "model":"m","finish_reasons":["stop"],"usage":{"input":3,"output":1,"cached_input":2,\
        "cache_write_input":null,"reasoning":null},"tokens":{"uncached":1,"cache_read":2,\
        "cache_write":0,"response":1,"reasoning":0},"usage_source":"reported",\
        "terminal":"done-marker","done_marker":true,"error":null,"eof_pending":false,\
        "dialect":"openai-chat","outcome":"completed","error_type":null,"observer_errors":0}
        """)
  }

  @Test("an error's message is cut at 4 KiB")
  func longMessage() {
    let request = TapRequest(
      path: Array("/x".utf8), contentType: Array("application/json".utf8), status: 500)
    let report = ObserveReport(request)
    let message = String(repeating: "m", count: 10_000)
    report.read(Array("{\"error\":{\"message\":\"\(message)\"}}".utf8).span)
    let line = report.line().text
    #expect(line.contains(String(repeating: "m", count: 4096) + "\""))
    #expect(!line.contains(String(repeating: "m", count: 4097)))
  }

  @Test(
    "errors fall into their types",
    arguments: [
      ("rate_limit_exceeded", nil, nil, 200, ErrorType.rateLimited),
      (nil, "overloaded_error", nil, 200, .overloaded),
      ("insufficient_quota", "insufficient_quota", nil, 429, .quotaExhausted),
      (nil, "invalid_request_error", "prompt is too long: 9 tokens", 400, .contextLength),
      ("context_length_exceeded", "invalid_request_error", nil, 400, .contextLength),
      ("invalid_api_key", "invalid_request_error", nil, 401, .authentication),
      (nil, "ThrottlingException", nil, 200, .rateLimited), ("503", nil, nil, 200, .overloaded),
      (nil, "invalid_request_error", nil, 403, .permission),
      (nil, "invalid_request_error", nil, 500, .invalidRequest),
      (nil, nil, nil, 403, .permission), (nil, nil, nil, 404, .notFound),
      (nil, nil, nil, 529, .overloaded), (nil, nil, nil, 500, .serverError),
      (nil, nil, nil, 418, .invalidRequest), (nil, nil, nil, 200, .other),
      ("content_filter", nil, nil, 400, .contentFilter),
      (nil, "DEADLINE_EXCEEDED", nil, 200, .timeout),
    ] as [(String?, String?, String?, Int, ErrorType)])
  func errors(code: String?, type: String?, message: String?, status: Int, expected: ErrorType) {
    let found = ErrorTable.type(
      code: code.map { Array($0.utf8) }, type: type.map { Array($0.utf8) },
      message: message.map { Array($0.utf8) }, status: status)
    #expect(found == expected)
  }

  @Test(
    "finish reasons fall into their set",
    arguments: [
      ("stop", FinishReason.stop), ("end_turn", .stop), ("STOP", .stop), ("1", .stop),
      ("max_tokens", .length), ("MAX_TOKENS", .length), ("tool_use", .toolCalls),
      ("TOOL_CALL", .toolCalls), ("SAFETY", .contentFilter), ("refusal", .refusal),
      ("pause_turn", .pause), ("failed", .error), ("something new", .other),
    ])
  func finishReasons(raw: String, reason: FinishReason) {
    #expect(FinishReason(Array(raw.utf8)) == reason)
  }
}
