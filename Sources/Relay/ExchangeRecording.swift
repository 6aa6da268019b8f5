// From an exchange that has ended to the record that metrics and logs are made of.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry
internal import Wire

/// What a record needs of heads that are long gone by the time it is made.
struct ExchangeNotes {
  /// Which request of the loop it is.
  var number = 0
  var trace: TraceContext?
  var tenant: String?
  var modelRequested: [UInt8]?
  var wantsStream = false
  var contentEncoding: ReceivedText?
  var upstreamRequestID: ReceivedText?
  var connectNanoseconds: UInt64?
  /// The limit that refused it or made it wait, and for how long.
  var limiter: String?
  var queuedNanoseconds: UInt64?

  private static let tenantLimitBytes = 128

  mutating func note(_ head: RequestHead, tenantHeader: [UInt8]?) {
    trace = TraceContext(head)
    guard let tenantHeader else { return }
    let line = head.headers.fields.first { head.headers.name($0, isLowercased: tenantHeader) }
    // A label and a log line are no place for a header of any length.
    tenant = line.map { head.headers.string($0.value.prefix(Self.tenantLimitBytes)) } ?? ""
  }

  mutating func note(_ head: ResponseHead) {
    contentEncoding = head.headers.text("content-encoding")
    upstreamRequestID =
      head.headers.text("x-request-id") ?? head.headers.text("request-id")
      ?? head.headers.text("x-amzn-requestid")
  }
}

extension Exchange {
  /// The one entry in the books of an exchange that nothing observed.
  func book(_ end: ExchangeEnd) -> Verdict {
    var summary = summary(end)
    summary.record.provider = provider
    summary.record.operation = operation
    relay.ended(self, summary)
    return summary.verdict
  }

  /// That of an exchange which a tap observed, and which has given it away: the tap may serve another answer.
  func book(_ end: ExchangeEnd, observedBy tap: consuming StreamTap) -> Verdict {
    concludeObserving(tap)
    var summary = summary(end)
    addFacts(tap, &summary.record)
    relay.ended(self, summary)
    if tap.isRenewable { relay.giveBack(tap) }
    return summary.verdict
  }

  // In line, as are all that make one: it is 800 bytes, and each return would be a copy.
  @inline(__always)
  private func summary(_ end: ExchangeEnd) -> ExchangeSummary {
    endKeeping(end)
    closeStream()
    let verdict = Verdict(end, answer)
    if !traits.contains(.answered), let status = verdict.clientStatus { answer.status = status }
    var summary = Self.summary(
      verdict, answer.status, route: route.route.name, from: start, at: loop.now)
    fill(&summary)
    return summary
  }

  private func fill(_ summary: inout ExchangeSummary) {
    summary.requestBodyBytes = requestBodyBytes
    summary.responseBodyBytes = responseBodyBytes
    summary.pausesOfUpstream = Int(pausesOfUpstream)
    summary.pausesOfClient = Int(pausesOfClient)
    summary.attempts = Int(attempts)
    summary.reusedConnection = traits.contains(.reusedConnection)
    summary.record.upstream = upstream?.options.name
    summary.record.endedAt = loop.readWallClock()
    identify(&summary.record)
    addTimes(&summary.record)
    addTransport(&summary.record)
  }

  @inline(__always)
  private static func summary(
    _ verdict: Verdict, _ status: Int?, route: String, from start: Instant, at end: Instant
  ) -> ExchangeSummary {
    var summary = ExchangeSummary(
      verdict: verdict, record: ExchangeRecord(route: route, outcome: outcomes[verdict.outcome]),
      status: status, start: start, end: end)
    summary.record.errorType = verdict.errorType.map { errorTypes[$0] }
    summary.record.origin = verdict.origin.map { origins[$0] }
    summary.record.status = status
    return summary
  }

  /// The books' entry for a client that never got as far as an exchange.
  static func summary(ofTurnedAway number: Int, by relay: Relay) -> ExchangeSummary {
    let verdict = Verdict(.turnedAway, AnswerState())
    let now = relay.loop.now
    var summary = summary(
      verdict, verdict.clientStatus, route: Relay.noRoute, from: now, at: now)
    summary.record.requestID = relay.requestID(number)
    summary.record.endedAt = relay.loop.readWallClock()
    return summary
  }

  private func identify(_ record: inout ExchangeRecord) {
    record.requestID = relay.requestID(notes.number)
    if let trace = notes.trace {
      record.traceID = trace.traceID
      record.spanID = trace.parentID
      record.isTraceSampled = trace.isSampled
    }
    record.tenant = notes.tenant
    // Nobody asks the exchange for these any more.
    record.modelRequested = (notes.modelRequested.take() ?? pathMeaning?.model).map(
      ReceivedText.init)
    let isFailure = if case .completed = record.outcome { false } else { true }
    record.isStream = answer.status == 101 || (isFailure && notes.wantsStream)
    record.isModelAccepted = isAccepted
  }

  /// Whether upstream took the request: 2xx, or a tunnel.
  private var isAccepted: Bool {
    answer.status.map { (200..<300).contains($0) || $0 == 101 } ?? false
  }

  private var provider: Label.Provider {
    Self.providers[upstream?.provider ?? tap?.facts.provider ?? .other]
  }

  private var operation: Label.Operation {
    Self.operations[tap?.facts.operation ?? pathMeaning?.operation ?? .other]
  }

