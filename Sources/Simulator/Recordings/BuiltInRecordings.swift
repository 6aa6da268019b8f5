// The recordings that the simulator brings along, written by hand after the providers' public
// documentation: one sentence, said in each provider's way.

/// All of them, and which one answers what.
enum BuiltInRecordings {
  static let all: [Recording] =
    OpenAIRecordings.all + AnthropicRecordings.all + GeminiRecordings.all + OllamaRecordings.all

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  static func named(_ name: String) -> Recording? { byName[name] }

  /// The recording that answers a request of this kind.
  static func answering(
    _ api: ProviderAPI, query: String, body: RequestBodyScanner
  ) -> Recording {
    switch api {
    case .chatCompletions:
      if body.stream != true { return OpenAIRecordings.chatPlain }
      if body.hasTools { return OpenAIRecordings.chatToolCall }
      return body.hasStreamOptions ? OpenAIRecordings.chatWithUsage : OpenAIRecordings.chat
    case .responses:
      return body.stream == true ? OpenAIRecordings.responses : OpenAIRecordings.responsesPlain
    case .messages:
      if body.stream != true { return AnthropicRecordings.plain }
      return body.hasTools ? AnthropicRecordings.toolUse : AnthropicRecordings.messages
    case .geminiStream:
      let wantsEvents = query.split(separator: "&").contains("alt=sse")
      return wantsEvents ? GeminiRecordings.events : GeminiRecordings.array
    case .geminiPlain: return GeminiRecordings.plain
    case .ollamaChat:
      return body.stream == false ? OllamaRecordings.plain : OllamaRecordings.chat
    }
  }
}

/// What all of them say.
enum SimulatedText {
  /// The text as a model would stream it, a token at a time; none needs escaping in JSON.
  static let tokens = [
    "A", " weir", " is", " a", " low", " barrier", " across", " a", " river", ":", " it",
    " measures", " the", " flow", ",", " and", " holds", " it", " to", " a", " level", ".",
  ]
  static let whole = tokens.joined()
  static let promptTokens = 12
}
