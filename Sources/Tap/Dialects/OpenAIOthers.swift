// OpenAI's Assistants runs and streamed transcriptions.

extension Dialect {
  /// https://platform.openai.com/docs/api-reference/assistants-streaming
  static let openAIAssistants = Dialect(
    .openAIAssistants, operation: .chat, provider: .openAI,
    stream: [
      Path("delta.content[].text.value", .text), Path("delta.content[].refusal", .refusal),
      Path("delta.step_details.tool_calls[].code_interpreter.input", .toolArguments),
      Path("delta.step_details.tool_calls[].function.arguments", .toolArguments),
      Path("delta.step_details.tool_calls[].function.name", .openedToolCall),
      Path("id", .responseID), Path("model", .model), Path("status", .finishReason),
      Path("last_error", .error), Path("last_error.message", .errorMessage),
      Path("last_error.code", .errorCode),
      Path("incomplete_details.reason", .finishDetail),
      Path("usage.prompt_tokens", .inputTokens), Path("usage.completion_tokens", .outputTokens),
      Path("usage.prompt_tokens_details.cached_tokens", .cachedTokens),
      Path("usage.completion_tokens_details.reasoning_tokens", .reasoningTokens),
    ],
    rules: [
      EventRule("thread.run.completed", .finish), EventRule("thread.run.incomplete", .finish),
      EventRule("thread.run.requires_action", .finish),
      EventRule("thread.run.failed", [.finish, .error]),
      EventRule("thread.run.cancelled", .finish), EventRule("thread.run.expired", .finish),
      EventRule("error", [.error, .flatError]), EventRule("thread.run.created"),
    ],
    options: .finishByRuleOnly)

  /// https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event
  static let openAITranscription = Dialect(
    .openAITranscription, operation: .other, provider: .openAI,
    stream: [Path("type", .eventType), Path("delta", .delta)] + transcriptionUsage,
    body: [Path("text", .text)] + transcriptionUsage,
    rules: [
      EventRule("transcript.text.delta", delta: .text),
      EventRule("transcript.text.done", .terminal), EventRule("error", .error),
    ])

  private static let transcriptionUsage: [Path] = [
    Path("usage.input_tokens", .inputTokens), Path("usage.output_tokens", .outputTokens),
    Path("usage.total_tokens", .totalTokens),
  ]
}
