// The upstream side of HTTP/1.1: one connection to a provider, one answer at a time.

package import IO
package import Wire

/// Why an answer did not come, or not whole.
package enum ResponseFailure: Error, Equatable, Sendable {
  /// Closed or reset before the head, or inside what the framing promised.
  case closed
  case malformed(HTTP1Error)
}

/// One answer's receiver, from `begin` until `responseEnded` or `responseFailed`.
package protocol ResponseHandler: AnyObject {
  /// An interim head (1xx but 101), any number of times, or the final one.
  func responseHead(_ head: ResponseHead)
  /// Body bytes as they came, framing included, and where the payload lies among them.
  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>])
  /// The framing's end; for a tunnel, the peer's FIN.
  func responseEnded()
  /// What came in one read with a head has all been handed on: the moment to send what was gathered from it.
  func responseReadEnded()
  func responseFailed(_ failure: ResponseFailure)
  /// Queued request bytes went out; see `queuedBytes`.
  func upstreamDrained()
}

package final class ClientConnection: ByteStreamOwner {
  package let address: SocketAddress
  /// Requests begun on it, the current one included.
  package private(set) var requestCount = 0
  /// Whether the next request may use it: the answer ended by its framing, upstream keeps the
  /// connection, and nothing stands behind the answer.
  package private(set) var isReusable = false

  private let stream: ByteStream
  private let supplies: ConnectionSupplies
  private let headLimitBytes: Int
  private var handler: (any ResponseHandler)?
  private var phase = Phase.idle
  private var collector: HeadCollector
  private var answersHEAD = false
  private var keepsAlive = false
  /// Where it was kept last, and until when it is while nobody uses it.
  private var pool: UpstreamPool?
  private(set) var idleDeadline = Instant.distantFuture

  private enum Phase {
    case idle
    case head
    case body(BodyReader)
    case tunnel
    case ended
  }

  /// Takes over an established stream.
  package init(
    _ stream: ByteStream, to address: SocketAddress, headLimitBytes: Int,
    supplies: ConnectionSupplies
  ) {
    self.stream = stream
    self.address = address
    self.supplies = supplies
    self.headLimitBytes = headLimitBytes
    collector = HeadCollector(limitBytes: headLimitBytes, allowsLeadingBlankLine: false)
    stream.owner = self
  }

  package var isOpen: Bool { stream.isOpen }
  /// No news of the peer's leaving has come; none may be on its way.
  package var isUsable: Bool { stream.isOpen && !stream.isPeerClosed }
  package var isTLSResumed: Bool { stream.isResumed }
  package var queuedBytes: Int { stream.queuedBytes }
}

// MARK: - Requests

extension ClientConnection {
  /// The next answer is for `handler`. Its request is `send`'s to write.
  package func begin(_ handler: any ResponseHandler, isHEAD: Bool) {
    precondition(self.handler == nil, "a connection was given a second request")
    self.handler = handler
    answersHEAD = isHEAD
    isReusable = false
    requestCount += 1
    phase = .head
    stream.resumeReading()
  }

  /// Wire bytes of the request; sent now as far as upstream takes them.
  package func send(_ bytes: Span<UInt8>) { stream.write(bytes) }

  /// Where the bytes of the current answer go, once these come in many reads.
  package func anticipate(
    _ handler: MemoryHint, _ timer: MemoryHint, _ tap: MemoryHint, _ downstream: any Downstream
  ) {
    let (connection, its) = downstream.memory
    stream.upcoming = UpcomingMemory([
      MemoryHint(self, lines: 4), handler, timer, connection, its, tap,
    ])
  }

  package var isReadingPaused: Bool { stream.isReadingPaused }
  package func pauseReading() { stream.pauseReading() }
  package func resumeReading() { stream.resumeReading() }

  /// Reads what has come, if anything: for who must know of an end before it is told.
  package func readNow() { stream.readNow() }

  /// The most bytes that the next read may bring.
  package var readLimit: Int {
    get { stream.readLimit }
    set { stream.readLimit = newValue }
  }

  /// Closes now, in whatever phase; the handler hears nothing more.
  package func close() {
    handler = nil
    phase = .ended
    pool = nil
    stream.close()
  }

  /// Lets go of the handler after an answer that left the connection reusable. Until it is used again
  /// the pool hears of its death, and at `deadline` it has waited long enough.
  func rest(in pool: UpstreamPool, until deadline: Instant) {
    precondition(isReusable, "a connection that cannot be used again was kept")
    handler = nil
    phase = .idle
    // It comes back to the same one.
    if self.pool == nil { self.pool = pool }
    idleDeadline = deadline
    stream.readLimit = LoopBuffers.readSize
    stream.upcoming = UpcomingMemory()
    stream.acknowledgements?.rest()
    stream.resumeReading()
  }
}

