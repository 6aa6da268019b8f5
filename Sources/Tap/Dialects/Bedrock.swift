// Amazon Bedrock's binary streams: Converse, and InvokeModel, which wraps the model's own events.

extension Dialect {
  /// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
  static let bedrock = Dialect(
    .bedrock, operation: .chat, provider: .bedrock,
    stream: converseEvent + converseUsage + [
      Path("bytes", .wrappedBytes), Path("message", .outerMessage),
    ],
    body: [
      Path("output.message.content[].text", .text),
      Path("output.message.content[].reasoningContent.reasoningText.text", .reasoning),
      Path("output.message.content[].toolUse.name", .openedToolCall),
      Path("output.message.content[].toolUse.input", .toolArguments),
      Path("stopReason", .finishReason),
    ] + converseUsage,
    rules: [
      EventRule("contentBlockDelta"), EventRule("contentBlockStart"),
      EventRule("contentBlockStop"), EventRule("messageStart"), EventRule("metadata"),
      EventRule("messageStop", .terminal), EventRule("chunk"),
    ],
    usage: .exclusiveInput)

  /// The model's own event inside InvokeModel's `chunk`: Anthropic, Nova (Converse's names as
  /// keys), Titan, Llama, Cohere, Claude 2.
  static let bedrockModel = Dialect(
    .bedrock, operation: .chat, provider: .bedrock,
    stream: anthropicStream + Path.nested("contentBlockDelta", converseEvent)
      + Path.nested("contentBlockStart", converseEvent)
      + Path.nested("messageStop", converseEvent) + Path.nested("metadata", converseUsage) + [
        Path("outputText", .text), Path("inputTextTokenCount", .inputTokens),
        Path("totalOutputTextTokenCount", .outputTokens), Path("generation", .text),
        Path("text", .text),
        Path("completion", .text), Path("finish_reason", .finishReason),
      ] + Path.nested("amazon-bedrock-invocationMetrics", invocationMetrics),
    rules: anthropicRules,
    terminals: [
      Terminal("messageStop", "messageStop"),
      Terminal("completionReason", "completionReason", isFinishReason: true),
      Terminal("stop_reason", "stop_reason", isFinishReason: true),
      Terminal("is_finished", "is_finished"),
    ],
    usage: .exclusiveInput)

  private static let converseEvent: [Path] = [
    Path("delta.text", .text), Path("delta.toolUse.input", .toolArguments),
    Path("delta.reasoningContent.text", .reasoning), Path("start.toolUse", .openedToolCall),
    Path("stopReason", .finishReason),
  ]

  private static let converseUsage: [Path] = [
    Path("usage.inputTokens", .inputTokens), Path("usage.outputTokens", .outputTokens),
    Path("usage.cacheReadInputTokens", .cachedTokens),
    Path("usage.cacheReadInputTokenCount", .cachedTokens),
    Path("usage.cacheWriteInputTokens", .cacheWriteTokens),
    Path("usage.cacheWriteInputTokenCount", .cacheWriteTokens),
  ]

  private static let invocationMetrics: [Path] = [
    Path("inputTokenCount", .inputTokens), Path("outputTokenCount", .outputTokens),
    Path("cacheReadInputTokenCount", .cachedTokens),
    Path("cacheWriteInputTokenCount", .cacheWriteTokens),
  ]
}
