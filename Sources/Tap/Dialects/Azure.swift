// Azure OpenAI speaks OpenAI's dialects; only the request path, and filter results, differ.

extension Dialect {
  /// The dialect of an Azure deployment's path (https://learn.microsoft.com/azure/ai-services/openai/reference).
  static func azure(path: RequestPath) -> Dialect {
    if path.ends(with: "/responses") { return openAIResponses }
    if path.ends(with: "/chat/completions") { return openAIChat }
    return path.ends(with: "/completions") ? openAICompletions : openAIChat
  }
}
