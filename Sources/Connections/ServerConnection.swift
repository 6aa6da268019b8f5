// The downstream side of HTTP/1.1: one client's connection, its requests one after the other.
// What a request means, and every byte of the answer, is its handler's business.

package import IO
internal import Wire

/// One at a time: a request that comes ahead of its turn waits, and reading with it.
package final class ServerConnection: ByteStreamOwner, TimerOwner, Enrolled {
  package var rosterPlace = -1
  package let peer: SocketAddress
  /// When the first byte of the current request was read.
  package private(set) var requestStart: Instant

  private let stream: ByteStream
  private let loop: EventLoop
  private let context: ServerContext
  private var handler: (any RequestHandler)?
  private let timer: LoopTimer
  private var phase = Phase.head
  private var collector: HeadCollector
  /// What a client sent ahead of its turn: read once, then reading pauses.
  private var pipelined: [UInt8] = []
  private var isProcessing = false
  /// What the client had still to take when an ending connection was last looked at, and when that
  /// last became less.
  private var untakenBytes = UInt32.max
  private var untakenSince = Instant.distantFuture

  private enum Phase {
    /// Waiting for a request, or inside its head.
    case head
    case body(BodyReader)
    /// The request is whole; its answer is not.
    case answering
    /// Bytes both ways, without a grammar.
    case tunnel
    /// The answer is out and sending is closed; what still comes is read and dropped, because
    /// closing on unread bytes would reset the connection under the answer (RFC 9112 §9.6).
    case lingering(bytesLeft: Int)
    /// Cut where only a RST tells of it. That throws away what the client's kernel has not got, so
    /// it waits until the client has all that was sent.
    case cutting
    case closed
  }

  private static let lingerTime = Duration.seconds(2)
  private static let lingerBytes = 4 << 20
  /// How often weir asks whether the client has taken what is left.
  private static let cuttingTime = Duration.milliseconds(10)

  /// Takes over an accepted descriptor; closes it also when it throws.
  package init(
    accepted descriptor: Int32, from peer: SocketAddress, on loop: EventLoop,
    tls: TLSSession?, in context: ServerContext
  ) throws(SystemError) {
    stream = try ByteStream(accepted: descriptor, on: loop, tls: tls)
    self.peer = peer
    self.loop = loop
    self.context = context
    requestStart = loop.now
    collector = HeadCollector(
      limitBytes: context.options.headLimitBytes, allowsLeadingBlankLine: true)
    timer = LoopTimer(on: loop)
    stream.owner = self
    timer.owner = self
    timer.set(loop.now + context.options.headTimeout)
  }

  private var options: ServerOptions { context.options }
  private var server: any RequestServer { context.server }

  /// Between two requests, or before the first: nothing is lost by closing now.
  package var isIdle: Bool {
    if case .head = phase { collector.isEmpty && pipelined.isEmpty } else { false }
  }

  package var isOpen: Bool { stream.isOpen }
  package var isTLS: Bool { stream.isTLS }
}

// MARK: - For handlers

extension ServerConnection {
  package var queuedBytes: Int { stream.queuedBytes }

  /// Wire bytes of the answer; sent now as far as the client takes them.
  package func send(_ bytes: Span<UInt8>) {
    stream.write(bytes)
    mindSlowClient()
  }

  package var memory: (MemoryHint, MemoryHint) {
    (MemoryHint(self, lines: 3), MemoryHint(stream, lines: 3))
  }

  package func cork() { stream.cork() }

  package func uncork() {
    stream.uncork()
    mindSlowClient()
  }

  /// A client is slow when its socket refuses bytes, not while weir gathers them.
  private func mindSlowClient() {
    guard stream.queuedBytes > 0, !stream.isCorked, !timer.isSet else { return }
    timer.set(loop.now + options.slowClientTimeout)
  }

  package var isReadingPaused: Bool { stream.isReadingPaused }

  /// No more of the request body until `resumeReading`; the body timeout rests meanwhile.
  package func pauseReading() {
    stream.pauseReading()
    if case .body = phase { timer.unset() }
  }

  package func resumeReading() {
    if case .body = phase { timer.set(loop.now + options.bodyTimeout) }
    stream.resumeReading()
  }

  /// The answer is out to the last byte. The connection waits for the next request if it may.
  package func finishResponse(keepsAlive: Bool) {
    handler = nil
    guard keepsAlive, case .answering = phase else { return closeGently() }
    phase = .head
    if collector.isEmpty, pipelined.isEmpty { timer.set(loop.now + options.idleTimeout) }
    stream.resumeReading()
    if !isProcessing, !pipelined.isEmpty { processPipelined() }
  }

