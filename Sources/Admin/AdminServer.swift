// The admin port: a few pages on the control loop, for people and for scrapers.

package import Connections
package import IO
package import Wire

/// An answer of the admin port.
package struct AdminReply {
  package var status: Int
  package var contentType: StaticString
  package var body: [UInt8]
  /// Makes the body in place of `body`, while it is sent.
  package var pieces: (any PieceMaker)?
  /// What has been done to the body, because the caller asked for it.
  package var contentEncoding: StaticString?
  /// What a browser may do with the page; nil says nothing.
  package var contentSecurityPolicy: String?

  package init(
    status: Int = 200, contentType: StaticString, contentEncoding: StaticString? = nil,
    body: [UInt8]
  ) {
    self.status = status
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.body = body
  }

  /// One that is made while it is sent.
  package init(
    contentType: StaticString, contentEncoding: StaticString? = nil, pieces: any PieceMaker
  ) {
    self.init(contentType: contentType, contentEncoding: contentEncoding, body: [])
    self.pieces = pieces
  }

  package static func text(_ text: String, status: Int = 200) -> AdminReply {
    AdminReply(
      status: status, contentType: "text/plain; charset=utf-8", body: Array((text + "\n").utf8))
  }

  package static func json(_ text: String, status: Int = 200) -> AdminReply {
    AdminReply(status: status, contentType: "application/json", body: Array((text + "\n").utf8))
  }
}

/// One page: how it is asked for, and what makes it.
package struct AdminPage {
  package enum Access: Sendable {
    /// For probes and scrapers, which name the host as they like.
    case anyHost
    /// For people's browsers: a name that an attacker's DNS points here is refused, so that no
    /// web page can read it.
    case knownHost
    /// Changes something: POST, from this machine, and not from a web page.
    case change
  }

  let path: String
  let access: Access
  let answer: (RequestHead, @escaping (AdminReply) -> Void) -> Void
  /// What is answered in place of a page, and has no end.
  let feed: EventFeed?

  /// A page that takes time; `answer` calls its completion once, on the loop.
  package init(
    _ path: String, _ access: Access,
    deferred answer: @escaping (RequestHead, @escaping (AdminReply) -> Void) -> Void
  ) {
    self.path = path
    self.access = access
    self.answer = answer
    feed = nil
  }

  /// A feed of events, for listeners that know the host.
  package init(_ path: String, feed: EventFeed) {
    self.path = path
    access = .knownHost
    answer = { _, completion in completion(.text("a feed has no page", status: 500)) }
    self.feed = feed
  }

  /// A page that is ready at once.
  package init(_ path: String, _ access: Access, answer: @escaping () -> AdminReply) {
    self.init(path, access) { _, completion in completion(answer()) }
  }
}

package final class AdminServer: RequestServer {
  private let loop: EventLoop
  private let pages: [AdminPage]
  private lazy var context: ServerContext = {
    var options = ServerOptions()
    options.headLimitBytes = 16 * 1024
    options.slowClientTimeout = .seconds(20)
    return ServerContext(options, server: self)
  }()
  private var connections = Roster<ServerConnection>()
  /// Enough for every scraper and browser; a flood must not use up the relay's descriptors.
  private static let connectionLimit = 64

  package init(on loop: EventLoop, pages: [AdminPage]) {
    self.loop = loop
    self.pages = pages
  }

  /// Serves an accepted descriptor, which becomes the server's.
  package func serve(_ descriptor: Int32, from peer: SocketAddress) {
    guard connections.members.count < Self.connectionLimit else {
      return loop.kernel.close(descriptor)
    }
    let connection = try? ServerConnection(
      accepted: descriptor, from: peer, on: loop, tls: nil, in: context)
    guard let connection else { return }
    connections.add(connection)
  }

  package func close() {
    for connection in connections.members { connection.closeIfIdle() }
  }

  package func connection(
    _ connection: ServerConnection, began head: RequestHead
  ) -> any RequestHandler {
    AdminRequest(head, on: connection, pages: pages, loop: loop)
  }

  package func connection(_ connection: ServerConnection, refused refusal: RequestRefusal) {
    let status =
      switch refusal {
      case .malformed(let error): error.clientStatus
      case .headTimedOut: 408
      }
    let reply = AdminReply.text("refused", status: status)
    connection.send((AdminRequest.head(of: reply, keepsAlive: false) + reply.body).span)
  }

  package func connectionClosed(_ connection: ServerConnection) {
    connections.remove(connection)
  }
}
