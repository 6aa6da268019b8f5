// Formats of single providers: Replicate, IBM watsonx, Writer.

extension Dialect {
  /// https://replicate.com/docs/topics/predictions/streaming: data is plain text.
  static let replicate = Dialect(
    .replicate, operation: .textCompletion, stream: [],
    rules: [
      EventRule("output", .text), EventRule("done", .terminal, terminalName: "done-event"),
      EventRule("error", .error),
    ],
    options: .rawText)

  /// https://cloud.ibm.com/apidocs/watsonx-ai#text-generation-stream
  ///
  /// The input is counted in the first event and 0 afterwards.
  static let watsonx = Dialect(
    .watsonx, operation: .textCompletion, stream: watsonxResult, body: watsonxResult,
    options: .usageKeepsMaximum, signature: "results")

  private static let watsonxResult: [Path] = [
    Path("model_id", .model), Path("results[].generated_text", .text),
    Path("results[].stop_reason", .finishReason),
    Path("results[].input_token_count", .inputTokens),
    Path("results[].generated_token_count", .outputTokens),
  ]

  /// https://dev.writer.com: text completions; its chat is OpenAI's.
  static let writer = Dialect(
    .writer, operation: .textCompletion, stream: [Path("value", .text)],
    options: .endCompletes)
}