  /// Ends the connection without ending the answer: the client can tell by the framing, or by a
  /// reset where the framing has no end of its own. What is queued is lost: whoever wants it to
  /// arrive cuts when it has. What the kernel has of it, and of answers before it, still arrives
  /// where `delivering`.
  package func cut(asReset: Bool, delivering: Bool) {
    guard delivering, stream.isOpen else {
      if asReset { resetNow() } else { abandon() }
      return
    }
    guard asReset else { return closeGently() }
    handler = nil
    pipelined = []
    phase = .cutting
    (untakenBytes, untakenSince) = (.max, loop.now)
    mindUntaken()
  }

  /// Closes now; for a client that has gone.
  package func abandon() {
    if case .cutting = phase { return resetNow() }
    handler = nil
    phase = .closed
    stream.close()
    release()
  }

  private func resetNow() {
    handler = nil
    phase = .closed
    stream.reset()
    release()
  }

  /// From here on bytes pass as they are, both ways.
  package func becomeTunnel() {
    phase = .tunnel
    timer.unset()
    guard !pipelined.isEmpty else { return stream.resumeReading() }
    let ahead = pipelined
    pipelined = []
    handler?.requestBody(ahead.span, payload: [0..<ahead.count])
    stream.resumeReading()
  }

  /// Gives the descriptor away if the connection waits for a request of which nothing has come, so
  /// that another process can go on with it. Nil, and nothing has changed, if it does not, and with
  /// TLS, whose state cannot go along.
  package func handOver() -> Int32? {
    guard case .head = phase, collector.isAtStart, pipelined.isEmpty,
      let descriptor = stream.detach()
    else { return nil }
    phase = .closed
    release()
    return descriptor
  }

  /// The connection has been in use before it came here: it may wait as long as between requests.
  package func expectNextRequest() {
    timer.set(loop.now + options.idleTimeout)
  }

  /// Closes a connection that waits between requests; one at work goes on.
  package func closeIfIdle() {
    if isIdle { abandon() }
  }
}

// MARK: - Reading

extension ServerConnection {
  package func streamEstablished(_ stream: ByteStream) {}

  package func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    isProcessing = true
    process(bytes)
    isProcessing = false
    handler?.requestReadEnded()
  }

  private func process(_ bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      switch phase {
      case .head:
        // A client that does not read its answers gets no further ones.
        if stream.queuedBytes > 0 { return keep(bytes.extracting(offset...)) }
        offset += head(bytes.extracting(offset...))
      case .body(let reader):
        offset += body(bytes.extracting(offset...), reader)
      case .answering:
        return keep(bytes.extracting(offset...))
      case .tunnel:
        let rest = bytes.extracting(offset...)
        handler?.requestBody(rest, payload: [0..<rest.count])
        offset = bytes.count
      case .lingering(let left):
        phase = .lingering(bytesLeft: left - (bytes.count - offset))
        if left < bytes.count - offset { abandon() }
        offset = bytes.count
      case .cutting, .closed:
        offset = bytes.count
      }
    }
  }

  /// Reads of a head; returns how many bytes that took.
  private func head(_ bytes: Span<UInt8>) -> Int {
    if collector.isEmpty { requestStart = loop.now }
    if let head = knownHead(bytes) {
      begin(head)
      return head.headers.bytes.count
    }
    if collector.isEmpty {
      timer.set(loop.now + options.headTimeout)
    }
    do {
      switch try collector.take(bytes) {
      case .needMore:
        return bytes.count
      case .complete(let taken):
        let head = try RequestHead(parsing: collector.removeHead())
        context.learn(head)
        begin(head)
        return taken
      }
    } catch {
      refuse(.malformed(error))
      return bytes.count
    }
  }

  /// A whole head that looks like one before, and of which nothing had come yet.
  private func knownHead(_ bytes: Span<UInt8>) -> RequestHead? {
    guard collector.isAtStart else { return nil }
    return context.knownHead(in: bytes)
  }

  private func begin(_ head: RequestHead) {
    timer.unset()
    let reader = BodyReader(head.framing)
    phase = reader.isEnded ? .answering : .body(reader)
    if !reader.isEnded { timer.set(loop.now + options.bodyTimeout) }
    let handler = server.connection(self, began: head)
    // A handler that answers at once has already finished with this connection.
    switch phase {
    case .answering where reader.isEnded:
      self.handler = handler
      handler.requestEnded()
    case .body: self.handler = handler
    default: break
    }
  }

  private func body(_ bytes: Span<UInt8>, _ previous: BodyReader) -> Int {
    var reader = previous
    var payload = context.takeScratch()
    defer { context.giveBack(&payload) }
    let reading = reader.read(bytes, payload: &payload)
    let isEnded = if case .ended = reading.state { true } else { false }
    phase = isEnded ? .answering : .body(reader)
    if isEnded {
      timer.unset()
    } else if !stream.isReadingPaused {
      timer.set(loop.now + options.bodyTimeout)
    }
    if reading.consumed > 0 {
      handler?.requestBody(bytes.extracting(0..<reading.consumed), payload: payload)
    }
    if let error = reading.error {
      handler?.requestMalformed(error)
      return bytes.count
    }
    if isEnded { handler?.requestEnded() }
    return reading.consumed
  }

  private func keep(_ bytes: Span<UInt8>) {
    stream.pauseReading()
    pipelined.append(copying: bytes)
  }

  private func processPipelined() {
    guard stream.queuedBytes == 0 else { return }
    let ahead = pipelined
    pipelined = []
    stream(stream, received: ahead.span)
  }

  private func refuse(_ refusal: RequestRefusal) {
    // Still in the head: what follows it is unread or on its way, and closing on it would reset
    // the connection under the answer.
    server.connection(self, refused: refusal)
    if case .head = phase { closeGently() }
  }
}

