// What goes to a socket's client: messages of its streams, within its queue's bound, and refusals.

internal import Connections
internal import Hub
internal import IO
internal import Telemetry
internal import Wire

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

  func refuse(_ id: String?, _ refusal: CommandRefusal) {
    message.error(id: id, reason: refusal.reason, message: refusal.message)
    send(message)
  }

  func refuse(_ id: String?, stream: StreamID, _ refusal: FollowRefusal) {
    switch refusal {
    case .forbidden:
      message.error(
        id: id, stream: stream.text, reason: "forbidden",
        message: "this stream was made with another credential")
    case .gone(let absence):
      message.error(
        id: id, stream: stream.text, reason: absence.reason, message: absence.message)
    case .full(let bound):
      message.error(id: id, stream: stream.text, reason: bound.reason, message: bound.message)
    }
    send(message)
  }
}
