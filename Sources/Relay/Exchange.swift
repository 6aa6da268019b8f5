// One request's life: from its head to the one entry in the books. The phases are here, and the
// end; ExchangeRequest has what goes upstream, ExchangeResponse what comes down.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry
internal import Wire

final class Exchange: Enrolled {
  enum Phase {
    /// Reading the body for the model that a limit counts by.
    indirect case peeking(RequestHead)
    /// Waiting for a permit.
    case queued(PlaceInQueue)
    /// Waiting to try again.
    case backingOff
    case connecting(PendingConnection)
    /// Request bytes go up; no final head has come.
    case waiting
    case streaming
    /// Upstream is done with; the client has not taken everything yet.
    indirect case flushing(ExchangeEnd)
    case tunnel
    /// Either side has ended its tunnel; what is queued for the sides goes out still.
    case closingTunnel
    case ended
  }

  /// What has to be remembered of the request once its head is gone.
  struct Traits: OptionSet {
    let rawValue: UInt32
    static let head = Traits(rawValue: 1)
    static let idempotent = Traits(rawValue: 2)
    static let clientPersists = Traits(rawValue: 4)
    static let clientIsHTTP10 = Traits(rawValue: 8)
    static let upgrade = Traits(rawValue: 16)
    /// The request's last byte has been read.
    static let requestEnded = Traits(rawValue: 32)
    /// `requestBuffer` no longer holds the request from its first byte.
    static let requestForgotten = Traits(rawValue: 64)
    /// Some of the request has been written upstream.
    static let requestSent = Traits(rawValue: 128)
    static let reusedConnection = Traits(rawValue: 256)
    /// The client gets payload without chunks.
    static let unchunks = Traits(rawValue: 512)
    /// The connection serves the next request after this answer.
    static let keepsAlive = Traits(rawValue: 1024)
    /// The client could take a FIN for the answer's proper end.
    static let endsAtClose = Traits(rawValue: 2048)
    static let clientCorked = Traits(rawValue: 4096)
    static let readLimited = Traits(rawValue: 8192)
    /// Any byte of the final answer was sent to the client.
    static let answered = Traits(rawValue: 16384)
    /// Counted among the open streams.
    static let countedStream = Traits(rawValue: 32768)
    /// An interim answer was sent to the client.
    static let saidInterim = Traits(rawValue: 65536)
    /// A tunnel in which WebSocket is spoken.
    static let webSocket = Traits(rawValue: 131072)
  }

  var rosterPlace = -1
  /// Keeps the relay, which keeps it on a roster until it ends.
  let relay: Relay
  // The relay's own: what an object holds itself is used without counting references.
  let loop: EventLoop
  let metrics: MetricsShard
  let connection: any Downstream
  let route: ActiveRoute
  var client: ClientConnection?
  // What every read of an answer touches comes first, so that it shares few cache lines.
  let timer: LoopTimer
  var tap: StreamTap?
  var tunnel: TunnelObserver?
  /// Of a route whose streams are kept.
  var hub: ExchangeHub?
  /// The labels' figures, once one was needed before the end.
  var meter: ExchangeChild?
  var traits: Traits = []
  var attempts: Int32 = 0
  var answer = AnswerState()
  /// Bytes handed to the client's connection, heads included.
  var clientBytes: UInt64 = 0
  var responseBodyBytes: UInt64 = 0
  var deadline = Instant.distantFuture
  var phase = Phase.backingOff
  var clocks = ExchangeClocks()
  /// `clientBytes` behind the first content event.
  var tokenMark: UInt64?

  var endpoint: Endpoint?
  /// The one that the request in `requestBuffer` is written for.
  var chosenEndpoint: Endpoint?
  var triedEndpoints: TriedEndpoints = []
  /// The request as upstream gets it, from its first byte: until it is sent, or until it can no
  /// longer have to be sent again.
  var requestBuffer: [UInt8] = []
  var notes = ExchangeNotes()
  /// Of the relay, which lends it while the request's body passes.
  var requestTap: RequestTap?
  var permit: StreamPermit?
  /// The request target's path and query.
  var path: [UInt8] = []
  var start: Instant
  var requestBodyBytes: UInt64 = 0
  /// Of these, how many are counted as relayed, and when the last of them came.
  var countedUp: UInt64 = 0
  var requestBodyRead = Instant(nanoseconds: 0)
  var pausesOfUpstream: UInt32 = 0
  var pausesOfClient: UInt32 = 0
  /// Since when one side is not read because the other takes nothing.
  @Moment var upstreamPaused: Instant?
  @Moment var clientPaused: Instant?
  var pausedNanoseconds: UInt64 = 0

