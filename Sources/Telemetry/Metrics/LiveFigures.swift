// What the loops count while things happen; what is known at an exchange's end is in
// `ShardRecording`.

extension MetricsShard {
  // MARK: - Requests and streams

  /// A request head was read, of that route. `record` takes it back out of the active ones.
  package func accepted(_ route: MetricChild) {
    add(1, to: .requestsAccepted, of: route)
    add(1, to: .requestsActive, of: route)
  }

  package func streamOpened(_ route: RouteMeter) {
    add(1, to: .streamsActive, of: route.child)
    route.level.rise()
  }

  /// Must be called on the loop that called `streamOpened`, or on any other, once.
  package func streamClosed(_ route: RouteMeter) {
    subtract(1, from: .streamsActive, of: route.child)
    route.level.fall()
  }

  // MARK: - The side path

  /// The time between two content events of one stream.
  package func gap(_ nanoseconds: UInt64, _ child: ExchangeChild) {
    observe(nanoseconds, in: .interToken, of: child.common)
    guard nanoseconds > Label.StallThreshold.oneSecond.nanoseconds else { return }
    for threshold in Label.StallThreshold.allCases where nanoseconds > threshold.nanoseconds {
      add(1, to: .streamStalls, of: child.common, at: threshold.ordinal)
    }
  }

  /// Events of a stream by size, one count for each bucket of the family and one beyond the last.
  package func eventSizes(_ counts: [Int], bytes: Int, _ route: RouteMeter) {
    add(counts, sum: UInt64(bytes), toHistogram: .eventSize, of: route.child)
  }

  /// Content events beyond the first that one read brought.
  package func burst(_ events: Int, _ route: RouteMeter) {
    add(UInt64(events), to: .burstEvents, of: route.child)
  }

  package func observerError(_ kind: Label.ObserverError) {
    add(1, to: .observerErrors, of: LabelRegistry.process, at: kind.ordinal)
  }

  // MARK: - The data path

  /// Body bytes, and how long weir had them: from the read at one side to the acceptance by the
  /// other, nil where they wait for something else. One call, because it comes with every read.
  package func relayed(
    _ bytes: Int, _ direction: Label.Direction, _ route: MetricChild,
    delayNanoseconds: UInt64? = nil
  ) {
    add(UInt64(bytes), to: .relayBytes, of: route, at: direction.ordinal)
    guard let delayNanoseconds else { return }
    observe(
      delayNanoseconds, in: .relayDelay, of: LabelRegistry.process, at: direction.ordinal)
  }

  package func backpressureBegan(_ side: Label.Side, _ route: RouteMeter) {
    add(1, to: .backpressureEvents, of: route.child, at: side.ordinal)
    add(1, to: .backpressuredStreams, of: route.child, at: side.ordinal)
  }

  package func backpressureEnded(
    _ side: Label.Side, _ route: RouteMeter, pausedNanoseconds: UInt64
  ) {
    subtract(1, from: .backpressuredStreams, of: route.child, at: side.ordinal)
    add(pausedNanoseconds, to: .backpressureSeconds, of: route.child, at: side.ordinal)
  }

  // MARK: - Admission

  package func decided(
    _ decision: Label.Decision, _ limit: MetricChild, waitedNanoseconds: UInt64
  ) {
    add(1, to: .limitDecisions, of: limit, at: decision.ordinal)
    observe(waitedNanoseconds, in: .limitWait, of: limit, at: decision.ordinal)
  }

  // MARK: - Connections

  /// A connection to an upstream came, changed or went: nil is where it is not yet or no longer.
  package func upstreamConnection(
    _ upstream: MetricChild, from old: Label.ConnectionState?, to new: Label.ConnectionState?
  ) {
    if let old { subtract(1, from: .upstreamConnections, of: upstream, at: old.ordinal) }
    if let new { add(1, to: .upstreamConnections, of: upstream, at: new.ordinal) }
  }

  package func connectPhase(
    _ phase: Label.ConnectPhase, _ upstream: MetricChild, nanoseconds: UInt64
  ) {
    observe(nanoseconds, in: .upstreamConnect, of: upstream, at: phase.ordinal)
  }

  package func retried(_ reason: Label.RetryReason, _ upstream: MetricChild) {
    add(1, to: .upstreamRetries, of: upstream, at: reason.ordinal)
  }

  package func downstreamOpened() {
    add(1, to: .downstreamConnections, of: LabelRegistry.process)
    add(1, to: .downstreamConnectionsTotal, of: LabelRegistry.process)
  }

  package func downstreamClosed() {
    subtract(1, from: .downstreamConnections, of: LabelRegistry.process)
  }

  // MARK: - The hub

  package func resumed(_ result: Label.ResumeResult) {
    add(1, to: .replayResumes, of: LabelRegistry.process, at: result.ordinal)
  }

  package func subscriberJoined() { add(1, to: .subscribers, of: LabelRegistry.process) }

  package func subscriberLeft() { subtract(1, from: .subscribers, of: LabelRegistry.process) }

  package func subscriberLagged(_ action: Label.LagAction) {
    add(1, to: .subscriberLagEvents, of: LabelRegistry.process, at: action.ordinal)
  }

  // MARK: - WebSocket

  package func socketOpened(_ mode: Label.SocketMode) {
    add(1, to: .websocketSessions, of: LabelRegistry.process, at: mode.ordinal)
    add(1, to: .websocketSessionsTotal, of: LabelRegistry.process, at: mode.ordinal)
    registry.socketLevels[mode.ordinal].rise()
  }

  package func socketClosed(_ mode: Label.SocketMode) {
    subtract(1, from: .websocketSessions, of: LabelRegistry.process, at: mode.ordinal)
    registry.socketLevels[mode.ordinal].fall()
  }

  package func socketMessage(
    _ mode: Label.SocketMode, _ direction: Label.MessageDirection, bytes: UInt64, count: Int = 1
  ) {
    let place = mode.ordinal * Label.MessageDirection.allCases.count + direction.ordinal
    add(UInt64(count), to: .websocketMessages, of: LabelRegistry.process, at: place)
    add(bytes, to: .websocketBytes, of: LabelRegistry.process, at: place)
  }

  package func socketRoundTrip(_ mode: Label.SocketMode, nanoseconds: UInt64) {
    observe(nanoseconds, in: .websocketRTT, of: LabelRegistry.process, at: mode.ordinal)
  }

  // MARK: - The process

  package func loopLag(_ nanoseconds: UInt64) {
    observe(nanoseconds, in: .loopLag, of: LabelRegistry.process)
  }

  package func reloaded(_ result: Label.ReloadResult) {
    add(1, to: .configReloads, of: LabelRegistry.process, at: result.ordinal)
  }
}
