// What an exchange counts while it runs, on its loop's own figures.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry

extension Exchange {
  /// Body bytes that went down, and how long weir had them if the client took them at once.
  func countDown(_ payload: [Range<Int>]) {
    var bytes = 0
    for range in payload { bytes &+= range.count }
    responseBodyBytes &+= UInt64(bytes)
    let delay =
      connection.queuedBytes == 0
      ? loop.readClock().nanoseconds(since: loop.now) : nil
    metrics.relayed(bytes, .down, route.meter.child, delayNanoseconds: delay)
  }

  /// Body bytes that went up, once however often they are sent; and how long weir had them, if it
  /// sent them in the turn in which they came. What waited for a connection or for a limit did not
  /// wait for weir.
  func countUp(to client: ClientConnection) {
    guard requestBodyBytes > countedUp else { return }
    let isAtOnce =
      client.queuedBytes == 0 && requestBodyRead.nanoseconds == loop.now.nanoseconds
    let delay = isAtOnce ? loop.readClock().nanoseconds(since: loop.now) : nil
    metrics.relayed(
      Int(requestBodyBytes - countedUp), .up, route.meter.child, delayNanoseconds: delay)
    countedUp = requestBodyBytes
  }

  // MARK: - Streams

  func openStream() {
    guard tap?.facts.isStream ?? false || answer.status == 101 else { return }
    traits.insert(.countedStream)
    metrics.streamOpened(route.meter)
    if traits.contains(.webSocket) { metrics.socketOpened(.tunnel) }
  }

  func closeStream() {
    if traits.contains(.countedStream) {
      metrics.streamClosed(route.meter)
      if traits.contains(.webSocket) { metrics.socketClosed(.tunnel) }
    }
    if tunnel?.hasBrokenFrames == true { metrics.observerError(.badFrame) }
  }

  /// What was observed of a stream's events, all together.
  func count(_ tap: StreamTap) {
    if tap.hasObserverErrors {
      for (kind, label) in zip(ObserverErrorKind.allCases, Label.ObserverError.allCases)
      where tap.facts.observerErrors[kind.rawValue] > 0 {
        metrics.observerError(label)
      }
    }
    if tap.facts.burstEvents > 0 { metrics.burst(tap.facts.burstEvents, route.meter) }
    guard tap.facts.eventBytes > 0 else { return }
    metrics.eventSizes(tap.facts.eventSizes, bytes: tap.facts.eventBytes, route.meter)
  }

  // MARK: - Connections

  func countConnection(from old: Label.ConnectionState?, to new: Label.ConnectionState?) {
    metrics.upstreamConnection(route.upstreamMeter, from: old, to: new)
  }

  func countRetry(_ reason: Label.RetryReason) {
    metrics.retried(reason, route.upstreamMeter)
  }

  /// A connection is there: how long each part of making it took.
  func noteConnected() {
    guard case .connecting(let pending) = phase else { return }
    countConnection(from: .connecting, to: .active)
    notes.connectNanoseconds = loop.now.nanoseconds(since: pending.start)
    let (tcp, tls) = (pending.tcpStart, pending.tlsStart)
    let hasTLS = tls.nanoseconds > 0
    if tcp > pending.start {
      let time = tcp.nanoseconds(since: pending.start)
      metrics.connectPhase(.dns, route.upstreamMeter, nanoseconds: time)
    }
    let tcpEnd = hasTLS ? tls : loop.now
    metrics.connectPhase(
      .tcp, route.upstreamMeter, nanoseconds: tcpEnd.nanoseconds(since: tcp))
    if hasTLS {
      let time = loop.now.nanoseconds(since: tls)
      metrics.connectPhase(.tls, route.upstreamMeter, nanoseconds: time)
    }
  }

  // MARK: - Backpressure

  /// The client refuses bytes, so upstream is not read.
  func beginPauseOfUpstream() {
    pausesOfUpstream &+= 1
    upstreamPaused = loop.now
    metrics.backpressureBegan(.client, route.meter)
  }

  /// What was not read because the client took nothing is no silence of upstream's.
  func endPauseOfUpstream() {
    guard let since = upstreamPaused else { return }
    upstreamPaused = nil
    let time = loop.now.nanoseconds(since: since)
    pausedNanoseconds &+= time
    tap?.excludeFromGap(nanoseconds: time)
    metrics.backpressureEnded(.client, route.meter, pausedNanoseconds: time)
  }

  /// Upstream refuses bytes, so the client is not read.
  func beginPauseOfClient() {
    pausesOfClient &+= 1
    clientPaused = loop.now
    metrics.backpressureBegan(.upstream, route.meter)
  }

  func endPauseOfClient() {
    guard let since = clientPaused else { return }
    clientPaused = nil
    let time = loop.now.nanoseconds(since: since)
    pausedNanoseconds &+= time
    metrics.backpressureEnded(.upstream, route.meter, pausedNanoseconds: time)
  }
}