  // What is borrowed is counted once, for this object, and not by the caller too.
  init(
    on connection: borrowing any Downstream, by route: borrowing ActiveRoute,
    of relay: borrowing Relay
  ) {
    self.connection = copy connection
    self.relay = copy relay
    self.route = copy route
    loop = relay.loop
    metrics = relay.metrics
    timer = LoopTimer(on: relay.loop)
    start = connection.requestStart
    takeUp()
  }

  /// From here to `conclude` it keeps itself.
  func takeUp() {
    start = connection.requestStart
    notes.number = relay.acceptedCount
    timer.owner = self
  }

  var upstream: Upstream? { route.upstream }

  var isEnded: Bool {
    if case .ended = phase { true } else { false }
  }
}

// MARK: - Beginning

extension Exchange {
  func begin(_ head: RequestHead) {
    remember(head)
    prepareKeeping(head)
    guard !relay.isRefusing else { return conclude(.draining) }
    guard route.upstream != nil else { return conclude(.noRoute) }
    if case .length(let bytes) = head.framing, let limit = relay.options.requestBodyLimitBytes,
      bytes > limit
    {
      return conclude(.bodyTooLarge)
    }
    if !traits.contains(.requestEnded), route.route.observes || route.limits.needModel {
      requestTap = relay.takeRequestTap()
    }
    guard let endpoint = route.pick() else { return }
    relay.forward(head, to: endpoint, by: route, expecting: !hasToReadModel)
    chosenEndpoint = consume endpoint
    // What follows of a short body goes behind the head without moving it.
    let following = if case .length(let bytes) = head.framing { Int(min(bytes, 4096)) } else { 0 }
    relay.takeHead(into: &requestBuffer, reserving: following)
    enter(head)
  }

  /// Goes upstream; the exchange's own time begins here.
  func proceed() {
    guard let endpoint = chosenEndpoint else { return }
    if let total = route.streamTimeout { deadline = loop.now + total }
    connect(to: endpoint, allowingIdle: true)
  }

  /// An exchange that never became a request.
  func refuse(_ refusal: RequestRefusal) { conclude(.refused(refusal)) }

  private func remember(_ head: RequestHead) {
    path.become(head.headers.bytes.span.extracting(head.originTarget))
    // Before any refusal: a request that is turned away is to be found by its trace, too.
    notes.note(head, tenantHeader: route.route.tenantHeader)
    // A pattern: `==` of another room is asked through its protocol.
    if case .none = head.framing { traits.insert(.requestEnded) }
    if head.isMethod("HEAD") { traits.insert(.head) }
    if head.isIdempotent || head.headers.first("idempotency-key") != nil {
      traits.insert(.idempotent)
    }
    if head.isPersistent { traits.insert(.clientPersists) }
    if case .http10 = head.version { traits.insert(.clientIsHTTP10) }
    if head.isUpgrade { traits.insert(.upgrade) }
  }
}

// MARK: - Time

extension Exchange: TimerOwner {
  /// The next time limit, or the whole exchange's if that comes first.
  func setTimer(inNanoseconds nanoseconds: UInt64) {
    let (due, overflow) = loop.now.nanoseconds.addingReportingOverflow(nanoseconds)
    let isSooner = !overflow && due < deadline.nanoseconds
    timer.set(isSooner ? Instant(nanoseconds: due) : deadline)
  }

  /// While the client holds weir up, upstream's silence is not its fault.
  func restTimer() {
    if deadline == .distantFuture { timer.unset() } else { timer.set(deadline) }
  }

  func timerFired(_ timer: LoopTimer) {
    if loop.now >= deadline { return settle(.streamTimeOver) }
    switch phase {
    case .backingOff:
      tryAgain()
    case .waiting:
      endpoint?.noteAnswer(succeeded: false, at: loop.now)
      settle(.noHeadInTime)
    case .streaming, .tunnel: settle(.stalled)
    case .closingTunnel: settle(.answered)
    case .peeking, .queued, .connecting, .flushing, .ended: break
    }
  }
}

