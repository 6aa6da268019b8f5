// OpenAI's older text completions, as vLLM and others still serve them.

extension Dialect {
  /// https://platform.openai.com/docs/api-reference/completions
  static let openAICompletions = Dialect(
    .openAICompletions, operation: .textCompletion, stream: completion, body: completion,
    rules: [EventRule("error", .error)])

  private static let completion: [Path] =
    [
      Path("choices[]", .choice), Path("choices[].index", .choiceIndex),
      Path("choices[].text", .text), Path("choices[].finish_reason", .finishReason),
    ] + chatEnvelope
}
