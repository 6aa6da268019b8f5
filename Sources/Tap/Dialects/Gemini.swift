// Google's Gemini, by the Gemini API and by Vertex: whole answers in each event, and the newer
// Interactions.

extension Dialect {
  /// https://ai.google.dev/api/generate-content
  static let gemini = Dialect(
    .gemini, operation: .generateContent, provider: .gemini, stream: generateContent,
    body: generateContent, usage: .exclusiveOutput, signature: "candidates")

  private static let generateContent: [Path] = [
    Path("candidates[]", .choice), Path("candidates[].index", .choiceIndex),
    Path("candidates[].finishReason", .finishReason),
    Path("candidates[].content.parts[]", .part),
    Path("candidates[].content.parts[].text", .text),
    Path("candidates[].content.parts[].thought", .isThought),
    Path("candidates[].content.parts[].functionCall.name", .openedToolCall),
    Path("candidates[].content.parts[].functionCall.args", .toolArguments),
    Path("candidates[].content.parts[].functionCall.partialArgs[].stringValue", .toolArguments),
    Path("candidates[].content.parts[].executableCode.code", .toolArguments),
    Path("candidates[].content.parts[].inlineData.data", .media),
    Path("promptFeedback.blockReason", .blockReason),
    Path("modelVersion", .model), Path("responseId", .responseID),
    Path("usageMetadata.promptTokenCount", .inputTokens),
    Path("usageMetadata.candidatesTokenCount", .outputTokens),
    Path("usageMetadata.cachedContentTokenCount", .cachedTokens),
    Path("usageMetadata.thoughtsTokenCount", .reasoningTokens),
  ]

  /// https://ai.google.dev/gemini-api/docs/interactions
  static let geminiInteractions = Dialect(
    .geminiInteractions, operation: .generateContent, provider: .gemini,
    stream: [
      Path("event_type", .eventType), Path("delta.text", .text),
      Path("delta.thought", .reasoning), Path("delta.arguments", .toolArguments),
      Path("step.type", .itemType), Path("interaction.id", .responseID),
      Path("interaction.model", .model), Path("interaction.status", .finishReason),
      Path("interaction.usage.total_input_tokens", .inputTokens),
      Path("interaction.usage.total_output_tokens", .outputTokens),
      Path("interaction.usage.total_cached_tokens", .cachedTokens),
      Path("interaction.usage.total_thought_tokens", .reasoningTokens),
    ],
    rules: [
      EventRule("step.start", .item), EventRule("step.delta"), EventRule("step.stop"),
      EventRule("interaction.completed", [.terminal, .finish]), EventRule("error", .error),
      EventRule("interaction.created"),
    ],
    usage: .exclusiveOutput, options: .finishByRuleOnly)
}
