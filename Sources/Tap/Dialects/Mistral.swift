// Mistral's chat: OpenAI's, but content may be a list of parts, some of them thinking.

extension Dialect {
  /// https://docs.mistral.ai/capabilities/reasoning
  static let mistralChat = Dialect(
    .mistralChat, operation: .chat, provider: .mistral,
    stream: chatChoice("choices[].delta") + chatEnvelope,
    body: chatChoice("choices[].message") + chatEnvelope,
    rules: [EventRule("error", .error)])

  /// Part of every chat message, because the request path does not tell Mistral from OpenAI.
  static let mistralContent: [Path] = [
    Path("content[].text", .text), Path("content[].thinking[].text", .reasoning),
  ]
}
