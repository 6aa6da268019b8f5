// One request to the simulated provider and its answer, from the head's arrival to the last byte,
// the fault or the client's leaving.

internal import Connections
internal import IO
internal import Wire

final class SimulatedExchange: Enrolled {
  var rosterPlace = -1

  let connection: ServerConnection
  unowned let provider: SimulatedProvider
  let number: Int
  var phase = Phase.reading
  /// Set until the answer begins, and in tunnels not at all.
  var request: RequestHead?
  var scenario = Scenario()
  var scanner = RequestBodyScanner()
  /// The request as received, for an echo alone.
  var received: [UInt8] = []
  var body: BodyStream?
  /// The answer's head, until it is sent.
  var head: [UInt8] = []
  var keepsAlive = false
  /// When the request had arrived; later, when the next event is due.
  var due: Instant
  var timer: LoopTimer?
  private var refusal: ScenarioError?
  private var bodyBytes = 0

  enum Phase {
    case reading
    /// The head waits for its time.
    case delayed
    case dribbling(sent: Int)
    /// The head is out, and the first event waits for its time.
    case beforeFirst
    case streaming
    /// Nothing more will come.
    case stalled
    case tunnel
    case ended
  }

  /// More of a request than this is not kept to be echoed.
  private static let echoLimit = 16 << 20
  /// A tunnel's reading stops while more than this waits to go back.
  private static let tunnelBufferBytes = 64 * 1024

  init(
    _ head: RequestHead, on connection: ServerConnection, of provider: SimulatedProvider,
    number: Int
  ) {
    self.connection = connection
    self.provider = provider
    self.number = number
    due = provider.loop.now
    request = head
    do throws(ScenarioError) {
      scenario = try Scenario(of: head)
    } catch {
      refusal = error
    }
  }
}

// MARK: - The request

extension SimulatedExchange: RequestHandler {
  /// The head is there; whatever has to happen before the body comes.
  func beginRequest() {
    guard let request else { return }
    if scenario.echoes { received = request.headers.bytes }
    guard scenario.bodyReadDelay > .zero, request.framing != .none else { return askForBody() }
    connection.pauseReading()
    wait(until: due + scenario.bodyReadDelay)
  }

  private func askForBody() {
    guard request?.expectsContinue == true, request?.framing != BodyFraming.none else { return }
    connection.send(Self.continueHead.span)
  }

  private static let continueHead = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    if case .tunnel = phase { return sendBack(wire) }
    if scenario.echoes, received.count <= Self.echoLimit { received.append(copying: wire) }
    for range in payload {
      bodyBytes += range.count
      scanner.read(wire.extracting(range))
    }
  }

  func requestEnded() {
    guard let request else { return }
    // A delayed body may have come along with the head.
    connection.resumeReading()
    timer?.unset()
    due = provider.loop.now
    if let refusal { return refuse(status: 400, message: refusal.message) }
    if received.count > Self.echoLimit {
      return refuse(status: 413, message: "x-sim-echo: at most \(Self.echoLimit) bytes")
    }
    if request.isUpgrade, request.headers.list("upgrade", contains: "websocket") {
      return upgrade(request)
    }
    answer(request)
  }

  func requestReadEnded() {}

  func requestMalformed(_ error: HTTP1Error) {
    refuse(status: 400, message: error.explanation.description, mayGoOn: false)
  }

  func requestTimedOut() {
    refuse(status: 408, message: "the request body stood still", mayGoOn: false)
  }

  func clientGone() {
    if case .tunnel = phase { leave() } else { leave(cancelled: true) }
    connection.abandon()
  }

  func clientTooSlow() { clientGone() }

  /// The provider goes; the client did not.
  func abandon() {
    leave()
    connection.abandon()
  }

  /// Ends the exchange in the books; what becomes of the connection is the caller's next line.
  func leave(cancelled: Bool = false) {
    if case .ended = phase { return }
    phase = .ended
    timer?.invalidate()
    timer = nil
    provider.ended(self, cancelled: cancelled)
  }
}

