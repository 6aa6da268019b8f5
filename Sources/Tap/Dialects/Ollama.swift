// Ollama's own interface: one JSON object a line.

extension Dialect {
  /// https://github.com/ollama/ollama/blob/main/docs/api.md
  static let ollamaChat = Dialect(
    .ollamaChat, operation: .chat, provider: .ollama, stream: ollamaMessage + ollamaEnvelope,
    body: ollamaMessage + ollamaEnvelope, terminals: [Terminal("done", "done-field")],
    signature: "message.role")

  static let ollamaGenerate = Dialect(
    .ollamaGenerate, operation: .textCompletion, provider: .ollama,
    stream: ollamaText + ollamaEnvelope, body: ollamaText + ollamaEnvelope,
    terminals: [Terminal("done", "done-field")], signature: "created_at")

  private static let ollamaMessage: [Path] = [
    Path("message.content", .text), Path("message.thinking", .reasoning),
    Path("message.tool_calls[].function.name", .openedToolCall),
    Path("message.tool_calls[].function.arguments", .toolArguments),
  ]

  private static let ollamaText: [Path] = [
    Path("response", .text), Path("thinking", .reasoning),
  ]

  private static let ollamaEnvelope: [Path] = [
    Path("model", .model), Path("done_reason", .finishReason),
    Path("prompt_eval_count", .inputTokens), Path("eval_count", .outputTokens),
  ]
}