// MARK: - Answers

extension ClientConnection {
  package func streamEstablished(_ stream: ByteStream) {}

  package func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    var offset = 0
    var bringsHead = false
    while offset < bytes.count, stream.isOpen {
      let rest = offset == 0 ? bytes : bytes.extracting(offset...)
      switch phase {
      case .head:
        offset += head(rest)
        bringsHead = true
      case .body(let reader): offset += body(rest, reader)
      case .tunnel:
        handler?.responseBody(rest, payload: [0..<rest.count])
        offset = bytes.count
      case .idle, .ended:
        // Nobody asked for this: what stands behind an answer could be taken for the next one.
        isReusable = false
        if case .idle = phase { die() }
        return
      }
    }
    // Most reads bring a body's bytes alone: to ask for the handler once more counts a reference.
    if bringsHead { handler?.responseReadEnded() }
  }

  /// Apart from what each read of a body passes through.
  @inline(never)
  private func head(_ bytes: Span<UInt8>) -> Int {
    // A whole head that looks like one before, and of which nothing had come yet.
    guard collector.isAtStart,
      let head = supplies.heads.response(
        in: bytes, limitBytes: headLimitBytes, answeringHEAD: answersHEAD)
    else { return unknownHead(bytes) }
    return begin(head, of: bytes)
  }

  /// Returns how many of the bytes are the head's. Asked for where the head is made, that costs a copy of it.
  private func begin(_ head: ResponseHead, of bytes: Span<UInt8>) -> Int {
    let taken = head.headers.bytes.count
    begin(head, isLastOfRead: taken == bytes.count)
    return taken
  }

  private func unknownHead(_ bytes: Span<UInt8>) -> Int {
    do {
      switch try collector.take(bytes) {
      case .needMore:
        return bytes.count
      case .complete(let taken):
        let head = try ResponseHead(parsing: collector.removeHead(), answeringHEAD: answersHEAD)
        supplies.heads.learn(head, answeringHEAD: answersHEAD)
        begin(head, isLastOfRead: taken == bytes.count)
        return taken
      }
    } catch {
      fail(.malformed(error))
      return bytes.count
    }
  }

  private func begin(_ head: ResponseHead, isLastOfRead: Bool) {
    if head.isSwitchingProtocols {
      phase = .tunnel
      handler?.responseHead(head)
      return
    }
    guard !head.isInformational else { return handler?.responseHead(head) ?? () }
    let reader = BodyReader(head.framing)
    // An answer that ends with its connection is not persistent.
    keepsAlive = head.isPersistent
    phase = reader.isEnded ? .ended : .body(reader)
    isReusable = reader.isEnded && keepsAlive && isLastOfRead
    handler?.responseHead(head)
    if reader.isEnded { handler?.responseEnded() }
  }

  private func body(_ bytes: Span<UInt8>, _ previous: BodyReader) -> Int {
    var reader = previous
    var payload = supplies.scratch.take()
    defer { supplies.scratch.giveBack(&payload) }
    let reading = reader.read(bytes, payload: &payload)
    let isEnded = if case .ended = reading.state { true } else { false }
    phase = isEnded ? .ended : .body(reader)
    // Held once for both calls; if the first lets go of it, it hears no more.
    guard let handler else { return bytes.count }
    if reading.consumed > 0 {
      let wire = reading.consumed == bytes.count ? bytes : bytes.extracting(0..<reading.consumed)
      handler.responseBody(wire, payload: payload)
    }
    if let error = reading.error {
      fail(.malformed(error))
      return bytes.count
    }
    if isEnded {
      isReusable = keepsAlive && reading.consumed == bytes.count
      if self.handler != nil { handler.responseEnded() }
      return bytes.count
    }
    return reading.consumed
  }

  package func streamDrained(_ stream: ByteStream) { handler?.upstreamDrained() }

  /// Reading is paused by a slow client: the end will show when reading goes on.
  package func streamPeerClosed(_ stream: ByteStream) {}

  package func streamEnded(_ stream: ByteStream, cleanly: Bool) {
    isReusable = false
    switch phase {
    case .idle: die()
    case .ended: break
    case .tunnel:
      handler?.responseEnded()
    case .body(let reader) where reader.endsWellAtClose && cleanly:
      phase = .ended
      handler?.responseEnded()
    case .head, .body: fail(.closed)
    }
  }

  package func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {
    isReusable = false
    switch phase {
    case .idle: die()
    case .ended: break
    case .head, .body, .tunnel: fail(.closed)
    }
  }

  private func fail(_ failure: ResponseFailure) {
    phase = .ended
    isReusable = false
    stream.pauseReading()
    handler?.responseFailed(failure)
  }

  private func die() {
    phase = .ended
    if let pool { pool.discard(self) } else { close() }
  }
}
