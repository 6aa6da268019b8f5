// Who serves a model, by the name of the host that is asked.

internal import Tap

extension Provider {
  /// nil for a host that is nobody's in particular, such as a server of one's own.
  init?(host: String) {
    let host = host.lowercased()
    let found = Self.hosts.first { host == $0.name || host.hasSuffix("." + $0.name) }
    if let found {
      self = found.provider
    } else if host.hasPrefix("bedrock-runtime.") {
      self = .bedrock
    } else {
      return nil
    }
  }

  private static let hosts: [(name: String, provider: Provider)] = [
    ("openai.azure.com", .azureOpenAI), ("services.ai.azure.com", .azureOpenAI),
    ("cognitiveservices.azure.com", .azureOpenAI), ("openai.com", .openAI),
    ("anthropic.com", .anthropic), ("generativelanguage.googleapis.com", .gemini),
    ("aiplatform.googleapis.com", .gemini), ("ollama.com", .ollama), ("cohere.com", .cohere),
    ("cohere.ai", .cohere), ("mistral.ai", .mistral), ("groq.com", .groq),
    ("deepseek.com", .deepSeek), ("x.ai", .xAI), ("perplexity.ai", .perplexity),
    ("openrouter.ai", .openRouter), ("together.xyz", .together), ("together.ai", .together),
    ("fireworks.ai", .fireworks),
  ]
}
