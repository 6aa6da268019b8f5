// The facts of one body as one JSON object: what `weir observe` prints.

internal import Wire

extension StreamEnd {
  /// The outcome of an exchange in which nothing else went wrong.
  package var outcome: StaticString {
    switch self {
    case .completed: "completed"
    case .error: "upstream_error"
    case .truncated: "upstream_truncated"
    case .httpError: "upstream_http_error"
    }
  }
}

/// Runs the side path over a recorded body.
package struct ObserveReport: ~Copyable {
  private let tap: StreamTap

  /// Error messages are kept up to 4 KiB.
  /// - Parameter supplies: what bodies read before have left; mostly nothing.
  package init(_ request: TapRequest, sharing supplies: TapSupplies = TapSupplies()) {
    var request = request
    request.messageLimitBytes = 4096
    tap = StreamTap(request, sharing: supplies)
  }

  /// Takes the next bytes of the body.
  package func read(_ bytes: Span<UInt8>) {
    tap.observe(bytes, at: 0)
  }

  /// Ends the body and returns its facts as one line of JSON, without a line feed.
  package consuming func line() -> [UInt8] {
    tap.end()
    var writer = JSONWriter()
    writer.beginObject()
    Self.writeCounts(tap.facts, &writer)
    Self.writeAnswer(tap.facts, &writer)
    Self.writeUsage(tap.facts, &writer)
    Self.writeEnd(tap.facts, &writer)
    writer.endObject()
    return writer.bytes
  }
}

extension ObserveReport {
  private static func writeCounts(_ facts: StreamFacts, _ writer: inout JSONWriter) {
    let isStream = facts.isStream
    write("events", isStream ? facts.events : nil, &writer)
    write("content_events", isStream ? facts.contentEvents : nil, &writer)
    write("first_content_event", facts.firstContentEvent, &writer)
    write("first_tool_call_event", facts.firstToolCallEvent, &writer)
    write("text_chars", facts.textChars, &writer)
    write("reasoning_chars", facts.reasoningChars, &writer)
    write("tool_call_chars", facts.toolCallChars, &writer)
    write("refusal_chars", facts.refusalChars, &writer)
    write("media_b64_chars", facts.mediaChars, &writer)
    write("transcript_chars", facts.transcriptChars, &writer)
    write("tool_calls", facts.toolCalls, &writer)
    write("choices", facts.choices, &writer)
    if isStream { write("comments", facts.comments, &writer) }
  }

  private static func writeAnswer(_ facts: StreamFacts, _ writer: inout JSONWriter) {
    write("model", facts.model.isEmpty ? nil : facts.model, &writer)
    writer.key("finish_reasons")
    writer.beginArray()
    for (raw, isNumber) in facts.finishReasons { write(raw, isNumber: isNumber, &writer) }
    writer.endArray()
    if !facts.blockReason.isEmpty { write("block_reason", facts.blockReason, &writer) }
    if facts.argumentsWithoutDeltas {
      writer.key("args_without_deltas")
      writer.bool(true)
    }
  }

  private static func writeUsage(_ facts: StreamFacts, _ writer: inout JSONWriter) {
    writer.key("usage")
    if facts.usage.isEmpty {
      writer.null()
    } else {
      writer.beginObject()
      write("input", facts.usage.input.map(Int.init), &writer)
      write("output", facts.usage.output.map(Int.init), &writer)
      write("cached_input", facts.usage.cachedInput.map(Int.init), &writer)
      write("cache_write_input", facts.usage.cacheWriteInput.map(Int.init), &writer)
      write("reasoning", facts.usage.reasoning.map(Int.init), &writer)
      writer.endObject()
    }
    let tokens = facts.tokens
    writer.key("tokens")
    writer.beginObject()
    write("uncached", Int(tokens.uncached), &writer)
    write("cache_read", Int(tokens.cacheRead), &writer)
    write("cache_write", Int(tokens.cacheWrite), &writer)
    write("response", Int(tokens.response), &writer)
    write("reasoning", Int(tokens.reasoning), &writer)
    writer.endObject()
    writer.key("usage_source")
    writer.string(facts.usageSource.rawValue)
  }

  private static func writeEnd(_ facts: StreamFacts, _ writer: inout JSONWriter) {
    write("terminal", facts.terminal, &writer)
    writer.key("done_marker")
    writer.bool(facts.doneMarker)
    writeError(facts, &writer)
    writer.key("eof_pending")
    if facts.isStream { writer.bool(facts.isEOFPending) } else { writer.null() }
    if facts.checksumErrors > 0 { write("crc_errors", facts.checksumErrors, &writer) }
    writer.key("dialect")
    writer.string(facts.dialect.rawValue)
    writer.key("outcome")
    writer.string(facts.end.outcome)
    writer.key("error_type")
    if let type = facts.errorType { writer.string(type.rawValue) } else { writer.null() }
    write(
      "observer_errors",
      facts.observerErrors.indices.reduce(0) { $0 + Int(facts.observerErrors[$1]) },
      &writer)
  }

  private static func writeError(_ facts: StreamFacts, _ writer: inout JSONWriter) {
    writer.key("error")
    guard let error = facts.error else { return writer.null() }
    writer.beginObject()
    write("type", error.type, &writer)
    write("message", error.message, &writer)
    writer.key("code")
    if let code = error.code {
      write(code, isNumber: error.codeIsNumber, &writer)
    } else {
      writer.null()
    }
    writer.endObject()
    if facts.errorCameInField {
      writer.key("error_field")
      writer.bool(true)
    }
    if facts.errorCameAsRawJSON {
      writer.key("error_raw_json")
      writer.bool(true)
    }
  }

  private static func write(_ key: StaticString, _ value: Int?, _ writer: inout JSONWriter) {
    writer.key(key)
    if let value { writer.integer(value) } else { writer.null() }
  }

  private static func write(_ key: StaticString, _ text: [UInt8]?, _ writer: inout JSONWriter) {
    writer.key(key)
    if let text { writer.string(text.span) } else { writer.null() }
  }

  private static func write(_ raw: [UInt8], isNumber: Bool, _ writer: inout JSONWriter) {
    if isNumber, let number = Int(String(decoding: raw, as: UTF8.self)) {
      writer.integer(number)
    } else {
      writer.string(raw.span)
    }
  }
}
