// What test suites of the WebSocket protocol talk to: sends each message back as it came, on the
// code that weir's own sockets run on.

package import Connections
package import IO
package import Wire

/// One loop's echo server. Requests that are no handshake get an HTTP error.
package final class EchoServer: RequestServer {
  private let loop: EventLoop
  private let options: WebSocketOptions
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  /// Called with each end, in their order.
  package var socketEnded: ((WebSocketEnd) -> Void)?
  /// Called with each round trip that was measured, in nanoseconds.
  package var roundTripMeasured: ((UInt64) -> Void)?
  /// The sockets that are open.
  package private(set) var sockets: [WebSocketConnection] = []

  package init(on loop: EventLoop, options: WebSocketOptions) {
    self.loop = loop
    self.options = options
  }

  package var connectionCount: Int { connections.count }

  package func serve(
    _ descriptor: Int32, from peer: SocketAddress, server: ServerOptions = ServerOptions()
  ) {
    let connection = try? ServerConnection(
      accepted: descriptor, from: peer, on: loop, tls: nil,
      in: ServerContext(server, server: self))
    if let connection { connections[ObjectIdentifier(connection)] = connection }
  }

  package func connection(
    _ connection: ServerConnection, began head: RequestHead
  ) -> any RequestHandler {
    do {
      let socket = try WebSocketConnection(
        on: connection, answering: head, loop: loop, options: options, owner: self)
      sockets.append(socket)
      return socket
    } catch {
      return Refusal(of: connection, error)
    }
  }

  package func connection(_ connection: ServerConnection, refused refusal: RequestRefusal) {}

  package func connectionClosed(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }
}

extension EchoServer: WebSocketOwner {
  package func socketOpened(_ socket: WebSocketConnection) {}
  package func socketDrained(_ socket: WebSocketConnection) {}

  package func socket(_ socket: WebSocketConnection, receivedText message: Span<UInt8>) {
    socket.send(.text, message)
  }

  package func socket(_ socket: WebSocketConnection, receivedBinary message: Span<UInt8>) {
    socket.send(.binary, message)
  }

  package func socket(_ socket: WebSocketConnection, measuredRoundTrip nanoseconds: UInt64) {
    roundTripMeasured?(nanoseconds)
  }

  package func socketEnded(_ socket: WebSocketConnection, _ end: WebSocketEnd) {
    sockets.removeAll { $0 === socket }
    socketEnded?(end)
  }
}

/// Answers a request that is no handshake.
private final class Refusal: RequestHandler {
  private let connection: ServerConnection
  private let refusal: HandshakeRefusal

  init(of connection: ServerConnection, _ refusal: HandshakeRefusal) {
    self.connection = connection
    self.refusal = refusal
  }

  func requestEnded() {
    var writer = HeadWriter()
    writer.statusLine(status: refusal.status)
    writer.field("Content-Length", 0)
    if refusal == .version { writer.field("Sec-WebSocket-Version", 13) }
    writer.field("Connection", "close")
    writer.end()
    connection.send(writer.bytes.span)
    connection.finishResponse(keepsAlive: false)
  }

  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}
  func requestReadEnded() {}
  func requestMalformed(_ error: HTTP1Error) { connection.abandon() }
  func requestTimedOut() { connection.abandon() }
  func clientDrained() {}
  func clientGone() { connection.abandon() }
  func clientTooSlow() { connection.abandon() }
}
