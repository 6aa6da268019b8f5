// Log lines: one JSON object for each exchange and for each event in weir's own life.

internal import Wire

/// How much a line matters.
package enum LogLevel: String, CaseIterable, Comparable, Sendable {
  case debug, info, warn, error

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.ordinal < right.ordinal }

  /// The level of an exchange's line: what a client does is its own affair, what fails behind weir
  /// deserves a look, and what fails within it a person.
  package init(origin: Label.Origin?, outcome: Label.Outcome) {
    switch origin {
    case nil, .client: self = .info
    case .upstream, .network: self = .warn
    case .relay: self = outcome == .relayError ? .error : .warn
    }
  }
}

/// Encodes log lines into a buffer of its own, which it uses again for each.
package struct JSONLog {
  private var json = JSONWriter(capacity: 2048)
  private var timestamp: [UInt8] = []

  package init() { timestamp.reserveCapacity(32) }

  /// Lends the line of an exchange, its line feed included.
  package mutating func withLine<R>(
    of record: ExchangeRecord, _ body: (Span<UInt8>) -> R
  ) -> R {
    begin(LogLevel(origin: record.origin, outcome: record.outcome), "exchange", at: record.endedAt)
    writeIdentity(record)
    writeEnd(record)
    writeTimes(record)
    writeContent(record)
    writeTokens(record)
    writeTransport(record)
    return end(body)
  }

  /// Lends the line of an event in weir's life: `started`, `reloaded`, `draining`, `stopped`.
  ///
  /// - Parameter fields: further members; their values may hold anything but secrets.
  package mutating func withLine<R>(
    event: StaticString, level: LogLevel, at unixNanoseconds: UInt64,
    fields: [(name: StaticString, value: String)] = [], _ body: (Span<UInt8>) -> R
  ) -> R {
    begin(level, event, at: unixNanoseconds)
    for field in fields { write(field.name, field.value) }
    return end(body)
  }

  // MARK: - Groups of members, in the order of the line

  private mutating func begin(
    _ level: LogLevel, _ event: StaticString, at unixNanoseconds: UInt64
  ) {
    json.removeAll()
    json.beginObject()
    // Taken out while it is lent: a span of one stored property keeps the whole value borrowed.
    var text: [UInt8] = []
    swap(&text, &timestamp)
    text.removeAll(keepingCapacity: true)
    Timestamp.append(unixNanoseconds: unixNanoseconds, to: &text)
    json.key("ts")
    json.plainString(text.span)
    swap(&text, &timestamp)
    write("level", level.rawValue)
    json.key("event")
    json.string(event)
  }

  private mutating func writeIdentity(_ record: ExchangeRecord) {
    write("request_id", record.requestID.text)
    write("trace_id", record.traceID)
    write("span_id", record.spanID)
    write("route", record.route)
    write("upstream", record.upstream)
    write("provider", record.provider.rawValue)
    write("operation", record.operation.rawValue)
    write("model_requested", record.modelRequested)
    write("model", record.model)
  }

  private mutating func writeEnd(_ record: ExchangeRecord) {
    json.key("stream")
    json.bool(record.isStream)
    if let status = record.status { write("status", UInt64(clamping: status)) }
    write("outcome", record.outcome.rawValue)
    write("error_type", record.errorType?.rawValue)
    write("error_origin", record.origin?.rawValue)
    write("limiter", record.limiter)
  }

  private mutating func writeTimes(_ record: ExchangeRecord) {
    write("queue_ms", milliseconds: record.queued)
    write("connect_ms", milliseconds: record.connected)
    write("header_ms", milliseconds: record.header)
    write("ttft_ms", milliseconds: record.firstToken)
    write("ttft_visible_ms", milliseconds: record.firstVisibleToken)
    write("ttft_client_ms", milliseconds: record.clientFirstToken)
    write("duration_ms", milliseconds: record.duration)
  }

  private mutating func writeContent(_ record: ExchangeRecord) {
    if record.isStream {
      write("events", record.events.total)
      write("content_events", record.events[.content])
    }
    write("bytes_up", record.bytesUp)
    write("bytes_down", record.bytesDown)
  }

  private mutating func writeTokens(_ record: ExchangeRecord) {
    write("input_tokens", record.usage.total(.input))
    write("cache_read_tokens", record.usage.cacheRead)
    write("cache_write_tokens", record.usage.cacheWrite)
    write("output_tokens", record.usage.total(.output))
    write("reasoning_tokens", record.usage.reasoning)
    write("usage_source", record.usageSource?.rawValue)
    write("cost_usd", record.costPicoUSD, fractionDigits: 12)
    write("finish_reason", record.finishReasons.first?.rawValue)
    write("max_gap_ms", milliseconds: record.longestGap)
    write("tokens_per_second", record.milliTokensPerSecond, fractionDigits: 3)
  }

  private mutating func writeTransport(_ record: ExchangeRecord) {
    write("backpressure_events", record.backpressureEvents)
    write("backpressure_ms", milliseconds: record.backpressured)
    write("content_encoding", record.contentEncoding)
    write("response_id", record.responseID)
    write("upstream_request_id", record.upstreamRequestID)
    if let reused = record.reusedConnection {
      json.key("reused_connection")
      json.bool(reused)
    }
    write("tenant", record.tenant)
    write("close_code", record.closeCode)
  }

  private mutating func end<R>(_ body: (Span<UInt8>) -> R) -> R {
    json.endObject()
    json.newline()
    return body(json.bytes.span)
  }

  // MARK: - Members; one that is nil is left out

  private mutating func write(_ key: StaticString, _ value: ReceivedText?) {
    guard let value else { return }
    json.key(key)
    json.string(value.bytes.span)
  }

  private mutating func write(_ key: StaticString, _ value: String?) {
    guard let value else { return }
    json.key(key)
    json.string(value)
  }

  private mutating func write(_ key: StaticString, _ value: UInt64?) {
    guard let value else { return }
    json.key(key)
    json.unsigned(value)
  }

  private mutating func write(_ key: StaticString, _ value: UInt64?, fractionDigits: Int) {
    guard let value else { return }
    json.key(key)
    json.decimal(value, fractionDigits: fractionDigits)
  }

  /// Nanoseconds as milliseconds with microseconds behind the point.
  private mutating func write(_ key: StaticString, milliseconds nanoseconds: UInt64?) {
    write(key, nanoseconds.map { $0 / 1000 }, fractionDigits: 3)
  }
}
