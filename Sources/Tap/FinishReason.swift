// The closed set of finish reasons, and how each provider spells them.

/// Why a choice ended.
package enum FinishReason: String, CaseIterable, Sendable {
  case stop
  case length
  case toolCalls = "tool_calls"
  case contentFilter = "content_filter"
  case refusal
  case pause
  case error
  case other

  /// The reason that a provider's own word stands for.
  package init(_ raw: [UInt8]) {
    self = raw.equals("stop") ? .stop : Self.spellings[raw] ?? .other
  }

  private static let spellings: [[UInt8]: FinishReason] = {
    var table: [[UInt8]: FinishReason] = [:]
    for (reason, words) in words {
      for word in words.split(separator: " ") { table[Array(word.utf8)] = reason }
    }
    return table
  }()

  /// The numbers are Gemini's, with `enum-encoding=int`.
  private static let words: [(FinishReason, String)] = [
    (
      .stop,
      """
      stop end_turn stop_sequence STOP 1 COMPLETE STOP_SEQUENCE completed eos eos_token word \
      FINISH FINISHED done finished
      """
    ),
    (
      .length,
      """
      length max_tokens MAX_TOKENS 2 max_output_tokens limit LENGTH incomplete \
      model_context_window_exceeded model_length time_limit
      """
    ),
    (.toolCalls, "tool_calls tool_use function_call TOOL_CALL requires_action"),
    (
      .contentFilter,
      """
      content_filter SAFETY 3 RECITATION 4 BLOCKLIST 7 PROHIBITED_CONTENT 8 SPII 9 \
      guardrail_intervened content_filtered CONTENT_FILTERED IMAGE_SAFETY ERROR_TOXIC
      """
    ),
    (.refusal, "refusal"),
    (.pause, "pause_turn"),
    (
      .error,
      """
      error ERROR failed cancelled MALFORMED_FUNCTION_CALL 10 UNEXPECTED_TOOL_CALL \
      malformed_model_output malformed_tool_use insufficient_system_resource
      """
    ),
  ]
}
