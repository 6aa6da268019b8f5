// A WebSocket of the hub: commands in, the messages of any number of streams out, merged. Also the
// simple form, in which the one message in is a request's body.

internal import Connections
internal import Hub
internal import IO
internal import Telemetry
internal import Wire

final class HubSocket: Enrolled {
  /// What the client may say.
  enum Mode {
    case commands
    /// One body, for the request that the handshake stands for.
    case oneRequest

    /// nil for a request that opens no socket of the hub.
    init?(_ head: RequestHead, takesMessages: Bool) {
      if RequestQuery(head).path.elementsEqual("/weir/ws".utf8) {
        self = .commands
      } else if takesMessages, head.isUpgrade, head.headers.list("upgrade", contains: "websocket") {
        self = .oneRequest
      } else {
        return nil
      }
    }
  }

  var rosterPlace = -1
  private let relay: Relay
  private let connection: ServerConnection
  private let head: RequestHead
  private let mode: Mode
  private var socket: WebSocketConnection?
  private var message = SocketMessage()
  /// Fields for commands that bring none of the name: what the handshake showed, or `hello` said.
  private var defaults: [SocketCommand.Header]
  private var streams: [SocketStream] = []
  /// Requests that have no stream yet, or none at all.
  private var requests: [StartedRequest] = []
  /// How each of them is to be read.
  private var views: [ObjectIdentifier: (view: StreamView, credential: StreamCredential)] = [:]
  private var hasStarted = false
  private var isEnding = false
  /// The queue was full, and is not yet half empty.
  private var isHeldUp = false

  /// Streams and requests under way at once.
  static let mostStreams = 64

  private init(_ head: RequestHead, on connection: ServerConnection, of relay: Relay, _ mode: Mode)
  {
    self.head = head
    self.connection = connection
    self.relay = relay
    self.mode = mode
    defaults = head.headers.credentials
  }

  /// Takes over the connection that a handshake came on; returns who answers it.
  static func open(
    _ head: RequestHead, on connection: ServerConnection, of relay: Relay, _ mode: Mode
  ) throws(HubRequest.Refusal) -> WebSocketConnection {
    guard !relay.isRefusing else {
      throw HubRequest.Refusal(
        status: 503, reason: "draining", message: "weir is draining and takes no new requests")
    }
    guard head.isOfSameOrigin || relay.options.hub.crossOrigin.allowance(for: head) != nil else {
      throw HubRequest.Refusal(
        status: 403, reason: "origin", message: "weir: hub.cors_origins does not name this page")
    }
    let hub = HubSocket(head, on: connection, of: relay, mode)
    do throws(HandshakeRefusal) {
      let socket = try WebSocketConnection(
        on: connection, answering: head, loop: relay.loop, options: relay.options.hub.socket,
        owner: hub)
      hub.socket = socket
      return socket
    } catch {
      throw HubRequest.Refusal(
        status: error.status, reason: "invalid_request",
        message: "weir: this is no WebSocket handshake of version 13")
    }
  }

  /// Bytes that the client has not taken.
  var queuedBytes: Int { socket?.queuedBytes ?? 0 }

  private var metrics: MetricsShard { relay.metrics }
}

// MARK: - The socket

extension HubSocket: WebSocketOwner {
  func socketOpened(_ socket: WebSocketConnection) {
    relay.opened(self)
    metrics.socketOpened(.hub)
  }

  func socket(_ socket: WebSocketConnection, receivedText message: Span<UInt8>) {
    metrics.socketMessage(.hub, .received, bytes: UInt64(message.count))
    var bytes: [UInt8] = []
    bytes.append(copying: message)
    switch mode {
    case .commands: obey(bytes)
    case .oneRequest: startOnly(bytes)
    }
  }

  func socket(_ socket: WebSocketConnection, receivedBinary message: Span<UInt8>) {
    metrics.socketMessage(.hub, .received, bytes: UInt64(message.count))
    socket.close(.unsupportedData)
  }

  func socket(_ socket: WebSocketConnection, measuredRoundTrip nanoseconds: UInt64) {
    metrics.socketRoundTrip(.hub, nanoseconds: nanoseconds)
  }

  func socketDrained(_ socket: WebSocketConnection) {
    guard room > 0 else { return }
    for request in requests { request.drained() }
    // Who was first last time is last this time, so that one stream cannot take all the room.
    if streams.count > 1 { streams.append(streams.removeFirst()) }
    for stream in streams {
      stream.request?.drained()
      stream.pump()
    }
  }

  func socketEnded(_ socket: WebSocketConnection, _ end: WebSocketEnd) {
    isEnding = true
    self.socket = nil
    metrics.socketClosed(.hub)
    relay.ended(self)
    let (streams, requests) = (streams, requests)
    self.streams = []
    self.requests = []
    views = [:]
    for stream in streams { stream.leave() }
    for request in requests { request.leave() }
  }

  /// No new streams; the socket closes when those that it has are over.
  func drain() {
    isEnding = true
    closeIfDone()
  }