// MARK: - Ending

extension ServerConnection {
  package func streamDrained(_ stream: ByteStream) {
    if stream.queuedBytes > 0 {
      timer.set(loop.now + options.slowClientTimeout)
      handler?.clientDrained()
      return
    }
    switch phase {
    case .body where !stream.isReadingPaused: timer.set(loop.now + options.bodyTimeout)
    case .head: timer.set(loop.now + options.idleTimeout)
    case .lingering:
      stream.finishSending()
      (untakenBytes, untakenSince) = (.max, loop.now)
      timer.set(loop.now + Self.lingerTime)
    case .cutting: mindUntaken()
    case .body, .answering, .tunnel, .closed: timer.unset()
    }
    handler?.clientDrained()
    if case .head = phase, !pipelined.isEmpty { processPipelined() }
  }

  package func streamEnded(_ stream: ByteStream, cleanly: Bool) { gone() }

  package func streamPeerClosed(_ stream: ByteStream) {
    // A tunnel's last bytes lie before that end, which shows when reading goes on.
    if case .tunnel = phase { return }
    gone()
  }

  package func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) { gone() }

  private func gone() {
    if let handler {
      handler.clientGone()
    } else {
      abandon()
    }
  }

  private func closeGently() {
    handler = nil
    guard stream.isOpen else { return }
    let hasUnread: Bool =
      switch phase {
      case .body, .head, .lingering: true
      case .answering, .tunnel, .cutting, .closed: !pipelined.isEmpty || stream.isReadingPaused
      }
    pipelined = []
    guard hasUnread || stream.queuedBytes > 0 else { return abandon() }
    phase = .lingering(bytesLeft: Self.lingerBytes)
    (untakenBytes, untakenSince) = (.max, loop.now)
    timer.set(
      loop.now + (stream.queuedBytes > 0 ? options.slowClientTimeout : Self.lingerTime))
    stream.finishSending()
    stream.resumeReading()
  }

  package func timerFired(_ timer: LoopTimer) {
    switch phase {
    case .head:
      if collector.isEmpty || stream.queuedBytes > 0 { abandon() } else { refuse(.headTimedOut) }
    case .body where stream.queuedBytes == 0: handler?.requestTimedOut()
    case .body, .answering, .tunnel: handler?.clientTooSlow()
    case .lingering where stream.queuedBytes > 0: resetNow()
    case .lingering, .cutting: mindUntaken()
    case .closed: break
    }
  }

  /// Closes once the client has all that was sent, or has taken none of it for
  /// `slowClientTimeout`: till then its kernel may be getting on with it, however slowly.
  private func mindUntaken() {
    let bytes = UInt32(clamping: stream.queuedBytes + stream.unacknowledgedBytes)
    if bytes == 0 { return abandon() }
    if bytes < untakenBytes { (untakenBytes, untakenSince) = (bytes, loop.now) }
    if loop.now >= untakenSince + options.slowClientTimeout { return resetNow() }
    if case .cutting = phase {
      timer.set(loop.now + Self.cuttingTime)
    } else {
      timer.set(loop.now + Self.lingerTime)
    }
  }

  private func release() {
    guard timer.owner != nil else { return }
    timer.invalidate()
    server.connectionClosed(self)
  }
}
