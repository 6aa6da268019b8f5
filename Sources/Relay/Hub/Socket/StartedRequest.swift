// A request that came as a message on a socket: to the relay it is a client like any other, with
// limits, retries and books, only that no connection is its own.

internal import Connections
internal import Hub
internal import IO
internal import Wire

/// Whoever started a request. Called from within the relay's work.
protocol StartedRequestOwner: AnyObject {
  /// Whether nothing more is to come for now: the provider is then not read on.
  var isFull: Bool { get }
  /// The answer is a stream that is kept: its bytes are to be had from its log.
  func request(_ request: StartedRequest, became stream: StreamID)
  /// Another answer, whole. The last call.
  func request(_ request: StartedRequest, answered status: Int, body: [UInt8])
  /// No answer, or not all of it, or too long a one. The last call.
  func request(_ request: StartedRequest, failed reason: StaticString, _ message: String)
  /// The stream's exchange is over; its end is in its log. The last call.
  func requestStreamEnded(_ request: StartedRequest)
}

final class StartedRequest: Downstream {
  /// What the client called it.
  let id: String?
  let peer: SocketAddress
  let requestStart: Instant
  private(set) var isReadingPaused = false

  private unowned let relay: Relay
  private var owner: (any StartedRequestOwner)?
  private var handler: (any RequestHandler)?
  private var collector: HeadCollector
  private var phase = Phase.head
  private var status = 0
  private var body: [UInt8] = []

  private enum Phase {
    case head
    /// An answer that is no kept stream.
    case body(BodyReader)
    case stream
    case over
  }

  /// Answers that are no streams, errors for instance; longer ones are for HTTP.
  private static let longestBody = 1 << 20

  init(id: String?, from peer: SocketAddress, on relay: Relay, owner: any StartedRequestOwner) {
    self.id = id
    self.peer = peer
    self.relay = relay
    self.owner = owner
    requestStart = relay.loop.now
    collector = HeadCollector(limitBytes: relay.options.server.headLimitBytes)
  }

  /// Begins, and may have ended when this returns.
  func begin(_ head: RequestHead, body: [UInt8]) {
    let handler = relay.begin(head, on: self)
    guard !isOver else { return }
    self.handler = handler
    // All of it lies in memory already, so there is nothing to hold back.
    if !body.isEmpty { handler.requestBody(body.span, payload: [0..<body.count]) }
    if !isOver { handler.requestEnded() }
    if !isOver { handler.requestReadEnded() }
  }

  /// Whoever started it has gone, or wants it no more: as a client that hangs up.
  func leave() {
    owner = nil
    guard !isOver else { return }
    handler?.clientGone()
    end()
  }

  /// The owner takes more again.
  func drained() { handler?.clientDrained() }

  private var isOver: Bool {
    if case .over = phase { true } else { false }
  }

  private func end() {
    phase = .over
    handler = nil
    owner = nil
    body = []
  }
}

// MARK: - The answer

extension StartedRequest {
  var queuedBytes: Int { owner?.isFull == true ? relay.options.relayBufferBytes : 0 }

  func send(_ bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      let rest = bytes.extracting(offset...)
      switch phase {
      case .head: offset += readHead(rest)
      case .body(let reader): offset += readBody(rest, reader)
      case .stream, .over: return
      }
    }
  }

  private func readHead(_ bytes: Span<UInt8>) -> Int {
    do throws(HTTP1Error) {
      switch try collector.take(bytes) {
      case .needMore: return bytes.count
      case .complete(let taken):
        begin(try ResponseHead(parsing: collector.removeHead(), answeringHEAD: false))
        return taken
      }
    } catch {
      // The relay wrote it itself, or has parsed it before.
      fail("upstream", "the answer's head cannot be read")
      return bytes.count
    }
  }

  private func begin(_ head: ResponseHead) {
    guard !head.isInformational || head.isSwitchingProtocols else { return }
    status = head.status
    let name = head.headers.first("x-weir-stream").map { Array(head.headers.bytes[$0]) } ?? []
    if (200..<300).contains(status), let stream = StreamID(name.span) {
      phase = .stream
      owner?.request(self, became: stream)
    } else {
      phase = .body(BodyReader(head.framing))
    }
  }

  private func readBody(_ bytes: Span<UInt8>, _ previous: BodyReader) -> Int {
    var (reader, ranges): (BodyReader, [Range<Int>]) = (previous, [])
    let reading = reader.read(bytes, payload: &ranges)
    phase = .body(reader)
    for range in ranges { body.append(copying: bytes.extracting(range)) }
    guard body.count <= Self.longestBody else {
      let handler = handler
      fail("too_large", "the answer is no stream, and too long for a message")
      handler?.clientGone()
      return bytes.count
    }
    return reading.state == .ended || reading.error != nil ? bytes.count : max(1, reading.consumed)
  }

  func finishResponse(keepsAlive: Bool) {
    guard let owner else { return end() }
    let (phase, body) = (phase, body)
    end()
    switch phase {
    case .stream: owner.requestStreamEnded(self)
    case .body: owner.request(self, answered: status, body: body)
    case .head, .over: break
    }
  }

  func cut(asReset: Bool, delivering: Bool) {
    guard let owner else { return end() }
    if case .stream = phase {
      end()
      owner.requestStreamEnded(self)
    } else {
      fail("cut", "the answer broke off")
    }
  }

  func abandon() { end() }

  private func fail(_ reason: StaticString, _ message: String) {
    let owner = owner
    end()
    owner?.request(self, failed: reason, message)
  }
}

// MARK: - What means nothing here

extension StartedRequest {
  func cork() {}
  func uncork() {}
  func pauseReading() { isReadingPaused = true }
  func resumeReading() { isReadingPaused = false }
  func becomeTunnel() {}
}