  func abort() { socket?.abort() }

  private func closeIfDone() {
    guard isEnding, streams.isEmpty, requests.isEmpty else { return }
    socket?.close(mode == .oneRequest && hasStarted ? .normal : .goingAway)
  }
}

// MARK: - Commands

extension HubSocket {
  private func obey(_ bytes: [UInt8]) {
    guard let document = JSONDocument(bytes) else {
      return refuse(nil, CommandRefusal("the message is no JSON", reason: "bad_json"))
    }
    let id = SocketCommand.id(in: document)
    do throws(CommandRefusal) {
      let command = try SocketCommand(document)
      guard !isEnding else {
        throw CommandRefusal("weir is draining and takes no new requests", reason: "draining")
      }
      switch command.name {
      case .hello: hello(command, id)
      case .start: try start(command, id, head: try request(for: command))
      case .subscribe: try subscribe(command, id)
      case .unsubscribe: try unsubscribe(command, id)
      case .stop: try stop(command, id)
      case .pause: try eachStream(command) { $0.pause() }
      case .resume: try resume(command)
      }
    } catch {
      refuse(id, error)
    }
  }

  /// The one request of a route that takes bodies alone.
  private func startOnly(_ body: [UInt8]) {
    guard !hasStarted else { return socket?.close(.policyViolation) ?? () }
    guard JSONDocument(body) != nil else {
      refuse(nil, CommandRefusal("the message is no JSON", reason: "bad_json"))
      socket?.close(.policyViolation)
      return
    }
    hasStarted = true
    isEnding = true
    let command = SocketCommand(
      startingWith: body, path: head.headers.string(head.originTarget),
      headers: head.forwardedFields)
    do throws(CommandRefusal) {
      try start(command, nil, head: try request(for: command))
    } catch {
      refuse(nil, error)
    }
    closeIfDone()
  }

  private func request(for command: SocketCommand) throws(CommandRefusal) -> RequestHead {
    let host = head.headers.first("host").map { Array(head.headers.bytes[$0]) } ?? []
    return try RequestHead(of: command, host: host, defaults: defaults)
  }

  private func hello(_ command: SocketCommand, _ id: String?) {
    for (name, value) in command.headers {
      defaults.removeAll { $0.name.lowercased() == name.lowercased() }
      defaults.append((name, value))
    }
    message.began("ready", id: id)
    send(message)
  }

  private func start(
    _ command: SocketCommand, _ id: String?, head: RequestHead
  ) throws(CommandRefusal) {
    try checkRoom()
    guard relay.keepsStreams(of: head) else {
      throw CommandRefusal(
        "no route whose streams are kept begins with this path", reason: "no_route")
    }
    let request = StartedRequest(id: id, from: connection.peer, on: relay, owner: self)
    requests.append(request)
    views[ObjectIdentifier(request)] = (command.view, StreamCredential(of: head))
    request.begin(head, body: command.body ?? [])
  }

  private func checkRoom() throws(CommandRefusal) {
    guard streams.count + requests.count < Self.mostStreams else {
      throw CommandRefusal(
        "this socket has \(Self.mostStreams) streams, as many as it may", reason: "too_many")
    }
  }

  private func subscribe(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    guard let name = command.stream else { return }
    try checkRoom()
    guard stream(name) == nil else {
      throw CommandRefusal("this socket has that stream already", reason: "subscribed")
    }
    let stream = SocketStream(
      name, as: try credential(for: command), after: command.after, offset: command.offset,
      view: command.view, lag: relay.options.hub.lag, at: relay.hub, for: self)
    do throws(FollowRefusal) {
      try stream.follow()
    } catch {
      return refuse(id, stream: name, error)
    }
    streams.append(stream)
    message.began("subscribed", id: id, stream: name.text, after: command.after)
    send(message)
    stream.pump()
  }

  /// Who asks, as if it were a request of its own.
  private func credential(for command: SocketCommand) throws(CommandRefusal) -> StreamCredential {
    StreamCredential(of: try request(for: command))
  }

  private func unsubscribe(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    let stream = try ownStream(command)
    remove(stream)
    stream.leave()
    message.began("unsubscribed", id: id, stream: stream.id.text)
    send(message)
  }

  private func stop(_ command: SocketCommand, _ id: String?) throws(CommandRefusal) {
    guard let name = command.stream else { return }
    let asker: StreamCredential
    if let own = stream(name) {
      asker = own.credential
    } else {
      asker = try credential(for: command)
    }
    switch relay.hub.stop(name, as: asker) {
    case .found:
      message.began("stopped", id: id, stream: name.text)
      send(message)
    case .forbidden: refuse(id, stream: name, .forbidden)
    case .gone(let absence): refuse(id, stream: name, .gone(absence))
    }
  }

  private func resume(_ command: SocketCommand) throws(CommandRefusal) {
    let affected = command.stream == nil ? streams : [try ownStream(command)]
    for stream in affected {
      do throws(FollowRefusal) {
        try stream.resume()
      } catch {
        remove(stream)
        stream.leave()
        refuse(nil, stream: stream.id, error)
      }
    }
  }

