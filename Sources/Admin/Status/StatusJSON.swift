// The board as JSON: the answer of /streams and the events of the feed. docs/status.md describes it.

internal import IO
internal import Relay
internal import Telemetry
internal import Wire

/// Writes one text after another; see `JSONWriter`.
struct StatusJSON {
  private var json = JSONWriter(capacity: 16 * 1024)

  /// `/streams`: what is open, and what ended lately.
  mutating func streams(_ board: StatusBoard, rows: Int) -> [UInt8] {
    written { writer in
      writer.writeLive(board, rows: rows)
      writer.json.key("recent")
      writer.json.beginArray()
      for record in board.recent { writer.write(record) }
      writer.json.endArray()
    }
  }

  /// The event `streams`: what is open.
  mutating func live(_ board: StatusBoard, rows: Int) -> [UInt8] {
    written { $0.writeLive(board, rows: rows) }
  }

  /// The event `ended`: the last `count` that have ended, newest first.
  mutating func ended(_ board: StatusBoard, last count: Int, atMost limit: Int) -> [UInt8] {
    written { writer in
      writer.json.key("ended")
      writer.json.beginArray()
      for record in board.recent.prefix(min(count, limit)) { writer.write(record) }
      writer.json.endArray()
      writer.write("left_out", max(0, count - limit))
    }
  }

  /// The event `lifecycle`.
  mutating func lifecycle(_ event: String, atUnixNanoseconds time: UInt64) -> [UInt8] {
    written { writer in
      writer.write("event", event)
      writer.write("at", milliseconds: time)
    }
  }

  /// All but the streams themselves.
  mutating func snapshot(_ board: StatusBoard, at now: Instant) -> [UInt8] {
    written { $0.writeSnapshot(board, at: now) }
  }

  /// Snapshot, streams and what ended lately as one object: a page's first state.
  mutating func everything(_ board: StatusBoard, rows: Int, at now: Instant) -> [UInt8] {
    written { writer in
      writer.json.key("snapshot")
      writer.json.beginObject()
      writer.writeSnapshot(board, at: now)
      writer.json.endObject()
      writer.json.key("streams")
      writer.json.beginObject()
      writer.writeLive(board, rows: rows)
      writer.json.endObject()
      writer.json.key("ended")
      writer.json.beginArray()
      for record in board.recent.prefix(rows) { writer.write(record) }
      writer.json.endArray()
    }
  }

  private mutating func written(_ body: (inout StatusJSON) -> Void) -> [UInt8] {
    json.removeAll()
    json.beginObject()
    body(&self)
    json.endObject()
    return json.bytes
  }
}

// MARK: - Streams

extension StatusJSON {
  private mutating func writeLive(_ board: StatusBoard, rows: Int) {
    write("live_count", board.openCount)
    write("left_out", max(0, board.openCount - min(rows, board.rows.count)))
    json.key("live")
    json.beginArray()
    for row in board.rows.prefix(rows) { write(row) }
    json.endArray()
  }

  private mutating func write(_ row: StatusBoard.Row) {
    let reading = row.reading
    json.beginObject()
    write("request_id", row.id)
    write("route", reading.route)
    write("upstream", reading.upstream)
    write("provider", reading.provider)
    write("operation", reading.operation)
    if !reading.model.isEmpty {
      json.key("model")
      json.string(reading.model.span)
    }
    write("state", reading.state.rawValue)
    if let isStream = reading.isStream { write("stream", isStream) }
    write("age_ms", milliseconds: reading.age)
    write("queue_ms", milliseconds: reading.queued)
    write("limiter", reading.limiter)
    write("ttft_ms", milliseconds: reading.firstToken)
    write("events", reading.events)
    write("content_events", reading.contentEvents)
    write("events_per_second", rate: row.eventRate)
    write("bytes_per_second", rate: row.byteRate)
    write("silent_ms", milliseconds: reading.silence)
    if reading.contentEvents > 1 { write("max_gap_ms", milliseconds: reading.longestGap) }
    write("bytes_up", reading.bytesUp)
    write("bytes_down", reading.bytesDown)
    write("backpressure_events", reading.backpressureEvents)
    if let paused = reading.paused {
      write("paused_by", paused.side.rawValue)
      write("paused_ms", milliseconds: paused.nanoseconds)
      write("buffered_bytes", reading.bufferedBytes)
    }
    json.endObject()
  }

  private mutating func write(_ record: ExchangeRecord) {
    json.beginObject()
    write("request_id", record.requestID.text)
    write("route", record.route)
    write("upstream", record.upstream)
    write("provider", record.provider.rawValue)
    write("operation", record.operation.rawValue)
    if let model = record.model ?? record.modelRequested {
      json.key("model")
      json.string(model.bytes.span)
    }
    write("state", "ended")
    write("stream", record.isStream)
    if let status = record.status { write("status", status) }
    write("outcome", record.outcome.rawValue)
    write("error_type", record.errorType?.rawValue)
    write("error_origin", record.origin?.rawValue)
    write("limiter", record.limiter)
    write("ended_at", milliseconds: record.endedAt)
    write("duration_ms", milliseconds: record.duration)
    write("queue_ms", milliseconds: record.queued)
    write("ttft_ms", milliseconds: record.firstToken)
    write("max_gap_ms", milliseconds: record.longestGap)
    if record.isStream {
      write("events", record.events.total)
      write("content_events", record.events[.content])
    }
    write("bytes_up", record.bytesUp)
    write("bytes_down", record.bytesDown)
    if let tokens = record.usage.total(.output) { write("output_tokens", tokens) }
    write("backpressure_events", record.backpressureEvents)
    json.endObject()
  }
}

