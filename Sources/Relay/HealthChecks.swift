// Active health: asks each endpoint of an upstream how it is, at intervals. Loops take turns, so that
// an endpoint is asked once for each interval however many of them there are.

internal import Connections
internal import IO
internal import Wire

/// One loop's checks of one upstream.
final class HealthChecks: TimerOwner {
  let options: HealthOptions
  let loop: EventLoop
  private let endpoints: [Endpoint]
  private var timer: LoopTimer?
  private var underway: [ObjectIdentifier: HealthCheck] = [:]

  init(_ options: HealthOptions, of endpoints: [Endpoint], on loop: EventLoop) {
    self.options = options
    self.endpoints = endpoints
    self.loop = loop
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now)
  }

  func timerFired(_ timer: LoopTimer) {
    timer.set(loop.now + options.interval)
    for endpoint in endpoints
    where endpoint.options.health.claimsCheck(at: loop.now, every: options.interval) {
      let check = HealthCheck(of: endpoint, for: self)
      underway[ObjectIdentifier(check)] = check
      check.start()
    }
  }

  fileprivate func ended(_ check: HealthCheck) { underway[ObjectIdentifier(check)] = nil }

  func stop() {
    timer?.invalidate()
    timer = nil
    for check in underway.values { check.cancel() }
    underway = [:]
  }
}

/// One question and its answer, on a connection of its own: a kept one might say only that it is dead.
private final class HealthCheck: ResponseHandler, TimerOwner {
  private let endpoint: Endpoint
  private unowned let checks: HealthChecks
  private var pending: PendingConnection?
  private var connection: ClientConnection?
  private var timer: LoopTimer?

  init(of endpoint: Endpoint, for checks: HealthChecks) {
    self.endpoint = endpoint
    self.checks = checks
  }

  func start() {
    timer = LoopTimer(on: checks.loop, owner: self)
    timer?.set(checks.loop.now + checks.options.timeout)
    pending = endpoint.pool.connect { [unowned self] result in
      pending = nil
      switch result {
      case .success(let connection): ask(connection)
      // Our own want of descriptors says nothing of the endpoint.
      case .failure(.exhausted): cancelAndLeave()
      case .failure: end(isWell: false)
      }
    }
  }

  private func ask(_ connection: ClientConnection) {
    self.connection = connection
    connection.begin(self, isHEAD: false)
    var writer = HeadWriter()
    writer.requestLine(method: "GET", target: checks.options.path)
    writer.field("Host", endpoint.options.authority)
    writer.field("User-Agent", "weir-health")
    writer.field("Connection", "close")
    writer.end()
    connection.send(writer.bytes.span)
  }

  func cancel() {
    timer?.invalidate()
    timer = nil
    pending?.cancel()
    pending = nil
    connection?.close()
    connection = nil
  }

  private func cancelAndLeave() {
    cancel()
    checks.ended(self)
  }

  private func end(isWell: Bool) {
    endpoint.options.health.checked(isWell: isWell, at: checks.loop.now)
    cancelAndLeave()
  }

  func timerFired(_ timer: LoopTimer) { end(isWell: false) }

  func responseHead(_ head: ResponseHead) {
    if !head.isInformational { end(isWell: (200..<400).contains(head.status)) }
  }

  func responseFailed(_ failure: ResponseFailure) { end(isWell: false) }

  // The head has said all; the rest is not waited for.
  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}
  func responseEnded() {}
  func responseReadEnded() {}
  func upstreamDrained() {}
}
