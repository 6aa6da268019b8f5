// A request to weir itself, under /weir/streams/: it reads a kept stream, or stops it. It is no
// exchange: it goes to no upstream, and counts under the hub's own metrics.

internal import Connections
internal import Hub
internal import IO
internal import Telemetry
internal import Wire

final class HubRequest: Enrolled {
  var rosterPlace = -1
  private let connection: ServerConnection
  private let relay: Relay
  private let head: RequestHead
  private let query: RequestQuery
  private var reader: StreamReader?
  private var isNumbered = false
  private var isOver = false
  private var hasAnswered = false

  /// Why a request is answered with an error whatever it asks.
  struct Refusal: Error {
    let status: Int
    let reason: String
    let message: String
  }

  private let refusal: Refusal?

  init(
    _ head: RequestHead, on connection: ServerConnection, of relay: Relay,
    refusing refusal: Refusal? = nil
  ) {
    self.refusal = refusal
    self.head = head
    self.connection = connection
    self.relay = relay
    query = RequestQuery(head)
  }

  /// Bytes that the client has not taken.
  var queuedBytes: Int { connection.queuedBytes }

  private static let streams = Array("/weir/streams/".utf8)

  /// The stream that the path names; nil if it names none.
  private var streamID: StreamID? {
    guard query.path.starts(with: Self.streams) else { return nil }
    let name = Array(query.path.dropFirst(Self.streams.count))
    return StreamID(name.span)
  }

  private func answer() {
    hasAnswered = true
    if let refusal { return refuse(refusal.status, refusal.reason, refusal.message) }
    if head.isMethod("OPTIONS") { return allow() }
    if head.isMethod("GET"), let page = HubPage(path: query.path) { return show(page) }
    guard query.path.starts(with: Self.streams) else {
      return refuse(404, "not_found", "weir: there is nothing at this path")
    }
    guard !relay.isRefusing else {
      return refuse(503, "draining", "weir is draining and takes no new requests")
    }
    if head.isMethod("GET") { return read() }
    if head.isMethod("DELETE") { return stop() }
    refuse(405, "method_not_allowed", "weir: a stream is read with GET and stopped with DELETE")
  }

  /// Tells a browser what pages of other origins may do, and everybody else which methods there are.
  private func allow() {
    relay.writer.reset()
    relay.writer.statusLine(status: 204)
    relay.writer.field("Allow", "GET, DELETE, OPTIONS")
    if head.isPreflight, let allowance {
      relay.writer.preflightFields(allowance, for: head)
    }
    endHead(keepsAlive: keepsAlive)
    finish(keepsAlive: keepsAlive)
  }

  private var allowance: CrossOriginAllowance? {
    relay.options.hub.crossOrigin.allowance(for: head)
  }

  // MARK: Reading

  private func read() {
    guard let id = streamID else { return refuse(.gone(.unknown)) }
    guard let event = firstEvent else {
      return refuse(
        400, "invalid_request", "weir: after and Last-Event-ID are the number of an event")
    }
    do throws(FollowRefusal) {
      let policy = relay.options.hub.lag
      isNumbered = query["ids"].map { $0.elementsEqual("1".utf8) } ?? hasLastEventID
      let reader = try relay.hub.follow(
        id, as: StreamCredential(of: head), after: event,
        unit: isNumbered || policy.action == .skip ? .events : .bytes, policy: policy, for: self)
      self.reader = reader
      if reader.log.framing != .serverSentEvents { isNumbered = false }
      begin(reader.log)
      reader.pump()
    } catch {
      refuse(error)
    }
  }

  private var hasLastEventID: Bool { head.headers.first("last-event-id") != nil }

  /// The event after which to read on; 0 for all, nil for what is no number.
  private var firstEvent: Int? {
    let asked =
      query["after"] ?? head.headers.first("last-event-id").map { head.headers.bytes[$0] } ?? []
    if asked.isEmpty { return 0 }
    let text = String(decoding: asked, as: UTF8.self)
    return text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
  }

  private var isChunked: Bool { head.version == .http11 }
  private var keepsAlive: Bool { isChunked && head.isPersistent && !relay.isDraining }

  private func begin(_ log: StreamLog) {
    relay.writer.reset()
    relay.writer.statusLine(status: 200)
    relay.writer.field("Content-Type", log.contentType)
    relay.writer.field("Cache-Control", "no-store")
    relay.writer.field("x-weir-stream", log.id.text)
    if isChunked { relay.writer.field("Transfer-Encoding", "chunked") }
    if let allowance { relay.writer.fields(allowance) }
    endHead(keepsAlive: keepsAlive)
  }

  private func endHead(keepsAlive: Bool) {
    if !keepsAlive { relay.writer.field("Connection", "close") }
    relay.writer.end()
    send(relay.writer.bytes)
  }

  private func send(_ bytes: [UInt8]) { connection.send(bytes.span) }

  /// One chunk; the same for all readers of the loop that read in this form.
  private func wire(of run: StreamRun) -> [UInt8] {
    var bytes: [UInt8] = []
    if isNumbered { EventWeaving.appendNumbered(run, to: &bytes) }
    let count = isNumbered ? bytes.count : run.count
    guard isChunked else { return isNumbered ? bytes : run.joined() }
    var chunk: [UInt8] = []
    chunk.reserveCapacity(count + 16)
    chunk.append(contentsOf: String(count, radix: 16).utf8)
    chunk.append(contentsOf: "\r\n".utf8)
    if isNumbered { chunk.append(contentsOf: bytes) } else { run.append(to: &chunk) }
    chunk.append(contentsOf: "\r\n".utf8)
    return chunk
  }

