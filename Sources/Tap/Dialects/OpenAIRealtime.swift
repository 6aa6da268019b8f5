// OpenAI Realtime: the messages a server sends over a WebSocket. A session holds many responses,
// so no event ends it.

extension Dialect {
  /// https://platform.openai.com/docs/api-reference/realtime-server-events
  static let openAIRealtime = Dialect(
    .openAIRealtime, operation: .realtime, provider: .openAI,
    stream: [
      Path("type", .eventType), Path("delta", .delta), Path("item.type", .itemType),
      Path("output_index", .outputIndex), Path("session.model", .model),
      Path("response.id", .responseID), Path("response.status", .finishReason),
      Path("response.status_details.reason", .finishDetail),
      Path("response.usage.input_tokens", .inputTokens),
      Path("response.usage.output_tokens", .outputTokens),
      Path("response.usage.total_tokens", .totalTokens),
      Path("response.usage.input_token_details.cached_tokens", .cachedTokens),
    ],
    rules: responseDeltas + [
      EventRule("response.text.delta", delta: .text),
      EventRule("response.output_audio.delta", delta: .media),
      EventRule("response.audio_transcript.delta", delta: .transcript),
      EventRule("response.output_audio_transcript.delta", delta: .transcript),
      EventRule("response.output_item.added", .item),
      EventRule("response.done", .finish),
      EventRule("error", [.error, .flatError]),
    ],
    options: [.finishByRuleOnly, .endCompletes])
}
