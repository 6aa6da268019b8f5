// llama.cpp's own completion interface.

extension Dialect {
  /// https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
  ///
  /// Newer servers count tokens in every event; only the last one's are the answer's.
  static let llamaCpp = Dialect(
    .llamaCpp, operation: .textCompletion, provider: .llamaCpp, stream: completionEvent,
    body: completionEvent, rules: [EventRule("error", .error)],
    terminals: [Terminal("stop", "stop-field")], options: .usageAtTerminalOnly,
    signature: "id_slot")

  private static let completionEvent: [Path] = [
    Path("content", .text), Path("model", .model), Path("stop_type", .finishReason),
    Path("stopped_eos", .stoppedByEnd), Path("stopped_word", .stoppedByWord),
    Path("stopped_limit", .stoppedByLimit),
    Path("tokens_evaluated", .inputTokens), Path("tokens_predicted", .outputTokens),
  ]
}
