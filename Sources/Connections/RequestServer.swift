// What a downstream connection asks of whoever serves it: limits and times, a handler for each request,
// and what it tells that handler.

package import Wire

/// Limits and times of downstream connections.
package struct ServerOptions: Sendable {
  package var headLimitBytes = 64 * 1024
  /// From a request's first byte to the end of its head.
  package var headTimeout = Duration.seconds(10)
  /// The longest silence inside a request body.
  package var bodyTimeout = Duration.seconds(60)
  /// How long a kept-alive connection may wait for its next request.
  package var idleTimeout = Duration.seconds(75)
  /// How long a client may take nothing of what is queued for it.
  package var slowClientTimeout = Duration.seconds(60)

  package init() {}
}

/// Why no request came of what a client sent.
package enum RequestRefusal: Equatable, Sendable {
  case malformed(HTTP1Error)
  case headTimedOut
}

/// Makes a handler for each request; one for all connections of a listener.
package protocol RequestServer: AnyObject {
  /// The handler gets the body next, beginning with what came along with the head.
  func connection(_ connection: ServerConnection, began head: RequestHead) -> any RequestHandler
  /// There will be no request. The server may `send` an answer; the connection closes after it.
  func connection(_ connection: ServerConnection, refused refusal: RequestRefusal)
  func connectionClosed(_ connection: ServerConnection)
}

/// What the connections of one server share, on one loop. An object, so that each of thousands has
/// room for a reference only.
package final class ServerContext {
  let options: ServerOptions
  private let supplies: ConnectionSupplies
  unowned let server: any RequestServer

  /// The server must outlive its connections.
  package init(
    _ options: ServerOptions, server: any RequestServer,
    supplies: ConnectionSupplies = ConnectionSupplies()
  ) {
    self.options = options
    self.supplies = supplies
    self.server = server
  }

  // Asked here, where what is shared is one step away: further steps count references.

  func takeScratch() -> [Range<Int>] { supplies.scratch.take() }
  func giveBack(_ scratch: inout [Range<Int>]) { supplies.scratch.giveBack(&scratch) }

  func knownHead(in bytes: Span<UInt8>) -> RequestHead? {
    supplies.heads.request(in: bytes, limitBytes: options.headLimitBytes)
  }

  func learn(_ head: RequestHead) { supplies.heads.learn(head) }
}

/// One request's side of its connection, until `finishResponse`, `cut` or `abandon`.
package protocol RequestHandler: AnyObject {
  /// Body bytes as they came, framing included, and where the payload lies among them.
  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>])
  func requestEnded()
  /// What one read brought has all been handed on: the moment to send what was gathered from it.
  func requestReadEnded()
  /// The body's framing broke a rule; what came before has been handed on.
  func requestMalformed(_ error: HTTP1Error)
  /// The client sent no body byte for `bodyTimeout`.
  func requestTimedOut()
  /// Queued bytes went out; see `queuedBytes`.
  func clientDrained()
  /// The client closed or reset. Nothing will come of what is still queued for it.
  func clientGone()
  /// The client took nothing for `slowClientTimeout`.
  func clientTooSlow()
  /// The answer is out, and the connection waits for its next request: whether the handler could serve
  /// that too. It is then kept so long, and so has let go of all that it does not need for that.
  func rest() -> Bool
}

extension RequestHandler {
  package func rest() -> Bool { false }
}