// MARK: - Ending

extension Exchange {
  /// Of ends that meet, upstream's comes first, then a timeout's, and only then the client's and
  /// the drain's (product §5): learns of those that are there and have not been told yet.
  func catchUp() {
    client?.readNow()
    guard timer.deadline <= loop.now else { return }
    timer.unset()
    timerFired(timer)
  }

  /// Ends the exchange once the client has taken what came before the end.
  func settle(_ end: ExchangeEnd) {
    uncorkClient()
    switch (phase, end) {
    case (.ended, _): return
    case (.flushing(let earlier), .clientGone), (.flushing(let earlier), .slowClient),
      (.flushing(let earlier), .drainDeadline):
      conclude(earlier == .answered ? end : earlier)
    case (_, .clientGone), (_, .slowClient), (_, .drainDeadline): conclude(end)
    default:
      guard traits.contains(.answered), connection.queuedBytes > 0 else { return conclude(end) }
      releaseUpstream(reusable: end == .answered)
      endKeeping(end)
      timer.unset()
      phase = .flushing(end)
    }
  }

  /// The one way out: books, upstream, client, in this order.
  private func conclude(_ end: ExchangeEnd) {
    guard !isEnded else { return }
    if case .connecting(let pending) = phase { pending.cancel() }
    leaveQueue(end)
    timer.invalidate()
    releaseUpstream(reusable: end == .answered)
    phase = .ended
    endPauseOfUpstream()
    endPauseOfClient()
    let verdict = if let tap = tap.take() { book(end, observedBy: consume tap) } else { book(end) }
    // Before the connection goes on: a request that waits on it may need the place.
    giveBackPermit()
    part(from: verdict, end)
  }

  func releaseUpstream(reusable: Bool) {
    // Both are taken out, which counts no reference.
    guard let endpoint = endpoint.take() else { return }
    endpoint.activeCount -= 1
    if let client = client.take() {
      var isKept = false
      if reusable, traits.contains(.requestEnded), client.queuedBytes == 0 {
        isKept = endpoint.giveBack(consume client)
      } else {
        client.close()
      }
      countConnection(from: .active, to: isKept ? .idle : nil)
    } else if case .connecting = phase {
      countConnection(from: .connecting, to: nil)
    }
  }

  private func part(from verdict: Verdict, _ end: ExchangeEnd) {
    switch end {
    case .answered where !traits.contains(.upgrade) || answer.status != 101:
      // A connection kept while draining would hold the drain up until its idle time is over.
      connection.finishResponse(
        keepsAlive: traits.contains(.keepsAlive) && !relay.isRefusing)
    case _ where !traits.contains(.answered) && verdict.clientStatus != nil:
      sendError(verdict, end)
    default:
      connection.cut(asReset: traits.contains(.endsAtClose), delivering: end.leavesClient)
    }
  }

  private func sendError(_ verdict: Verdict, _ end: ExchangeEnd) {
    let status = verdict.clientStatus ?? 502
    let type = verdict.errorType?.rawValue ?? "other"
    let target = path
    let body = CallerDialect(path: target.span).body(
      status: status, type: type, message: end.message(upstream: upstream?.options.name))
    let keepsAlive = traits.isSuperset(of: [.clientPersists, .requestEnded]) && !relay.isDraining
    relay.writer.reset()
    relay.writer.statusLine(status: status)
    relay.writer.field("Content-Type", "application/json")
    relay.writer.field("Content-Length", body.utf8.count)
    relay.writer.field("x-weir-error", type)
    if let seconds = end.retryAfterSeconds { relay.writer.field("Retry-After", seconds) }
    if let allowance = hub?.allowance { relay.writer.fields(allowance) }
    if !keepsAlive {
      relay.writer.field("Connection", "close")
    } else if traits.contains(.clientIsHTTP10) {
      relay.writer.field("Connection", "keep-alive")
    }
    relay.writer.end()
    let bytes = relay.writer.bytes + (traits.contains(.head) ? [] : Array(body.utf8))
    connection.send(bytes.span)
    connection.finishResponse(keepsAlive: keepsAlive)
  }
}
