// The downstream side of HTTP/1.1: one client's connection, its requests one after the other.
// What a request means, and every byte of the answer, is its handler's business.

package import IO
internal import Wire

/// One at a time: a request that comes ahead of its turn waits, and reading with it.
package final class ServerConnection: ByteStreamOwner, TimerOwner, Enrolled {
  package var rosterPlace = -1
  package let peer: SocketAddress
  /// When the first byte of the current request was read.
  package internal(set) var requestStart: Instant

  let stream: ByteStream
  let loop: EventLoop
  let context: ServerContext
  var handler: (any RequestHandler)?
  /// Who handled the request before and rests, while none is under way.
  private var formerHandler: AnyObject?
  let timer: LoopTimer
  var phase = Phase.head
  var collector: HeadCollector
  /// What a client sent ahead of its turn: read once, then reading pauses.
  var pipelined: [UInt8] = []
  var isProcessing = false
  /// What the client had still to take when an ending connection was last looked at, and when that
  /// last became less.
  var untakenBytes = UInt32.max
  var untakenSince = Instant.distantFuture

  enum Phase {
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

  static let lingerTime = Duration.seconds(2)
  static let lingerBytes = 4 << 20
  /// How often weir asks whether the client has taken what is left.
  static let cuttingTime = Duration.milliseconds(10)

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

  var options: ServerOptions { context.options }
  var server: any RequestServer { context.server }

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
    let former = handler.take()
    guard keepsAlive, case .answering = phase else { return closeGently() }
    phase = .head
    if collector.isEmpty, pipelined.isEmpty { timer.set(loop.now + options.idleTimeout) }
    stream.resumeReading()
    // The next request would be in the middle of this one's last call.
    if !isProcessing, !pipelined.isEmpty { return processPipelined() }
    if let former, former.rest() { formerHandler = former }
  }

  /// Who handled the request before and rests since; for the server to use again. It is given away, so
  /// that nobody else may hold it.
  package func takeFormerHandler() -> AnyObject? { formerHandler.take() }

  /// Lets go of the handler that rests: it holds its connection, and what it was made with.
  package func forgetFormerHandler() { formerHandler = nil }

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