// MARK: - Choosing the answer

extension SimulatedExchange {
  private func answer(_ head: RequestHead) {
    let request = AnsweredRequest(
      scenario: scenario, head: head, body: scanner, received: received)
    do throws(ScenarioError) {
      prepare(try Answer.choose(for: request, in: provider), for: head)
    } catch {
      return refuse(status: 400, message: error.message)
    }
    begin()
  }

  /// `mayGoOn`: the request is whole, so another may follow it.
  private func refuse(status: Int, message: String, mayGoOn: Bool = true) {
    guard let request else { return }
    let path = request.headers.string(request.originTarget).prefix { $0 != "?" }
    // An answer that takes none of the scenario's turns.
    scenario = Scenario()
    let refusal = Answer.refusal(
      ProviderAPI(path: String(path)), status: status, message: message)
    prepare(refusal, for: request, mayGoOn: mayGoOn)
    begin()
  }

  private func prepare(_ answer: Answer, for request: RequestHead, mayGoOn: Bool = true) {
    let isHTTP10 = request.version == .http10
    keepsAlive =
      mayGoOn && request.isPersistent && !isHTTP10 && answer.body.framing != .close
    head = isHTTP10 ? [] : interimHead
    let limits = provider.limits.count(bodyBytes: bodyBytes, at: provider.loop.now)
    head += answer.head(
      keepsAlive: keepsAlive, number: number, limits: limits, &provider.writer)
    body = answer.hasBody && !request.isMethod("HEAD") ? answer.body : nil
    self.request = nil
    received = []
  }

  private var interimHead: [UInt8] {
    switch scenario.interim {
    case 100: Self.continueHead
    case 102: Array("HTTP/1.1 102 Processing\r\n\r\n".utf8)
    case 103: Array("HTTP/1.1 103 Early Hints\r\nlink: </sim>; rel=preload\r\n\r\n".utf8)
    default: []
    }
  }
}

// MARK: - Tunnels

extension SimulatedExchange {
  private func upgrade(_ request: RequestHead) {
    let headers = request.headers
    guard let key = headers.first("sec-websocket-key"),
      Handshake.isValidKey(headers.bytes.span.extracting(key))
    else {
      return refuse(status: 400, message: "Sec-WebSocket-Key: missing, or not 16 bytes in Base64")
    }
    let proof = Handshake.accept(key: headers.bytes.span.extracting(key))
    provider.writer.reset()
    provider.writer.statusLine(status: 101)
    provider.writer.field("upgrade", "websocket")
    provider.writer.field("connection", "Upgrade")
    provider.writer.field("sec-websocket-accept", proof)
    provider.writer.end()
    let head = provider.writer.bytes
    connection.send(head.span)
    self.request = nil
    phase = .tunnel
    connection.becomeTunnel()
  }

  private func sendBack(_ bytes: Span<UInt8>) {
    connection.send(bytes)
    if connection.queuedBytes > Self.tunnelBufferBytes { connection.pauseReading() }
  }

  func tunnelDrained() {
    guard connection.isReadingPaused, connection.queuedBytes <= Self.tunnelBufferBytes / 2 else {
      return
    }
    connection.resumeReading()
  }
}

// MARK: - Time

extension SimulatedExchange: TimerOwner {
  /// `timerFired` will be called then, and only once.
  func wait(until instant: Instant) {
    let timer = timer ?? LoopTimer(on: provider.loop, owner: self)
    self.timer = timer
    timer.set(instant)
  }

  func timerFired(_ timer: LoopTimer) {
    switch phase {
    case .reading:
      connection.resumeReading()
      askForBody()
    case .delayed: sendHead()
    case .dribbling(let sent): dribble(from: sent)
    case .beforeFirst:
      phase = .streaming
      stream()
    case .streaming: stream()
    case .stalled, .tunnel, .ended: break
    }
  }
}
