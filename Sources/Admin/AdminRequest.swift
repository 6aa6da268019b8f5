// One request to the admin port: who may ask for what, and the answer.

internal import Connections
internal import IO
internal import Wire

final class AdminRequest: RequestHandler {
  private let connection: ServerConnection
  private let head: RequestHead
  private let pages: [AdminPage]
  private let loop: EventLoop
  private var isGone = false
  private var listener: FeedListener?
  private var answer: PiecewiseAnswer?

  init(
    _ head: RequestHead, on connection: ServerConnection, pages: [AdminPage], loop: EventLoop
  ) {
    self.head = head
    self.connection = connection
    self.pages = pages
    self.loop = loop
  }

  // Bodies mean nothing here; their bytes are dropped.
  func requestBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}
  func requestReadEnded() {}
  func clientDrained() { answer?.goOn() }

  func requestEnded() {
    guard let page = pages.first(where: { $0.path == path }) else {
      return reply(
        .text("no such page; try \(pages.map(\.path).joined(separator: " "))", status: 404))
    }
    if let refusal = refusal(of: page) { return reply(refusal) }
    if let feed = page.feed { return listen(to: feed) }
    page.answer(head) { [self] in reply($0) }
  }

  func requestMalformed(_ error: HTTP1Error) { reply(.text("refused", status: error.clientStatus)) }
  func requestTimedOut() { reply(.text("the request body stood still", status: 408)) }
  func clientTooSlow() { clientGone() }

  func clientGone() {
    isGone = true
    listener?.leave()
    answer?.stop()
    answer = nil
    connection.abandon()
  }

  private var path: String {
    let target = head.headers.string(head.originTarget)
    return String(target.prefix { $0 != "?" })
  }

  private func listen(to feed: EventFeed) {
    if head.isMethod("HEAD") {
      return reply(AdminReply(contentType: FeedListener.contentType, body: []))
    }
    // Another site's page cannot read the feed, but it could take up the listeners' places.
    if let site = head.headers.first("sec-fetch-site"), head.headers.string(site) == "cross-site" {
      return reply(.text("the feed is not for other sites' pages", status: 403))
    }
    let listener = FeedListener(AdminQuery(head), on: connection, version: head.version)
    guard feed.add(listener) else {
      return reply(.text("there are \(EventFeed.listenerLimit) listeners already", status: 503))
    }
    self.listener = listener
  }

  private func refusal(of page: AdminPage) -> AdminReply? {
    if case .change = page.access {
      guard head.isMethod("POST") else {
        return .text("\(page.path) changes something and wants POST", status: 405)
      }
      guard connection.peer.isLoopback, head.headers.first("origin") == nil else {
        return .text("\(page.path) is for this machine alone, and not for web pages", status: 403)
      }
    } else if !head.isMethod("GET"), !head.isMethod("HEAD") {
      return .text("\(page.path) wants GET", status: 405)
    }
    if case .anyHost = page.access { return nil }
    guard connection.peer.isUnix || hostIsKnown else {
      return .text("this Host is not known here; use an address or localhost", status: 421)
    }
    return nil
  }

  /// An address cannot be rebound by DNS, and neither can `localhost`.
  private var hostIsKnown: Bool {
    guard let range = head.headers.first("host") else { return true }
    var host = head.headers.string(range)[...]
    if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") { host = host[..<colon] }
    let name = host.hasPrefix("[") ? host.dropFirst().dropLast() : host
    return name == "localhost" || name.hasSuffix(".localhost")
      || SocketAddress(numericHost: String(name), port: 0) != nil
  }

  private func reply(_ reply: AdminReply) {
    guard !isGone, connection.isOpen else { return }
    let keepsAlive = head.isPersistent && head.version == .http11
    let isBodiless = head.isMethod("HEAD")
    connection.cork()
    connection.send(Self.head(of: reply, keepsAlive: keepsAlive).span)
    if let pieces = reply.pieces, !isBodiless {
      connection.uncork()
      return send(pieces, keepsAlive: keepsAlive)
    }
    isGone = true
    if !isBodiless { connection.send(reply.body.span) }
    connection.uncork()
    connection.finishResponse(keepsAlive: keepsAlive)
  }

  private func send(_ pieces: any PieceMaker, keepsAlive: Bool) {
    answer = PiecewiseAnswer(
      pieces, to: connection, isChunked: keepsAlive, on: loop
    ) { [unowned self] in
      isGone = true
      answer = nil
      connection.finishResponse(keepsAlive: keepsAlive)
    }
  }

  /// The head of an answer. One that is made while it is sent has no length: its end shows in its
  /// chunks, or in the connection's.
  static func head(of reply: AdminReply, keepsAlive: Bool) -> [UInt8] {
    var writer = HeadWriter()
    writer.statusLine(status: reply.status)
    writer.field("Content-Type", reply.contentType)
    if let encoding = reply.contentEncoding { writer.field("Content-Encoding", encoding) }
    if reply.pieces == nil {
      writer.field("Content-Length", reply.body.count)
    } else if keepsAlive {
      writer.field("Transfer-Encoding", "chunked")
    }
    writer.field("Cache-Control", "no-store")
    writer.field("X-Content-Type-Options", "nosniff")
    if let policy = reply.contentSecurityPolicy {
      writer.field("Content-Security-Policy", policy)
      writer.field("Referrer-Policy", "no-referrer")
    }
    if !keepsAlive { writer.field("Connection", "close") }
    writer.end()
    return writer.bytes
  }
}
