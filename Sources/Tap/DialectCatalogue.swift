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
  static func named(_ name: DialectName, path: RequestPath) -> Dialect {
    switch name {
    case .azureOpenAI: .azure(path: path)
    case .plain: .plain
    default: all.first { $0.name == name } ?? .plain
    }
  }

  /// The dialect of a request path, nil where the path does not tell.
  static func named(byPath path: RequestPath, isLines: Bool) -> Dialect? {
    let marks = path.marks
    if marks.contains(.generateContent) { return .gemini }
    if marks.contains(.rawPredict) { return .anthropicMessages }
    for (ending, dialect) in endings where path.ends(with: ending) { return dialect }
    if path.ends(with: "/chat") {
      return marks.contains(.version2) || isLines ? .cohereChat : nil
    }
    if marks.contains([.threads, .runs]) { return .openAIAssistants }
    if marks.contains(.streams) { return .replicate }
    if marks.contains(.converse) || marks.contains([.model, .invoke]) { return .bedrock }
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

extension Dialect {
  /// Compiles the paths of all dialects, some 3 ms of work, for a part of which the first stream of
  /// each dialect, and all others on its loop, would wait. Does nothing when called again.
  package static func prepareAll() {
    let byPath = DialectCatalogue.named(byPath: RequestPath([]), isLines: false)
    withExtendedLifetime((byPath, DialectCatalogue.all, DialectCatalogue.sniffed, Dialect.plain)) {}
  }
}