  /// Pages of any origin may load the script; what it can reach is for `cors_origins` to say.
  private func show(_ page: HubPage) {
    relay.writer.reset()
    relay.writer.statusLine(status: 200)
    relay.writer.field("Content-Type", page.type)
    relay.writer.field("Content-Length", page.bytes.count)
    relay.writer.field("Cache-Control", "no-cache")
    relay.writer.field("X-Content-Type-Options", "nosniff")
    endHead(keepsAlive: keepsAlive)
    send(page.bytes)
    finish(keepsAlive: keepsAlive)
  }

  // MARK: Stopping

  private func stop() {
    guard let id = streamID else { return refuse(.gone(.unknown)) }
    switch relay.hub.stop(id, as: StreamCredential(of: head)) {
    case .found: respond(204, [])
    case .forbidden: refuse(.forbidden)
    case .gone(let absence): refuse(.gone(absence))
    }
  }

  // MARK: Answers

  private func refuse(_ refusal: FollowRefusal) {
    switch refusal {
    case .forbidden:
      refuse(403, "forbidden", "weir: this stream was made with another credential")
    case .gone(let absence): refuse(410, absence.rawValue, absence.message)
    case .full(let bound):
      refuse(bound == .streamFull ? 429 : 503, bound.rawValue, "weir: \(bound.message)")
    }
  }

  private func refuse(_ status: Int, _ reason: String, _ message: String) {
    respond(
      status,
      Array(
        "{\"error\":{\"type\":\"weir_stream\",\"reason\":\"\(reason)\",\"message\":\"\(message)\"}}"
          .utf8), error: reason)
  }

  private func respond(_ status: Int, _ body: [UInt8], error: String? = nil) {
    let keepsAlive = keepsAlive
    relay.writer.reset()
    relay.writer.statusLine(status: status)
    if let error { relay.writer.field("x-weir-error", error) }
    // Readers come and go; a moment later there may be room.
    if status == 429 || error == SeatRefusal.hubFull.rawValue {
      relay.writer.field("Retry-After", 1)
    }
    if status == 405 { relay.writer.field("Allow", "GET, DELETE, OPTIONS") }
    if status == 426 {
      relay.writer.field("Upgrade", "websocket")
      relay.writer.field("Sec-WebSocket-Version", 13)
    }
    if let allowance { relay.writer.fields(allowance) }
    if status != 204 {
      relay.writer.field("Content-Type", "application/json")
      relay.writer.field("Content-Length", body.count)
    }
    if !keepsAlive { relay.writer.field("Connection", "close") }
    relay.writer.end()
    send(relay.writer.bytes + (head.isMethod("HEAD") ? [] : body))
    finish(keepsAlive: keepsAlive)
  }

  private func finish(keepsAlive: Bool) {
    isOver = true
    relay.ended(self)
    connection.finishResponse(keepsAlive: keepsAlive)
  }

  /// So that the client can tell that this is not the stream's end. `delivering`: what the kernel
  /// has still arrives.
  func cut(delivering: Bool = false) {
    guard !isOver else { return }
    isOver = true
    reader?.leave()
    relay.ended(self)
    connection.cut(asReset: !isChunked, delivering: delivering)
  }
}

// MARK: - The stream

extension HubRequest: StreamReaderOwner {
  var room: Int {
    let (limit, queued) = (relay.options.relayBufferBytes, connection.queuedBytes)
    return queued <= limit / 2 && !isOver ? limit - queued : 0
  }

  func reader(_ reader: StreamReader, brought run: StreamRun) {
    let form = (isNumbered ? 1 : 0) + (isChunked ? 2 : 0)
    send(reader.feed.wire(of: run, form: form) { wire(of: $0) })
  }

  func reader(_ reader: StreamReader, leftOut events: Range<Int>) {
    // Other framings have no place for a word of weir's own.
    guard reader.log.framing == .serverSentEvents else { return cut() }
    let event = EventWeaving.gap(events)
    send(
      isChunked
        ? Array("\(String(event.count, radix: 16))\r\n".utf8) + event + [0x0d, 0x0a] : event)
  }

  func reader(_ reader: StreamReader, ended end: ReaderEnd) {
    self.reader = nil
    // What waits for one who does not keep up would only wait longer.
    if end == .dropped { return cut() }
    guard end == .stream(.whole) else { return cutWhenTaken() }
    if isChunked { send(Array("0\r\n\r\n".utf8)) }
    finish(keepsAlive: keepsAlive)
  }

  /// A stream that broke off is cut once the client has what came before that.
  private func cutWhenTaken() {
    if connection.queuedBytes == 0 { cut(delivering: true) }
  }
}

// MARK: - The connection

extension HubRequest: RequestHandler {
  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}

  func requestEnded() { answer() }

  func requestReadEnded() {}

  func requestMalformed(_ error: HTTP1Error) { leave() }

  func requestTimedOut() { leave() }

  func clientDrained() {
    if let reader { return reader.pump() }
    if hasAnswered { cutWhenTaken() }
  }

  func clientGone() { leave() }

  func clientTooSlow() { cut() }

  private func leave() {
    guard !isOver else { return }
    isOver = true
    reader?.leave()
    reader = nil
    relay.ended(self)
    connection.abandon()
  }
}
