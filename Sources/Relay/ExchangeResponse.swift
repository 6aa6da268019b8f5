// The way down: heads rewritten as little as may be, bodies not at all.

internal import Connections
internal import Hub
internal import IO
internal import Tap
internal import Wire

extension Exchange: ResponseHandler {
  func responseHead(_ head: ResponseHead) {
    if head.isSwitchingProtocols { return switchProtocols(head) }
    if head.isInformational { return sendInterim(head) }
    endpoint?.noteAnswer(succeeded: head.status < 500, at: loop.now)
    if retry(insteadOf: head) { return }
    forgetRequest()
    traits.insert(.answered)
    answer.status = head.status
    phase = .streaming
    // Held back until the read is used up, so that the head and what came with it leave together.
    traits.insert(.clientCorked)
    connection.cork()
    beginKeeping(head)
    send(head, as: delivery(of: head))
    beginObserving(head)
    expectMore()
    // An answer that does not say how long it is comes in many reads.
    switch head.framing {
    case .chunked, .untilClose: anticipate()
    case .none, .length: break
    }
  }

  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    if let hub { return responseBody(wire, payload: payload, keptBy: hub) }
    relayBody(wire, payload: payload)
    observe(wire, payload: payload)
  }

  /// What each read of a body touches.
  private func anticipate() {
    client?.anticipate(
      MemoryHint(self, lines: 6), MemoryHint(timer, lines: 1),
      MemoryHint(tap, lines: StreamTap.cacheLines),
      connection)
  }

  func relayBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    if traits.contains(.unchunks) {
      for range in payload { sendDown(wire.extracting(range)) }
    } else {
      sendDown(wire)
    }
    uncorkClient()
    // In this order: a client that holds weir up stops the clock that has just been set.
    expectMore()
    mindWatermark()
    countDown(payload)
  }

  func sendDown(_ bytes: Span<UInt8>) {
    clientBytes &+= UInt64(bytes.count)
    connection.send(bytes)
  }

  func responseEnded() {
    if !endedTunnel() { settle(.answered) }
  }

  func responseReadEnded() {
    guard traits.contains(.clientCorked) else { return }
    uncorkClient()
    mindWatermark()
  }

  func responseFailed(_ failure: ResponseFailure) {
    if case .closingTunnel = phase { return mindTunnelsEnd() }
    if case .waiting = phase { endpoint?.noteAnswer(succeeded: false, at: loop.now) }
    switch failure {
    case .closed:
      if !retryOnFreshConnection() { settle(.upstreamClosed) }
    case .malformed(let error): settle(.upstreamMalformed(error))
    }
  }

  func uncorkClient() {
    guard traits.contains(.clientCorked) else { return }
    traits.remove(.clientCorked)
    connection.uncork()
  }

  /// Starts the clock of silence anew.
  func expectMore() {
    if case .tunnel = phase {
      setTimer(inNanoseconds: relay.options.tunnelIdleTimeout.wholeNanoseconds)
    } else {
      setTimer(inNanoseconds: route.idleNanoseconds)
    }
  }

  func send(_ head: ResponseHead, as delivery: Delivery) {
    relay.forward(head, as: delivery)
    // Taken out while it is lent, which counts no reference.
    var bytes: [UInt8] = []
    swap(&bytes, &relay.writer.bytes)
    sendDown(bytes.span)
    swap(&bytes, &relay.writer.bytes)
  }

  /// RFC 9110 §15.2: a client of HTTP/1.0 gets no interim answers.
  private func sendInterim(_ head: ResponseHead) {
    guard !traits.contains(.clientIsHTTP10) else { return }
    traits.insert(.saidInterim)
    send(head, as: Delivery())
    mindWatermark()
  }

  private func delivery(of head: ResponseHead) -> Delivery {
    var delivery = Delivery()
    let isHTTP10 = traits.contains(.clientIsHTTP10)
    var endsAtClose = false
    switch head.framing {
    case .chunked: (delivery.unchunks, endsAtClose) = (isHTTP10, isHTTP10)
    case .untilClose: endsAtClose = true
    case .none, .length: break
    }
    let keepsAlive = traits.contains(.clientPersists) && !endsAtClose && !relay.isDraining
    if delivery.unchunks { traits.insert(.unchunks) }
    if endsAtClose { traits.insert(.endsAtClose) }
    if keepsAlive { traits.insert(.keepsAlive) }
    switch (keepsAlive, isHTTP10) {
    case (true, true): delivery.connection = .keepAlive
    case (true, false), (false, true): delivery.connection = .unsaid
    case (false, false): delivery.connection = .close
    }
    delivery.streamID = hub?.recording?.id.text
    delivery.allowance = hub?.allowance
    return delivery
  }
}

// MARK: - Backpressure from the client

extension Exchange {
  /// Reads no more from upstream than the relay buffer has room for; none when it is full.
  private func mindWatermark() {
    let queued = connection.queuedBytes
    guard queued > 0, let client else { return }
    traits.insert(.readLimited)
    let room = relay.options.relayBufferBytes - queued
    if room > 0 {
      client.readLimit = room
    } else if !client.isReadingPaused {
      client.pauseReading()
      beginPauseOfUpstream()
      restTimer()
    }
  }

  func clientDrained() {
    let queued = connection.queuedBytes
    noteAccepted()
    if case .flushing(let end) = phase, queued == 0 { return settle(end) }
    if case .closingTunnel = phase { return mindTunnelsEnd() }
    guard let client, queued <= relay.options.relayBufferBytes / 2 else { return }
    if traits.contains(.readLimited) {
      client.readLimit = relay.options.relayBufferBytes - queued
      if queued == 0 { traits.remove(.readLimited) }
    }
    guard client.isReadingPaused, hub?.recording?.isHeld != true else { return }
    endPauseOfUpstream()
    client.resumeReading()
    if case .waiting = phase { awaitHead() } else { expectMore() }
  }
}
