// The requests that a socket's client starts, until each is a stream or has been answered otherwise.

internal import Connections
internal import Hub
internal import IO
internal import Telemetry
internal import Wire

extension HubSocket {
  /// What becomes of a request that turns out to be a stream.
  struct Prospect {
    let view: StreamView
    let credential: StreamCredential
    /// Taken before the request goes out, so that none is paid for which nobody may read.
    let seat: SubscriberSeat
    let bodyBytes: Int
  }

  /// The one request of a route that takes bodies alone.
  func startOnly(_ body: [UInt8]) {
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

  func request(for command: SocketCommand) throws(CommandRefusal) -> RequestHead {
    let host = head.headers.first("host").map { Array(head.headers.bytes[$0]) } ?? []
    return try RequestHead(of: command, host: host, defaults: defaults)
  }

  func start(
    _ command: SocketCommand, _ id: String?, head: RequestHead
  ) throws(CommandRefusal) {
    try checkRoom()
    try checkMemory(command)
    guard relay.keepsStreams(of: head) else {
      throw CommandRefusal(
        "no route whose streams are kept begins with this path", reason: "no_route")
    }
    let seat = try makersSeat()
    let request = StartedRequest(id: id, from: connection.peer, on: relay, owner: self)
    requests.append(request)
    prospects[ObjectIdentifier(request)] = Prospect(
      view: command.view, credential: StreamCredential(of: head), seat: seat,
      bodyBytes: command.body?.count ?? 0)
    request.begin(head, body: command.body ?? [])
  }

  /// Bodies lie in memory until they are sent, and what has no answer yet may wait for a place in a
  /// limit, or for its provider.
  private func checkMemory(_ command: SocketCommand) throws(CommandRefusal) {
    let waiting = prospects.values.reduce(command.body?.count ?? 0) { $0 + $1.bodyBytes }
    guard waiting <= relay.options.hub.socket.messageLimitBytes else {
      throw CommandRefusal(
        "requests of this socket that have no answer yet would have more bytes together than "
          + "hub.websocket.max_message", reason: "too_many")
    }
  }

  private func makersSeat() throws(CommandRefusal) -> SubscriberSeat {
    do throws(SeatRefusal) {
      return try relay.hub.directory.seatForMaker()
    } catch {
      throw CommandRefusal(error.message, reason: error.reason)
    }
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
      seat: wanted.seat, at: relay.hub, for: self)
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

  private func take(_ request: StartedRequest) -> Prospect? {
    requests.removeAll { $0 === request }
    return prospects.removeValue(forKey: ObjectIdentifier(request))
  }
}
