// OpenAI chat completions, and everyone who speaks them: Azure, Mistral, Groq, DeepSeek, xAI,
// OpenRouter, Perplexity, Together, Fireworks, vLLM, SGLang, TGI, llama.cpp, Ollama, Writer.

extension Dialect {
  /// https://platform.openai.com/docs/api-reference/chat-streaming
  static let openAIChat = Dialect(
    .openAIChat, operation: .chat,
    stream: chatChoice("choices[].delta") + chatEnvelope,
    body: chatChoice("choices[].message") + chatEnvelope,
    rules: [EventRule("error", .error)],
    signature: "choices")

  /// A delta, or in a plain body the message: what it may hold differs by provider.
  static func chatChoice(_ message: String) -> [Path] {
    [
      Path("choices[]", .choice), Path("choices[].index", .choiceIndex),
      Path("choices[].finish_reason", .finishReason),
    ]
      + Path.nested(
        message,
        [
          Path("content", .text), Path("reasoning_content", .reasoning),
          Path("reasoning", .reasoningAlternate), Path("refusal", .refusal),
          Path("audio.data", .media), Path("audio.transcript", .transcript),
          Path("function_call.name", .openedToolCall),
          Path("function_call.arguments", .toolArguments),
          Path("tool_calls[]", .toolCall), Path("tool_calls[].index", .toolIndex),
          Path("tool_calls[].function.name", .toolName),
          Path("tool_calls[].function.arguments", .toolArguments),
          Path("tool_calls[].custom.name", .toolName),
          Path("tool_calls[].custom.input", .toolArguments),
        ] + mistralContent)
  }

  /// What stands beside the choices.
  static let chatEnvelope: [Path] =
    [
      Path("id", .responseID), Path("model", .model),
      Path("provider", .marksOpenRouter), Path("x_groq", .marksGroq),
      Path("prompt_filter_results", .marksAzure), Path("timings", .marksLlamaCpp),
      Path("search_results", .marksPerplexity), Path("prompt_token_ids", .marksVLLM),
    ]
    + chatUsage("usage") + chatUsage("x_groq.usage") + chatUsage("choices[].usage")

  static func chatUsage(_ prefix: String) -> [Path] {
    Path.nested(
      prefix,
      [
        Path("prompt_tokens", .inputTokens), Path("completion_tokens", .outputTokens),
        Path("total_tokens", .totalTokens),
        Path("prompt_tokens_details.cached_tokens", .cachedTokens),
        Path("prompt_cache_hit_tokens", .cachedTokens),
        Path("prompt_tokens_details.cache_write_tokens", .cacheWriteTokens),
        Path("cache_creation_input_tokens", .cacheWriteTokens),
        Path("completion_tokens_details.reasoning_tokens", .reasoningTokens),
      ])
  }
}
