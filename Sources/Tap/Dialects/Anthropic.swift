// Anthropic Messages, also on Vertex and inside Bedrock's InvokeModel.

extension Dialect {
  /// https://docs.anthropic.com/en/docs/build-with-claude/streaming
  static let anthropicMessages = Dialect(
    .anthropicMessages, operation: .messages, provider: .anthropic, stream: anthropicStream,
    body: anthropicContent("content[]") + anthropicMessage + [Path("stop_reason", .finishReason)],
    rules: anthropicRules, usage: .exclusiveInput)

  static let anthropicStream: [Path] =
    [
      Path("type", .eventType), Path("delta.text", .text), Path("delta.thinking", .reasoning),
      Path("delta.partial_json", .toolArguments), Path("delta.stop_reason", .finishReason),
      Path("content_block.type", .itemType), Path("content_block.text", .text),
      Path("content_block.thinking", .reasoning),
    ] + Path.nested("message", anthropicMessage) + anthropicUsage

  static let anthropicRules: [EventRule] = [
    EventRule("content_block_delta"), EventRule("ping", .ping),
    EventRule("content_block_start", .item), EventRule("content_block_stop"),
    EventRule("message_start"), EventRule("message_delta"), EventRule("message_stop", .terminal),
    EventRule("error", .error),
  ]

  private static func anthropicContent(_ prefix: String) -> [Path] {
    Path.nested(
      prefix,
      [
        Path("type", .itemType), Path("text", .text), Path("thinking", .reasoning),
        Path("input", .toolArguments),
      ])
  }

  private static let anthropicMessage: [Path] =
    [Path("id", .responseID), Path("model", .model)] + anthropicUsage

  private static let anthropicUsage: [Path] = [
    Path("usage.input_tokens", .inputTokens), Path("usage.output_tokens", .outputTokens),
    Path("usage.cache_read_input_tokens", .cachedTokens),
    Path("usage.cache_creation_input_tokens", .cacheWriteTokens),
    Path("usage.output_tokens_details.thinking_tokens", .reasoningTokens),
  ]
}
