// The closed sets by which a stream is labelled: its dialect, provider and operation.

/// The formats that the side path reads.
package enum DialectName: String, CaseIterable, Sendable {
  case openAIChat = "openai-chat"
  case openAICompletions = "openai-completions"
  case openAIResponses = "openai-responses"
  case openAIRealtime = "openai-realtime"
  case openAIAssistants = "openai-assistants"
  case openAITranscription = "openai-transcription"
  case azureOpenAI = "azure-openai"
  case anthropicMessages = "anthropic-messages"
  case gemini
  case geminiInteractions = "gemini-interactions"
  case ollamaChat = "ollama-chat"
  case ollamaGenerate = "ollama-generate"
  case cohereChat = "cohere-chat"
  case mistralChat = "mistral-chat"
  case bedrock = "bedrock-eventstream"
  case tgi
  case llamaCpp = "llamacpp"
  case mcp
  case replicate
  case watsonx
  case writer
  /// Server-sent events, lines or bodies of a format that is not known.
  case plain
}

/// Who serves the model, as far as the stream shows it.
package enum Provider: String, CaseIterable, Sendable {
  case openAI = "openai"
  case anthropic
  case gemini = "gcp.gemini"
  case ollama
  case azureOpenAI = "azure.ai.openai"
  case bedrock = "aws.bedrock"
  case cohere
  case mistral = "mistral_ai"
  case groq
  case deepSeek = "deepseek"
  case xAI = "x_ai"
  case perplexity
  case openRouter = "openrouter"
  case together
  case fireworks
  case vLLM = "vllm"
  case tgi
  case llamaCpp = "llama_cpp"
  case mcp
  case other
}

/// What was asked of the model.
package enum Operation: String, CaseIterable, Sendable {
  case chat
  case textCompletion = "text_completion"
  case responses
  case messages
  case generateContent = "generate_content"
  case embeddings
  case realtime
  case mcp
  case other
}
