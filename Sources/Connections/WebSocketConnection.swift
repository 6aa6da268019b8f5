// A WebSocket endpoint on a loop: a client's connection after its handshake, as messages in and out,
// with heartbeat and closing handshake. What messages mean is its owner's business.

package import IO
package import Wire

/// Limits and times of WebSocket endpoints.
package struct WebSocketOptions: Sendable {
  package var messageLimitBytes = 1 << 20
  /// Bytes queued for the client beyond which nothing more is read from it, until half of them are
  /// gone. What its owner sends on its own accord minds `WebSocketConnection.hasRoom`.
  package var queueLimitBytes = 256 * 1024
  /// Between two pings; a ping that is not answered by the time of the next one ends the connection.
  package var pingInterval = Duration.seconds(20)
  /// Whether the first ping leaves at once, so that the round trip is known early.
  package var pingsAtOnce = true
  /// How long the client may take to answer a close frame.
  package var closeTimeout = Duration.seconds(5)

  package init() {}
}

/// How a WebSocket connection ended.
package enum WebSocketEnd: Equatable, Sendable {
  /// With close frames from both sides: the client's code, nil where it gave none.
  case closed(CloseCode?)
  /// The client broke a rule, and was told its code.
  case violated(FrameError)
  /// The client's connection broke, or closed without a close frame.
  case gone
  /// The client took nothing for `ServerOptions.slowClientTimeout`.
  case tooSlow
  /// No pong came, or no answer to a close frame.
  case silent
  /// `abort` was called.
  case aborted
}

package protocol WebSocketOwner: AnyObject {
  /// The handshake is answered; messages may be sent.
  func socketOpened(_ socket: WebSocketConnection)
  /// A message that is valid UTF-8. Lent for the call alone, as is the other kind.
  func socket(_ socket: WebSocketConnection, receivedText message: Span<UInt8>)
  func socket(_ socket: WebSocketConnection, receivedBinary message: Span<UInt8>)
  /// A ping was answered.
  func socket(_ socket: WebSocketConnection, measuredRoundTrip nanoseconds: UInt64)
  /// Queued bytes went out; see `hasRoom`.
  func socketDrained(_ socket: WebSocketConnection)
  /// The last call.
  func socketEnded(_ socket: WebSocketConnection, _ end: WebSocketEnd)
}

package final class WebSocketConnection {
  /// From the last ping to its pong, in nanoseconds; nil until there was one.
  package private(set) var roundTrip: UInt64?

  private let connection: ServerConnection
  private let loop: EventLoop
  private let options: WebSocketOptions
  private var owner: (any WebSocketOwner)?
  private var phase: Phase
  private var reader: MessageReader
  private var timer: LoopTimer?
  private var frame: [UInt8] = []
  /// What was read and waits until the client takes what is queued for it.
  private var held: [UInt8] = []
  /// The ping on its way: when it left. Its payload is `pingCount`.
  private var pingSent: Instant?
  private var pingCount: UInt32 = 0

  private enum Phase {
    /// The request's head was taken; 101 is due.
    case opening(accept: [UInt8])
    case open
    /// Our close frame is out, theirs is not in.
    case closing
    case ended
  }

  /// Takes the request that has just begun on `connection` for a handshake. To be returned to the
  /// connection as the request's handler, which answers with 101.
  package init(
    on connection: ServerConnection, answering head: RequestHead, loop: EventLoop,
    options: WebSocketOptions, owner: any WebSocketOwner
  ) throws(HandshakeRefusal) {
    phase = .opening(accept: try Handshake.accept(head))
    self.connection = connection
    self.loop = loop
    self.options = options
    self.owner = owner
    reader = MessageReader(from: .client, limitBytes: options.messageLimitBytes)
  }

  package var queuedBytes: Int { connection.queuedBytes }

  /// Whether the queue is below its limit. What is sent without room is queued all the same.
  package var hasRoom: Bool { connection.queuedBytes < options.queueLimitBytes }

  package var isOpen: Bool {
    if case .open = phase { true } else { false }
  }
}

// MARK: - Sending

extension WebSocketConnection {
  /// Sends one message, whole; nothing once closing has begun.
  package func send(_ opcode: Opcode, _ message: Span<UInt8>) {
    guard isOpen else { return }
    write(opcode, message)
  }

  /// Sends messages that are frames already, whole and unmasked, so that one writing serves several.
  package func send(frames: Span<UInt8>) {
    guard isOpen else { return }
    connection.send(frames)
  }

  /// Holds messages back until `uncork`, so that those of one read leave in one call.
  package func cork() { connection.cork() }

  package func uncork() { connection.uncork() }

  /// Begins the closing handshake, after what is queued.
  package func close(_ code: CloseCode) {
    guard isOpen else { return }
    writeClose(code)
    phase = .closing
    timer?.set(loop.now + options.closeTimeout)
    // Their close frame has to be read to be found.
    resume()
  }

  /// Ends now, without a closing handshake.
  package func abort() {
    if case .ended = phase { return }
    connection.cut(asReset: false, delivering: false)
    end(.aborted)
  }

  private func write(_ opcode: Opcode, _ message: Span<UInt8>) {
    send { FrameWriter.append(opcode, message, to: &$0) }
  }

  private func writeClose(_ code: CloseCode) {
    send { FrameWriter.appendClose(code, to: &$0) }
  }

