// The way in: a request passes its route's limits, at once, after a wait, or not at all. What it
// has sent is held meanwhile, and no upstream clock runs.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry
internal import Wire

extension Exchange: AdmissionWaiter {
  /// Whether a limit counts by the model, and only the body may tell which it is.
  var hasToReadModel: Bool {
    route.limits.needModel && requestTap != nil && modelRequested == nil
  }

  /// Passes the limits of the route, then goes on upstream.
  func enter(_ head: RequestHead) {
    guard !route.limits.isEmpty else { return proceed() }
    guard hasToReadModel else { return ask(head, model: modelRequested) }
    phase = .peeking(head)
    // Whoever waits for weir's word before sending the body has to have it now.
    guard head.expectsContinue else { return }
    let word: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
    sendDown(Array(word.description.utf8).span)
  }

  /// Goes on once the model that a limit counts by is known, or will not be.
  func enterWithModel() {
    guard case .peeking(let head) = phase, requestTap == nil || notes.modelRequested != nil else {
      return
    }
    ask(head, model: modelRequested)
  }

  private func ask(_ head: RequestHead, model: [UInt8]?) {
    clocks.queued = loop.now
    let demand = route.limits.demand(head, from: connection.peer, model: model)
    switch relay.desk.admit(demand, for: self) {
    case .admitted(let permit):
      self.permit = consume permit
      for limit in route.route.limits { decide(.immediate, limit, waited: 0) }
      proceed()
    case .waiting(let place):
      notes.limiter = place.limit
      phase = .queued(place)
      mindHeldRequest()
      // A client that waits for `100 Continue` sends nothing now: that is not its body's time.
      if head.expectsContinue, !traits.contains(.requestEnded) { connection.pauseReading() }
    case .refused(let refusal):
      clocks.queued = nil
      refuse(refusal, waited: 0)
    }
  }

  func admitted(_ permit: consuming StreamPermit, waitedNanoseconds: UInt64) {
    guard case .queued(let place) = phase else { return }
    self.permit = consume permit
    decide(.waited, place.limit, waited: waitedNanoseconds)
    notes.queuedNanoseconds = waitedNanoseconds
    proceed()
    sendRequest()
  }

  func turnedAway(_ refusal: AdmissionRefusal, waitedNanoseconds: UInt64) {
    notes.queuedNanoseconds = waitedNanoseconds
    refuse(refusal, waited: waitedNanoseconds)
  }

  private func refuse(_ refusal: AdmissionRefusal, waited: UInt64) {
    switch refusal {
    case .queueFull(let limit, _):
      notes.limiter = limit
      decide(.queueFull, limit, waited: waited)
    case .queueTimeout(let limit, _):
      notes.limiter = limit
      decide(.timeout, limit, waited: waited)
    case .draining:
      if let limit = notes.limiter ?? route.route.limits.first {
        decide(.draining, limit, waited: waited)
      }
    }
    settle(.limited(refusal))
  }

  /// Leaves the queue, if it stands in one.
  func leaveQueue(_ end: ExchangeEnd) {
    guard case .queued(let place) = phase else { return }
    // One that has been turned away has left already.
    guard notes.queuedNanoseconds == nil, let since = clocks.queued else { return }
    let waited = loop.now.nanoseconds(since: since)
    notes.queuedNanoseconds = waited
    decide(Label.Decision(rawValue: end.decision.rawValue)!, place.limit, waited: waited)
    place.leave(as: end.decision)
  }

  /// The last byte has gone, in either direction.
  func giveBackPermit() { permit.take()?.giveBack(at: loop.now) }

  private func decide(_ decision: Label.Decision, _ limit: String, waited: UInt64) {
    metrics.decided(decision, metrics.limit(limit), waitedNanoseconds: waited)
  }
}

extension ExchangeEnd {
  /// What a request that ended in the queue is counted as there.
  fileprivate var decision: AdmissionDecision {
    switch self {
    case .drainDeadline: .draining
    case .bodyTimedOut, .streamTimeOver: .timeout
    // All else that ends a wait is of the client's making: it left, or sent what it may not.
    default: .clientGone
    }
  }
}
