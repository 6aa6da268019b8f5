// What a request gets: chosen from its headers, its path and its body, before any of it is sent.

internal import Wire

/// A request as far as its answer depends on it.
struct AnsweredRequest {
  let scenario: Scenario
  let head: RequestHead
  let body: RequestBodyScanner
  /// Head and body as received, for an echo.
  let received: [UInt8]

  var isHTTP10: Bool { head.version == .http10 }

  var target: (path: String, query: String) {
    let parts = head.headers.string(head.originTarget).split(
      separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    return (parts.first.map(String.init) ?? "", parts.count == 2 ? String(parts[1]) : "")
  }

  var api: ProviderAPI? { ProviderAPI(path: target.path) }
}

struct Answer {
  let status: Int
  let contentType: String
  let api: ProviderAPI?
  let body: BodyStream
  let hasBody: Bool
  let isStream: Bool
  let compresses: Bool
  let sendsTrailers: Bool

  /// An answer by which the simulator itself says that it cannot do what was asked.
  static func refusal(_ api: ProviderAPI?, status: Int, message: String) -> Answer {
    Answer(error: api, status: status, message: message, scenario: Scenario(), isHTTP10: false)
  }

  /// Throws where the scenario cannot be played to the request.
  static func choose(
    for request: AnsweredRequest, in provider: SimulatedProvider
  ) throws(ScenarioError) -> Answer {
    let scenario = request.scenario
    if let status = scenario.status, scenario.replay == nil, !scenario.echoes {
      if status >= 400 {
        return Answer(
          error: request.api, status: status, message: ProviderErrors.message(status),
          scenario: scenario, isHTTP10: request.isHTTP10)
      }
    }
    if let events = scenario.events {
      let template = try provider.template(
        size: scenario.eventBytes ?? 230, stamps: scenario.stamps)
      return try Answer(
        .generated(template, count: events == 0 ? nil : events),
        contentType: "text/event-stream; charset=utf-8", format: .serverSentEvents, status: 200,
        for: request)
    }
    let recording = try recording(for: request, in: provider)
    return try Answer(
      .recorded(recording), contentType: recording.contentType, format: recording.format,
      status: recording.status, for: request)
  }

  private static func recording(
    for request: AnsweredRequest, in provider: SimulatedProvider
  ) throws(ScenarioError) -> Recording {
    if request.scenario.echoes {
      return Recording(name: "echo", contentType: "message/http", body: request.received)
    }
    if let name = request.scenario.replay {
      do {
        return try provider.library.recording(named: name)
      } catch {
        throw ScenarioError("x-sim-replay: \(error.description)")
      }
    }
    let (path, query) = request.target
    if let api = ProviderAPI(path: path) {
      return BuiltInRecordings.answering(api, query: query, body: request.body)
    }
    if path == "/" || path.isEmpty {
      return Recording(
        name: "help", contentType: "text/plain; charset=utf-8",
        body: Array(SimulatorHelp.text.utf8))
    }
    return Recording(
      name: "not-found", contentType: "application/json", status: 404,
      body: ProviderErrors.body(
        nil, status: 404, message: "No simulated provider has the path \(path); see GET /."))
  }
}

// MARK: - Making one

extension Answer {
  private init(
    _ origin: EventSource.Origin, contentType: String, format: EventFormat, status: Int,
    for request: AnsweredRequest
  ) throws(ScenarioError) {
    let scenario = request.scenario
    let fault = scenario.fault
    var extra: [UInt8] = []
    let limit = fault?.cutsBody == true ? scenario.faultAfter ?? 1 : nil
    if fault == .inStreamError {
      let event = ProviderErrors.event(request.api, format: format, isFirst: limit == 0)
      guard let event else {
        throw ScenarioError("x-sim-fault: in-stream-error needs a stream of events or lines")
      }
      extra = event
    }
    let source = EventSource(
      origin, limit: limit, repeats: fault == .neverEnds, extra: extra)
    self.init(
      source, status: scenario.status ?? status, contentType: contentType, api: request.api,
      isStream: format != .plain, scenario: scenario, isHTTP10: request.isHTTP10)
  }

  private init(
    error api: ProviderAPI?, status: Int, message: String, scenario: Scenario, isHTTP10: Bool
  ) {
    let body = ProviderErrors.body(api, status: status, message: message)
    let limit = scenario.fault?.cutsBody == true ? scenario.faultAfter ?? 1 : nil
    let recording = Recording(name: "error", contentType: "application/json", body: body)
    self.init(
      EventSource(.recorded(recording), limit: limit, repeats: scenario.fault == .neverEnds),
      status: status, contentType: recording.contentType, api: api, isStream: false,
      scenario: scenario, isHTTP10: isHTTP10)
  }

  private init(
    _ source: EventSource, status: Int, contentType: String, api: ProviderAPI?, isStream: Bool,
    scenario: Scenario, isHTTP10: Bool
  ) {
    self.status = status
    self.contentType = contentType
    self.api = api
    self.isStream = isStream
    // RFC 9110 §15.3.5, §15.4.5; redirections have nothing to say here.
    hasBody = status != 204 && !(300..<400).contains(status)
    compresses = scenario.compresses
    let framing = Self.framing(scenario, isStream: isStream, isHTTP10: isHTTP10)
    sendsTrailers = scenario.sendsTrailers && framing == .chunked
    let endsWell = !(scenario.fault?.breaksFraming ?? false)
    body = BodyStream(
      source, chunking: scenario.chunking, framing: framing, compresses: compresses,
      sendsTrailers: sendsTrailers, endsWell: endsWell)
  }

  private static func framing(
    _ scenario: Scenario, isStream: Bool, isHTTP10: Bool
  ) -> AnswerFraming {
    // HTTP/1.0 knows no chunks.
    if isHTTP10 { return scenario.framing == .length ? .length : .close }
    if let framing = scenario.framing { return framing }
    let needsChunks =
      scenario.sendsTrailers || scenario.isEndless || scenario.fault == .garbageChunk
    return isStream || needsChunks ? .chunked : .length
  }
}

extension Fault {
  /// Whether the body, if it is cut, does not come to its framing's end.
  fileprivate var breaksFraming: Bool { cutsBody && self != .truncate && self != .inStreamError }
}

// MARK: - The head

extension Answer {
  func head(
    keepsAlive: Bool, number: Int, limits: RateLimits.Left? = nil, _ writer: inout HeadWriter
  ) -> [UInt8] {
    writer.reset()
    writer.statusLine(status: status)
    if hasBody {
      writer.field("content-type", contentType)
      if isStream { writer.field("cache-control", "no-cache") }
      if compresses { writer.field("content-encoding", "gzip") }
      writeFraming(&writer)
    } else if status != 204 && status != 304 {
      writer.field("content-length", 0)
    }
    if status == 429 || status == 503 || status == 529 { writer.field("retry-after", 1) }
    if let api, let limits { limits.write(of: api, to: &writer) }
    writer.field(api?.requestIDField ?? "x-request-id", "req_simulated_\(number)")
    if !keepsAlive { writer.field("connection", "close") }
    writer.end()
    return writer.bytes
  }

  private func writeFraming(_ writer: inout HeadWriter) {
    switch body.framing {
    case .chunked:
      writer.field("transfer-encoding", "chunked")
      if sendsTrailers { writer.field("trailer", "x-sim-crc32") }
    // A length was asked for, or this is a recording: there is an end.
    case .length: writer.field("content-length", body.length ?? 0)
    case .close: break
    }
  }
}