  /// Sends what `write` appends to a buffer that is used again, unless one message made it large.
  private func send(_ write: (inout [UInt8]) -> Void) {
    var bytes: [UInt8] = []
    swap(&bytes, &frame)
    write(&bytes)
    connection.send(bytes.span)
    bytes.removeAll(keepingCapacity: bytes.capacity <= 64 * 1024)
    swap(&bytes, &frame)
  }
}

// MARK: - Receiving

extension WebSocketConnection: RequestHandler {
  package func requestEnded() {
    guard case .opening(let accept) = phase else { return }
    var writer = HeadWriter()
    writer.statusLine(status: 101)
    writer.field("Upgrade", "websocket")
    writer.field("Connection", "Upgrade")
    writer.field("Sec-WebSocket-Accept", accept)
    writer.end()
    phase = .open
    connection.send(writer.bytes.span)
    let timer = LoopTimer(on: loop, owner: self)
    self.timer = timer
    owner?.socketOpened(self)
    guard isOpen else { return }
    if options.pingsAtOnce { ping() } else { timer.set(loop.now + options.pingInterval) }
    connection.becomeTunnel()
  }

  package func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    if !held.isEmpty { return held.append(copying: wire) }
    let used = read(wire)
    if used < wire.count { hold(wire.extracting(used...)) }
  }

  /// Reads messages until there are no more, or the client has to take something first. Returns how
  /// many bytes it needs no longer.
  private func read(_ bytes: Span<UInt8>) -> Int {
    var position = 0
    do throws(FrameError) {
      while true {
        switch phase {
        case .open where !hasRoom: return position
        case .open, .closing: break
        case .opening, .ended: return bytes.count
        }
        switch try reader.next(bytes, &position) {
        case .needMore: return bytes.count
        case .close(let code): answerClose(code)
        case .ping: answerPing()
        case .pong: notePong()
        case .text: deliver { $0.socket(self, receivedText: $1) }
        case .binary: deliver { $0.socket(self, receivedBinary: $1) }
        }
      }
    } catch {
      fail(error)
      return bytes.count
    }
  }

  private func deliver(_ tell: (any WebSocketOwner, Span<UInt8>) -> Void) {
    guard isOpen, let owner else { return }
    let message = reader.message
    tell(owner, message.span)
  }

  private func hold(_ bytes: Span<UInt8>) {
    connection.pauseReading()
    held.append(copying: bytes)
  }

  private func answerPing() {
    guard isOpen else { return }
    let payload = reader.control
    write(.pong, payload.span)
  }

  /// RFC 6455 §5.5.1: with the code that came, unless ours was first. The server then closes.
  private func answerClose(_ code: CloseCode?) {
    if isOpen {
      let nothing: [UInt8] = []
      if let code { writeClose(code) } else { write(.close, nothing.span) }
    }
    finish(.closed(code))
  }

  private func fail(_ error: FrameError) {
    if isOpen { writeClose(error.closeCode) }
    finish(.violated(error))
  }

  /// Reading pauses so that the connection takes its time to close: what still lies unread would
  /// make a reset of it, which could take our last frame away.
  private func finish(_ end: WebSocketEnd) {
    connection.pauseReading()
    connection.finishResponse(keepsAlive: false)
    self.end(end)
  }

  package func requestReadEnded() {}
  package func requestMalformed(_ error: HTTP1Error) {}
  package func requestTimedOut() {}

  package func clientDrained() {
    resume()
    owner?.socketDrained(self)
  }

  /// Reads on, what was held first.
  private func resume() {
    let isClosing = if case .closing = phase { true } else { false }
    guard !held.isEmpty, isClosing || queuedBytes <= options.queueLimitBytes / 2 else { return }
    let bytes = held
    held = []
    let used = read(bytes.span)
    if case .ended = phase { return }
    if used < bytes.count {
      held = Array(bytes[used...])
    } else {
      connection.resumeReading()
    }
  }

  package func clientGone() {
    connection.abandon()
    end(.gone)
  }

  package func clientTooSlow() {
    connection.cut(asReset: true, delivering: false)
    end(.tooSlow)
  }

  private func end(_ end: WebSocketEnd) {
    phase = .ended
    held = []
    timer?.invalidate()
    let owner = owner
    self.owner = nil
    owner?.socketEnded(self, end)
  }
}

// MARK: - Heartbeat

extension WebSocketConnection: TimerOwner {
  package func timerFired(_ timer: LoopTimer) {
    switch phase {
    case .open where pingSent == nil: ping()
    // A client that does not read cannot have answered, and one that is not read may have:
    // whether it takes too long is `slowClientTimeout`'s to say.
    case .open where queuedBytes > 0 || !held.isEmpty: timer.set(loop.now + options.pingInterval)
    case .open, .closing:
      connection.cut(asReset: false, delivering: false)
      end(.silent)
    case .opening, .ended: break
    }
  }

  private func ping() {
    pingCount &+= 1
    pingSent = loop.now
    write(.ping, pingPayload.span)
    timer?.set(loop.now + options.pingInterval)
  }

  private var pingPayload: [UInt8] {
    withUnsafeBytes(of: pingCount.bigEndian) { Array($0) }
  }

  /// A pong that nobody asked for is allowed, and tells nothing (RFC 6455 §5.5.3).
  private func notePong() {
    guard let sent = pingSent, reader.control == pingPayload else { return }
    pingSent = nil
    let time = loop.now.nanoseconds(since: sent)
    roundTrip = time
    owner?.socket(self, measuredRoundTrip: time)
  }
}
