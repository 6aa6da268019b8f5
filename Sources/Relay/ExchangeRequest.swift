// The way up: connections, request bytes, and the few cases in which a request is sent again.

internal import Connections
internal import IO
internal import Telemetry
internal import Wire

extension Exchange: RequestHandler {
  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    for range in payload { requestBodyBytes &+= UInt64(range.count) }
    requestBodyRead = loop.now
    defer { observeRequest(wire, payload: payload) }
    if case .tunnel = phase {
      expectMore()
    } else if let limit = relay.options.requestBodyLimitBytes, requestBodyBytes > limit {
      return settle(.bodyTooLarge)
    }
    guard let client, traits.contains(.requestSent) else { return hold(wire) }
    if !traits.contains(.requestForgotten) { hold(wire) }
    client.send(wire)
    countUp(to: client)
    if case .waiting = phase { awaitHead() }
    pauseClientIfFull()
  }

  func requestEnded() {
    traits.insert(.requestEnded)
    noteRequest()
  }

  func requestReadEnded() {
    enterWithModel()
    sendRequest()
  }

  func requestMalformed(_ error: HTTP1Error) { settle(.refused(.malformed(error))) }

  func requestTimedOut() { settle(.bodyTimedOut) }

  func clientGone() {
    catchUp()
    if !endedTunnel(), !detach() { settle(.clientGone) }
  }

  func clientTooSlow() {
    if !detach() { settle(.slowClient) }
  }

  /// Bytes of the request in memory: to be sent still, or perhaps again.
  var heldForUpstream: Int { requestBuffer.count + (client?.queuedBytes ?? 0) }

  /// Keeps request bytes that cannot go up yet, or that may have to go up again.
  private func hold(_ wire: Span<UInt8>) {
    requestBuffer.append(copying: wire)
    mindHeldRequest()
  }

  /// Reads no more of a request than its buffer holds, but for the model that decides its limit,
  /// which may stand far behind.
  func mindHeldRequest() {
    if case .peeking = phase { return }
    guard requestBuffer.count > relay.options.requestBufferBytes else { return }
    if traits.contains(.requestSent) {
      forgetRequest()
    } else {
      connection.pauseReading()
    }
  }

  func forgetRequest() {
    guard !traits.contains(.requestForgotten) else { return }
    traits.insert(.requestForgotten)
    relay.takeBack(&requestBuffer)
  }
}

// MARK: - Connecting

extension Exchange {
  func connect(to endpoint: consuming Endpoint, allowingIdle: Bool) {
    attempts += 1
    address(to: endpoint)
    endpoint.activeCount += 1
    if allowingIdle, let idle = endpoint.takeIdle() {
      self.endpoint = consume endpoint
      traits.insert(.reusedConnection)
      countConnection(from: .idle, to: .active)
      return use(consume idle)
    }
    makeConnection(to: endpoint)
  }

  private func makeConnection(to endpoint: Endpoint) {
    self.endpoint = endpoint
    traits.remove(.reusedConnection)
    countConnection(from: nil, to: .connecting)
    restTimer()
    phase = .connecting(
      endpoint.pool.connect { [unowned self] result in
        switch result {
        case .success(let connection):
          endpoint.noteTry(succeeded: true, at: loop.now)
          noteConnected()
          use(connection)
          sendRequest()
        case .failure(let failure):
          endpoint.noteTry(succeeded: failure.isOurOwn, at: loop.now)
          retry(after: .notConnected(failure))
        }
      })
  }

  private func use(_ connection: consuming ClientConnection) {
    // The client may refuse all of a read.
    connection.readLimit = relay.readLimit
    phase = .waiting
    connection.begin(self, isHEAD: traits.contains(.head))
    client = connection
  }

  /// Sends what has been gathered, once there is a connection; the rest of the body then follows
  /// as it comes.
  func sendRequest() {
    // Taken out while they are used, which counts no reference.
    guard case .waiting = phase, !traits.contains(.requestSent), let client = client.take() else {
      return
    }
    traits.insert(.requestSent)
    // Not when the loop woke: many requests may have been read since.
    if clocks.up == nil { clocks.up = loop.readClock() }
    var request: [UInt8] = []
    swap(&request, &requestBuffer)
    client.send(request.span)
    swap(&request, &requestBuffer)
    countUp(to: client)
    self.client = consume client
    // On a fresh connection nothing is sent twice, unless the settings ask for it by status.
    let mayRepeat =
      traits.isSuperset(of: [.reusedConnection, .idempotent])
      || route.retriesAnyStatus
    if !mayRepeat || !hasTriesLeft || requestBuffer.count > relay.options.requestBufferBytes {
      forgetRequest()
    }
    awaitHead()
    // A whole request's client is paused for what it sent ahead of its turn, and stays so.
    guard connection.isReadingPaused, !traits.contains(.requestEnded) else { return }
    if !pauseClientIfFull() { connection.resumeReading() }
  }

  var hasTriesLeft: Bool { Int(attempts) < upstream?.options.attempts ?? 1 }

  func awaitHead() { setTimer(inNanoseconds: route.firstByteNanoseconds) }
}

// MARK: - Backpressure from upstream

extension Exchange {
  @discardableResult
  private func pauseClientIfFull() -> Bool {
    guard let client, client.queuedBytes >= relay.options.relayBufferBytes else { return false }
    if !connection.isReadingPaused { beginPauseOfClient() }
    connection.pauseReading()
    return true
  }

  func upstreamDrained() {
    guard let client else { return }
    if case .closingTunnel = phase { return mindTunnelsEnd() }
    if case .waiting = phase { awaitHead() }
    guard connection.isReadingPaused, traits.contains(.requestSent),
      client.queuedBytes <= relay.options.relayBufferBytes / 2
    else { return }
    endPauseOfClient()
    if !traits.contains(.requestEnded) || traits.contains(.upgrade) { connection.resumeReading() }
  }
}
