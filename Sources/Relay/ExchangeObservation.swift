// The side path of an exchange: what has been written on is lent to a tap, and what the tap saw
// decides with the framing how the exchange ended.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry
internal import Wire

/// The moments of an exchange that its tap does not know. nil is never.
struct ExchangeClocks {
  /// Asked for admission.
  @Moment var queued: Instant?
  /// First request byte written upstream.
  @Moment var up: Instant?
  /// The answer's head.
  @Moment var head: Instant?
  /// The first content event accepted by the client's socket.
  @Moment var tokenAccepted: Instant?
}

/// An instant that may not have come, in half the room of an optional.
@propertyWrapper
struct Moment {
  private var nanoseconds = UInt64.max

  var wrappedValue: Instant? {
    get { nanoseconds == .max ? nil : Instant(nanoseconds: nanoseconds) }
    set { nanoseconds = newValue?.nanoseconds ?? .max }
  }
}

extension Exchange {
  /// Begins to observe an answer, unless the route says not to.
  func beginObserving(_ head: ResponseHead) {
    clocks.head = loop.now
    notes.note(head)
    noteRateLimits(head)
    if head.isSwitchingProtocols, head.headers.list("upgrade", contains: "websocket") {
      traits.insert(.webSocket)
    }
    defer { openStream() }
    guard route.route.observes else { return }
    let bytes = head.headers.bytes.span
    let request = TapRequest(
      path: path, contentType: bytes.extracting(head.headers.first("content-type") ?? 0..<0),
      contentEncoding: bytes.extracting(head.headers.first("content-encoding") ?? 0..<0),
      status: head.status, dialect: route.route.dialect, provider: route.upstream?.options.provider)
    guard head.isSwitchingProtocols else {
      tap = relay.makeTap(request)
      return
    }
    // A tunnel of another protocol is bytes and no more.
    guard traits.contains(.webSocket) else { return }
    tap = relay.makeTap(request)
    tunnel = TunnelObserver(lendingTo: tap, metrics: metrics)
  }

  /// After the write: whatever happens here, the client has its bytes.
  func observe(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    // Taken out while it reads, which counts no reference.
    guard let tap = tap.take() else {
      answer.hasReachedClient = true
      return
    }
    let now = loop.now.nanoseconds
    if let tunnel {
      tunnel.observeServer(wire, at: now)
    } else {
      var startsRead = true
      for range in payload {
        tap.observe(wire.extracting(range), at: now, startsRead: startsRead)
        startsRead = false
      }
    }
    if !answer.hasReachedClient { noteContent(of: tap) }
    let gap = tap.takeGap()
    self.tap = consume tap
    if let gap { metrics.gap(gap, liveMeter()) }
  }

  /// The labels' figures for what is counted while the stream runs. The model that the first
  /// events name is known by the time of the first gap.
  private func liveMeter() -> ExchangeChild {
    if let meter { return meter }
    let found = metrics.exchange(labels)
    meter = found
    return found
  }

  private func noteContent(of tap: StreamTap) {
    guard tap.facts.firstToken != nil || !tap.facts.isStream, hub?.isDetached != true else {
      return
    }
    answer.hasReachedClient = true
    // A plain answer has no first token to wait for.
    guard tap.facts.isStream else { return }
    tokenMark = clientBytes
    noteAccepted()
  }

  /// Looks whether the client's socket has accepted the first content event.
  func noteAccepted() {
    guard clocks.tokenAccepted == nil, let mark = tokenMark else { return }
    // A hub's socket that is full says that it holds more than this answer has brought.
    if clientBytes >= mark + UInt64(connection.queuedBytes) {
      clocks.tokenAccepted = loop.readClock()
    }
  }

  /// What the tap says of the end; takes its last look.
  func concludeObserving(_ tap: StreamTap) {
    tap.end()
    answer.evidence =
      if answer.status.map({ $0 >= 400 }) ?? false {
        .failedAnswer(tap.facts.errorType)
      } else if !tap.facts.isStream {
        .none
      } else if tap.facts.end == .error {
        .errorEvent(tap.facts.errorType ?? .other)
      } else if tap.sawTerminal {
        .terminal
      } else if tap.facts.end == .truncated {
        .terminalMissing
      } else {
        .none
      }
    count(tap)
  }
}

// MARK: - Requests

extension Exchange {
  /// Looks for the model and for `stream` in a request's body, as it goes by.
  func observeRequest(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    if let tunnel { return tunnel.observeClient(wire, at: loop.now.nanoseconds) }
    // Taken out while it reads, which counts no reference.
    guard let tap = requestTap.take() else { return }
    for range in payload { tap.observe(wire.extracting(range)) }
    if notes.modelRequested == nil { notes.modelRequested = tap.model }
    if tap.isFinished { note(consume tap) } else { requestTap = consume tap }
  }

  func noteRequest() {
    if let tap = requestTap.take() { note(consume tap) }
  }

  private func note(_ tap: consuming RequestTap) {
    if notes.modelRequested == nil { notes.modelRequested = tap.model }
    if tap.wantsStream == true { notes.wantsStream = true }
    relay.giveBack(tap)
  }
}