  /// The labels as far as they are known; `unknown` is the model until upstream has accepted one.
  var labels: ExchangeKey {
    var model = LabelRegistry.unknown
    if isAccepted, let bytes = tap?.facts.model, !bytes.isEmpty {
      model = String(decoding: bytes, as: UTF8.self)
    } else if isAccepted, let bytes = modelRequested {
      model = String(decoding: bytes, as: UTF8.self)
    }
    return ExchangeKey(
      route: route.route.name, provider: provider, operation: operation,
      model: model, tenant: notes.tenant)
  }

  /// What the request asked for: in its body, or in its path.
  var modelRequested: [UInt8]? {
    notes.modelRequested ?? pathMeaning?.model
  }

  var pathMeaning: PathMeaning? {
    route.upstream == nil ? nil : route.meaning(of: path)
  }

  private func addTimes(_ record: inout ExchangeRecord) {
    // Not when the loop woke, but when the last bytes had been accepted: the clock was read then.
    record.duration = loop.lastReading.nanoseconds(since: start)
    record.connected = notes.connectNanoseconds
    record.queued = notes.queuedNanoseconds ?? clocks.queued.map { _ in 0 }
    record.limiter = notes.limiter
    guard let up = clocks.up else { return }
    record.header = clocks.head?.nanoseconds(since: up)
  }

  private func addTimes(ofStream tap: StreamTap, _ record: inout ExchangeRecord) {
    if let first = tap.facts.firstToken {
      record.clientFirstToken = clocks.tokenAccepted?.nanoseconds(since: start)
      if let last = tap.facts.lastContent { record.generation = last - first }
    }
    if tap.facts.contentEvents > 1 { record.longestGap = tap.facts.maxGapNanoseconds }
    guard let up = clocks.up else { return }
    let since = { (instant: UInt64?) in
      instant.map { Instant(nanoseconds: $0).nanoseconds(since: up) }
    }
    record.firstChunk = since(tap.facts.firstChunk)
    record.firstToken = since(tap.facts.firstToken)
    record.firstVisibleToken = since(tap.facts.firstVisible)
  }

  private func addTransport(_ record: inout ExchangeRecord) {
    record.bytesUp = requestBodyBytes
    record.bytesDown = responseBodyBytes
    record.backpressureEvents = UInt64(pausesOfUpstream) + UInt64(pausesOfClient)
    record.backpressured = pausedNanoseconds
    // The exchange needs them no more.
    record.contentEncoding = notes.contentEncoding.take()
    record.upstreamRequestID = notes.upstreamRequestID.take()
    if attempts > 0 { record.reusedConnection = traits.contains(.reusedConnection) }
    record.closeCode = tunnel?.closeCode.map { UInt64($0) }
  }

  private func addFacts(_ tap: StreamTap, _ record: inout ExchangeRecord) {
    record.provider = Self.providers[upstream?.provider ?? tap.facts.provider ?? .other]
    record.operation = Self.operations[tap.facts.operation]
    if tap.facts.isStream {
      record.isStream = true
      addTimes(ofStream: tap, &record)
      for (kind, label) in zip(EventKind.allCases, Label.EventKind.allCases) {
        record.events[label] = UInt64(tap.facts.kinds[kind.rawValue])
      }
    }
    tap.forEachFinish { record.finishReasons.note(Self.finishReasons[$0]) }
    let (model, id) = (tap.takeModel(), tap.takeResponseID())
    if !model.isEmpty { record.model = ReceivedText(model) }
    if !id.isEmpty { record.responseID = ReceivedText(id) }
    guard record.isModelAccepted else { return }
    if case .plain = tap.facts.dialect { return }
    record.usageSource = Self.usageSources[tap.usageSource]
    guard !tap.facts.usage.isEmpty else { return }
    let tokens = tap.tokens
    record.usage.uncached = UInt64(tokens.uncached)
    record.usage.cacheRead = UInt64(tokens.cacheRead)
    record.usage.cacheWrite = UInt64(tokens.cacheWrite)
    record.usage.response = UInt64(tokens.response)
    record.usage.reasoning = UInt64(tokens.reasoning)
    guard !relay.options.prices.isEmpty else { return }
    let price = [record.model, record.modelRequested].lazy
      .compactMap { $0.flatMap { self.relay.options.prices[$0.string] } }.first
    record.costPicoUSD = price?.cost(of: record.usage)
  }

  /// Makes the tables, so that the first exchange of all need not.
  static func prepareLabels() {
    withExtendedLifetime(
      (outcomes, errorTypes, origins, providers, operations, finishReasons, usageSources)
    ) {}
  }

  private static let outcomes = LabelTable<Outcome, Label.Outcome>()
  private static let errorTypes = LabelTable<ErrorType, Label.ErrorType>()
  private static let origins = LabelTable<FaultOrigin, Label.Origin>()
  private static let providers = LabelTable<Provider, Label.Provider>()
  private static let operations = LabelTable<Operation, Label.Operation>()
  private static let finishReasons = LabelTable<FinishReason, Label.FinishReason>()
  private static let usageSources = LabelTable<UsageSource, Label.UsageSource>()
}

extension HeaderFields {
  /// The value of the first such field.
  fileprivate func text(_ lowercasedName: StaticString) -> ReceivedText? {
    guard let range = first(lowercasedName) else { return nil }
    return ReceivedText([UInt8](copying: bytes.span.extracting(range)))
  }
}
