// The provider APIs that the simulator plays, told apart by request path as clients use them.

enum ProviderAPI: CaseIterable, Sendable {
  case chatCompletions, responses, messages, geminiStream, geminiPlain, ollamaChat

  /// Any prefix may stand before the path, as with base URLs that have one of their own.
  init?(path: String) {
    guard let api = Self.allCases.first(where: { path.hasSuffix($0.pathEnd) }) else { return nil }
    self = api
  }

  private var pathEnd: String {
    switch self {
    case .chatCompletions: "/chat/completions"
    case .responses: "/responses"
    case .messages: "/messages"
    case .geminiStream: ":streamGenerateContent"
    case .geminiPlain: ":generateContent"
    case .ollamaChat: "/api/chat"
    }
  }

  var examplePath: String {
    switch self {
    case .chatCompletions, .responses, .messages: "/v1" + pathEnd
    case .geminiStream, .geminiPlain: "/v1beta/models/MODEL" + pathEnd
    case .ollamaChat: pathEnd
    }
  }

  /// For the help.
  var meaning: String {
    switch self {
    case .chatCompletions:
      "OpenAI; tools in the request give a tool call, stream_options give usage"
    case .responses: "OpenAI Responses"
    case .messages: "Anthropic"
    case .geminiStream: "Gemini; a JSON array, or with ?alt=sse events"
    case .geminiPlain: "Gemini, not streaming"
    case .ollamaChat: "Ollama; lines, unless the request says stream: false"
    }
  }

  /// The header under which this provider tells its own id of a request.
  var requestIDField: StaticString {
    switch self {
    case .messages: "request-id"
    case .chatCompletions, .responses, .geminiStream, .geminiPlain, .ollamaChat: "x-request-id"
    }
  }
}
