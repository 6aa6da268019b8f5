// OpenAI Responses: typed events, of which only the deltas carry output; all else repeats it.

extension Dialect {
  /// https://platform.openai.com/docs/api-reference/responses-streaming
  static let openAIResponses = Dialect(
    .openAIResponses, operation: .responses,
    stream: [
      Path("type", .eventType), Path("delta", .delta), Path("arguments", .finalArguments),
      Path("partial_image_b64", .media), Path("item.type", .itemType),
      Path("output_index", .outputIndex),
      Path("message", .outerMessage), Path("code", .outerCode),
      Path("response.error", .error), Path("response.error.message", .errorMessage),
      Path("response.error.code", .errorCode),
    ] + Path.nested("response", responseEnvelope),
    body: [
      Path("output[].content[].text", .text), Path("output[].content[].refusal", .refusal),
      Path("output[].summary[].text", .reasoning), Path("output[].arguments", .toolArguments),
      Path("output[].input", .toolArguments), Path("output[].code", .toolArguments),
      Path("output[].type", .itemType),
    ] + responseEnvelope,
    rules: responseDeltas + responseEvents,
    options: [.finishByRuleOnly, .terminalBeatsError])

  static let responseEnvelope: [Path] = [
    Path("id", .responseID), Path("model", .model), Path("status", .finishReason),
    Path("incomplete_details.reason", .finishDetail),
    Path("usage.input_tokens", .inputTokens), Path("usage.output_tokens", .outputTokens),
    Path("usage.total_tokens", .totalTokens),
    Path("usage.input_tokens_details.cached_tokens", .cachedTokens),
    Path("usage.input_tokens_details.cache_write_tokens", .cacheWriteTokens),
    Path("usage.output_tokens_details.reasoning_tokens", .reasoningTokens),
  ]

  static let responseDeltas: [EventRule] = [
    EventRule("response.output_text.delta", delta: .text),
    EventRule("response.function_call_arguments.delta", delta: .toolArguments),
    EventRule("response.reasoning_summary_text.delta", delta: .reasoning),
    EventRule("response.reasoning_text.delta", delta: .reasoning),
    EventRule("response.custom_tool_call_input.delta", delta: .toolArguments),
    EventRule("response.mcp_call_arguments.delta", delta: .toolArguments),
    EventRule("response.code_interpreter_call_code.delta", delta: .toolArguments),
    EventRule("response.refusal.delta", delta: .refusal),
    EventRule("response.audio.delta", delta: .media),
    EventRule("response.audio.transcript.delta", delta: .transcript),
  ]

  private static let responseEvents: [EventRule] = [
    EventRule("response.output_item.added", .item),
    EventRule("response.function_call_arguments.done", .finalArguments),
    EventRule("response.mcp_call_arguments.done", .finalArguments),
    EventRule("response.completed", [.terminal, .finish]),
    EventRule("response.incomplete", [.terminal, .finish]),
    EventRule("response.failed", [.terminal, .finish]),
    EventRule("error", [.error, .flatError]),
    EventRule("keepalive", .ping),
    EventRule("response.created"),
  ]
}
