// All dialects, and how one is chosen: by what a route says, by request path and content type, or
// by what the stream shows.

internal import Wire

/// The dialects there are.
enum DialectCatalogue {
  static let all: [Dialect] = [
    .openAIChat, .openAICompletions, .openAIResponses, .openAIRealtime, .openAIAssistants,
    .openAITranscription, .anthropicMessages, .gemini, .geminiInteractions, .ollamaChat,
    .ollamaGenerate, .cohereChat, .mistralChat, .bedrock, .tgi, .llamaCpp, .mcp, .replicate,
    .watsonx, .writer,
  ]

  /// Those that a stream's own events can show, the more common before the others.
  static let sniffed: [Dialect] = [
    .openAIChat, .openAICompletions, .anthropicMessages, .openAIResponses, .gemini, .ollamaChat,
    .ollamaGenerate,
    .cohereChat, .tgi, .llamaCpp, .mcp, .openAIAssistants, .geminiInteractions, .watsonx,
    .replicate, .writer,
  ]

  /// The dialect of a name; Azure's depends on the path.
  static func named(_ name: DialectName, path: [UInt8]) -> Dialect {
    switch name {
    case .azureOpenAI: .azure(path: path)
    case .plain: .plain
    default: all.first { $0.name == name } ?? .plain
    }
  }

  /// The dialect of a request path, nil where the path does not tell.
  static func named(byPath path: [UInt8], isLines: Bool) -> Dialect? {
    if path.holds(":streamGenerateContent") || path.holds(":generateContent") { return .gemini }
    if path.holds(":streamRawPredict") || path.holds(":rawPredict") { return .anthropicMessages }
    for (ending, dialect) in endings where path.endsPath(with: ending) { return dialect }
    if path.endsPath(with: "/chat") {
      if path.holds("/v2/") || isLines { return .cohereChat }
      return nil
    }
    if path.holds("/threads/") && path.holds("/runs") { return .openAIAssistants }
    if path.holds("/v1/streams/") { return .replicate }
    if path.holds("/converse") || path.holds("/model/") && path.holds("/invoke") {
      return .bedrock
    }
    return nil
  }

  /// Paths end in these, whatever comes before.
  private static let endings: [(StaticString, Dialect)] = [
    ("/chat/completions", .openAIChat), ("/responses", .openAIResponses),
    ("/messages", .anthropicMessages), ("/api/chat", .ollamaChat),
    ("/api/generate", .ollamaGenerate), ("/v2/chat", .cohereChat),
    ("/audio/transcriptions", .openAITranscription), ("/audio/translations", .openAITranscription),
    ("/realtime", .openAIRealtime), ("/interactions", .geminiInteractions),
    ("/generate_stream", .tgi), ("/completion", .llamaCpp), ("/mcp", .mcp),
    ("/text/generation_stream", .watsonx), ("/generation/text_stream", .watsonx),
    ("/text/generation", .watsonx),
  ]
}

extension [UInt8] {
  /// The bytes before a query or fragment.
  private var pathOnly: ArraySlice<UInt8> {
    prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
  }

  /// Whether the path, its query apart, ends so; a slash more at its end is as good.
  func endsPath(with ending: StaticString) -> Bool {
    var path = pathOnly
    if path.last == UInt8(ascii: "/") { path.removeLast() }
    return path.suffix(ending.utf8CodeUnitCount).elementsEqual(ending.bytes)
  }

  /// Whether the target holds these bytes anywhere.
  func holds(_ part: StaticString) -> Bool {
    let bytes = part.bytes
    guard count >= bytes.count else { return false }
    return (0...count - bytes.count).contains { self[$0..<$0 + bytes.count].elementsEqual(bytes) }
  }
}
