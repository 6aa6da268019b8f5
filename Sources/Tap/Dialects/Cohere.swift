// Cohere's chat, version 2 over server-sent events and version 1 as lines.

extension Dialect {
  /// https://docs.cohere.com/v2/docs/streaming
  static let cohereChat = Dialect(
    .cohereChat, operation: .chat, provider: .cohere,
    stream: cohereDelta + cohereFirstVersion,
    body: [
      Path("id", .responseID), Path("finish_reason", .finishReason),
      Path("message.content[].text", .text), Path("message.content[].thinking", .reasoning),
      Path("message.tool_plan", .reasoning),
      Path("message.tool_calls[].function.name", .openedToolCall),
      Path("message.tool_calls[].function.arguments", .toolArguments), Path("text", .text),
    ] + cohereUsage("usage") + cohereUsage("meta"),
    rules: [
      EventRule("content-delta"), EventRule("tool-plan-delta"), EventRule("tool-call-delta"),
      EventRule("content-start"), EventRule("content-end"), EventRule("message-start"),
      EventRule("tool-call-start", .toolCall), EventRule("tool-call-end"),
      EventRule("citation-start", .noContent), EventRule("citation-end"),
      EventRule("message-end", .terminal), EventRule("text-generation"),
      EventRule("stream-start"), EventRule("stream-end", .terminal), EventRule("error", .error),
    ])

  private static let cohereDelta: [Path] =
    [
      Path("id", .responseID), Path("type", .eventType),
      Path("delta.message.content.text", .text),
      Path("delta.message.content.thinking", .reasoning),
      Path("delta.message.tool_plan", .reasoning),
      Path("delta.message.tool_calls.function.arguments", .toolArguments),
      Path("delta.finish_reason", .finishReason), Path("delta.error", .error),
    ] + cohereUsage("delta.usage")

  private static let cohereFirstVersion: [Path] =
    [
      Path("event_type", .eventType), Path("text", .text), Path("finish_reason", .finishReason),
      Path("generation_id", .responseID),
    ] + cohereUsage("response.meta")

  private static func cohereUsage(_ prefix: String) -> [Path] {
    Path.nested(
      prefix,
      [
        Path("tokens.input_tokens", .inputTokens), Path("tokens.output_tokens", .outputTokens),
        Path("cached_tokens", .cachedTokens),
      ])
  }
}