  private func eachStream(
    _ command: SocketCommand, _ body: (SocketStream) -> Void
  ) throws(CommandRefusal) {
    if command.stream != nil { return body(try ownStream(command)) }
    for stream in streams { body(stream) }
  }

  private func ownStream(_ command: SocketCommand) throws(CommandRefusal) -> SocketStream {
    guard let name = command.stream, let stream = stream(name) else {
      throw CommandRefusal("this socket does not have that stream", reason: "unknown")
    }
    return stream
  }

  private func stream(_ name: StreamID) -> SocketStream? { streams.first { $0.id == name } }

  private func remove(_ stream: SocketStream) { streams.removeAll { $0 === stream } }
}

// MARK: - Answers

extension HubSocket: StreamSink {
  var room: Int {
    guard let socket, socket.isOpen else { return 0 }
    return max(0, relay.options.hub.socket.queueLimitBytes - socket.queuedBytes)
  }

  var roundTrip: UInt64? { socket?.roundTrip }

  func send(_ message: SocketMessage) {
    let bytes = message.json.bytes
    metrics.socketMessage(.hub, .sent, bytes: UInt64(bytes.count))
    socket?.send(.text, bytes.span)
  }

  func send(frames: [UInt8], count: Int) {
    let payload = FrameWriter.payloadBytes(of: frames.span)
    metrics.socketMessage(.hub, .sent, bytes: UInt64(payload), count: count)
    socket?.send(frames: frames.span)
  }

  func cork() { socket?.cork() }

  func uncork() { socket?.uncork() }

  func dropped(messages: Int) {
    metrics.socketMessage(.hub, .dropped, bytes: 0, count: messages)
  }

  func streamEnded(_ stream: SocketStream) {
    remove(stream)
    // Its exchange may still wait until this socket takes more.
    if let request = stream.request { requests.append(request) }
    stream.request = nil
    closeIfDone()
  }

  private func refuse(_ id: String?, _ refusal: CommandRefusal) {
    message.error(id: id, reason: refusal.reason, message: refusal.message)
    send(message)
  }

  private func refuse(_ id: String?, stream: StreamID, _ refusal: FollowRefusal) {
    switch refusal {
    case .forbidden:
      message.error(
        id: id, stream: stream.text, reason: "forbidden",
        message: "this stream was made with another credential")
    case .gone(let absence):
      message.error(
        id: id, stream: stream.text, reason: absence.reason, message: absence.message)
    }
    send(message)
  }
}

extension HubSocket: StartedRequestOwner {
  var isFull: Bool {
    let room = room
    if room == 0 { isHeldUp = true }
    if room >= relay.options.hub.socket.queueLimitBytes / 2 { isHeldUp = false }
    return isHeldUp
  }

  func request(_ request: StartedRequest, became stream: StreamID) {
    guard let wanted = take(request) else { return }
    let started = SocketStream(
      stream, as: wanted.credential, after: 0, offset: 0, view: wanted.view, lag: makersLag,
      at: relay.hub, for: self)
    started.request = request
    streams.append(started)
    message.began("started", id: request.id, stream: stream.text)
    send(message)
    do throws(FollowRefusal) {
      try started.follow()
    } catch {
      remove(started)
      refuse(request.id, stream: stream, error)
      // Not from within the relay's work on this request, which goes on.
      started.abandonLater()
    }
  }

  /// Whoever started a stream is its client: a slow one is waited for, as over HTTP, until
  /// `slow_client_timeout` ends its socket.
  private var makersLag: LagPolicy {
    var lag = relay.options.hub.lag
    lag.action = .wait
    lag.waitNanoseconds = 1 << 60
    return lag
  }

  func request(_ request: StartedRequest, answered status: Int, body: [UInt8]) {
    guard take(request) != nil else { return }
    if (200..<300).contains(status) {
      message.chunk(id: request.id, body: body)
      send(message)
      message.done(id: request.id, stream: nil, sequence: 1)
    } else {
      message.error(id: request.id, status: status, body: body)
    }
    send(message)
    closeIfDone()
  }

  func request(_ request: StartedRequest, failed reason: StaticString, _ text: String) {
    guard take(request) != nil else { return }
    message.error(id: request.id, reason: reason, message: text)
    send(message)
    closeIfDone()
  }

  func requestStreamEnded(_ request: StartedRequest) {
    for stream in streams where stream.request === request { stream.request = nil }
    requests.removeAll { $0 === request }
    closeIfDone()
  }

  private func take(
    _ request: StartedRequest
  ) -> (view: StreamView, credential: StreamCredential)? {
    requests.removeAll { $0 === request }
    return views.removeValue(forKey: ObjectIdentifier(request))
  }
}

extension StreamAbsence {
  fileprivate var reason: StaticString {
    switch self {
    case .unknown: "unknown"
    case .expired: "expired"
    case .evicted: "evicted"
    case .encoded: "encoded"
    }
  }
}