// MARK: - The snapshot

extension StatusJSON {
  private mutating func writeSnapshot(_ board: StatusBoard, at now: Instant) {
    write("version", board.identity.version)
    write("commit", board.identity.commit)
    write("loops", board.identity.loops)
    write("state", board.isDraining ? "draining" : "serving")
    write("uptime_ms", milliseconds: board.uptime(at: now))
    let (window, length) = board.lastMinutes(at: now)
    write("window_ms", milliseconds: length)
    writeTotals(board)
    writeRates(board.rates)
    writeOutcomes(window)
    writeErrors(window, board.figures)
    json.key("ttft")
    write(window.firstToken)
    json.key("gap")
    write(window.gap)
    writeLimits(board.limits)
    writeBackpressure(window, board.figures)
  }

  private mutating func writeTotals(_ board: StatusBoard) {
    write("requests_active", Int(board.figures.requestsActive))
    write("streams_active", Int(board.figures.streamsActive))
    write("accepted", board.figures.accepted)
    write("ended", board.figures.ended)
    write("errors_total", board.figures.errorCount)
  }

  private mutating func writeRates(_ rates: StatusBoard.Rates) {
    write("requests_per_second", rate: rates.requests)
    write("errors_per_second", rate: rates.errors)
    write("events_per_second", rate: rates.events)
    write("bytes_down_per_second", rate: rates.bytesDown)
    write("bytes_up_per_second", rate: rates.bytesUp)
  }

  private mutating func writeOutcomes(_ window: StatusFigures) {
    json.key("outcomes")
    json.beginObject()
    for outcome in Label.Outcome.allCases where window.ended(outcome) > 0 {
      json.key(escaping: outcome.rawValue)
      json.unsigned(window.ended(outcome))
    }
    json.endObject()
  }

  /// All that ever was, with what is of the last minutes.
  private mutating func writeErrors(_ window: StatusFigures, _ all: StatusFigures) {
    let lately = window.errorCounts
    json.key("errors")
    json.beginArray()
    for error in all.errorCounts {
      json.beginObject()
      write("origin", error.origin.rawValue)
      write("error_type", error.type.rawValue)
      let match = lately.first { $0.origin == error.origin && $0.type == error.type }
      write("count", match?.count ?? 0)
      write("total", error.count)
      json.endObject()
    }
    json.endArray()
  }

  private mutating func write(_ histogram: HistogramFigures) {
    json.beginObject()
    write("count", histogram.total)
    for (key, share): (StaticString, Double) in [
      ("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99),
    ] {
      guard let seconds = histogram.quantile(share) else { continue }
      write(key, milliseconds: UInt64(seconds * 1e9))
    }
    json.key("bounds_ms")
    json.beginArray()
    for bound in histogram.bounds {
      json.decimal(UInt64((bound * 1e6).rounded()), fractionDigits: 3)
    }
    json.endArray()
    json.key("counts")
    json.beginArray()
    for count in histogram.counts { json.unsigned(count) }
    json.endArray()
    json.endObject()
  }

  private mutating func writeLimits(_ limits: [LimitState]) {
    json.key("limits")
    json.beginArray()
    // One that a reload has removed is shown until its last stream has ended.
    for limit in limits where limit.maxStreams > 0 || limit.inUse > 0 {
      json.beginObject()
      write("limit", limit.name)
      write("max_streams", limit.maxStreams)
      write("in_use", limit.inUse)
      write("queued", limit.queued)
      write("keys", limit.keys)
      write("key_in_use_max", limit.fullestKeyInUse)
      write("mean_hold_ms", milliseconds: limit.holdNanoseconds)
      json.endObject()
    }
    json.endArray()
  }

  private mutating func writeBackpressure(_ window: StatusFigures, _ all: StatusFigures) {
    json.key("backpressure")
    json.beginObject()
    for side in Label.Side.allCases {
      json.key(escaping: side.rawValue)
      json.beginObject()
      write("paused_now", Int(all.pausedNow(side)))
      write("events", window.pauses(side))
      write("paused_ms", milliseconds: window.pausedNanoseconds(side))
      json.endObject()
    }
    json.endObject()
  }
}

// MARK: - Members; one that is nil is left out

extension StatusJSON {
  private mutating func write(_ key: StaticString, _ value: String?) {
    guard let value else { return }
    json.key(key)
    json.string(value)
  }

  private mutating func write(_ key: StaticString, _ value: Int) {
    json.key(key)
    json.integer(value)
  }

  private mutating func write(_ key: StaticString, _ value: UInt64) {
    json.key(key)
    json.unsigned(value)
  }

  private mutating func write(_ key: StaticString, _ value: Bool) {
    json.key(key)
    json.bool(value)
  }

  /// To a tenth: nobody reads more of a speed.
  private mutating func write(_ key: StaticString, rate: Double) {
    json.key(key)
    json.decimal(UInt64(max(0, min(rate, 1e15)) * 10), fractionDigits: 1)
  }

  /// Nanoseconds as milliseconds, to a tenth.
  private mutating func write(_ key: StaticString, milliseconds nanoseconds: UInt64?) {
    guard let nanoseconds else { return }
    json.key(key)
    json.decimal(nanoseconds / 100_000, fractionDigits: 1)
  }
}
