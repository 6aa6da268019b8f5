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
  let relay: Relay
  let connection: ServerConnection
  let head: RequestHead
  let mode: Mode
  var socket: WebSocketConnection?
  var message = SocketMessage()
  /// Fields for commands that bring none of the name: what the handshake showed, or `hello` said.
  var defaults: [SocketCommand.Header]
  var streams: [SocketStream] = []
  /// Requests that have no stream yet, or none at all.
  var requests: [StartedRequest] = []
  /// How each of them is to be read, and by whom.
  var prospects: [ObjectIdentifier: Prospect] = [:]
  var hasStarted = false
  var isEnding = false
  /// The queue was full, and is not yet half empty.
  var isHeldUp = false

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

  var metrics: MetricsShard { relay.metrics }
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
    prospects = [:]
    for stream in streams { stream.leave() }
    for request in requests { request.leave() }
  }

  /// No new streams; the socket closes when those that it has are over.
  func drain() {
    isEnding = true
    closeIfDone()
  }

  func abort() { socket?.abort() }

  func closeIfDone() {
    guard isEnding, streams.isEmpty, requests.isEmpty else { return }
    socket?.close(mode == .oneRequest && hasStarted ? .normal : .goingAway)
  }
}
