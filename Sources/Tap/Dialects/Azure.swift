// Azure OpenAI speaks OpenAI's dialects; only the request path, and filter results, differ.

extension Dialect {
  /// The dialect of an Azure deployment's path (https://learn.microsoft.com/azure/ai-services/openai/reference).
  static func azure(path: [UInt8]) -> Dialect {
    if path.endsPath(with: "/responses") { return openAIResponses }
    if path.endsPath(with: "/chat/completions") { return openAIChat }
    return path.endsPath(with: "/completions") ? openAICompletions : openAIChat
  }
}
