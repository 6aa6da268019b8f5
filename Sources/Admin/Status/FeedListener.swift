// One who listens to the feed: a connection with an answer that does not end.

internal import Connections
internal import Wire

/// It is sent whole events or none: what a slow one cannot take is left out for it, and one that
/// takes nothing for the admin port's slow-client time is dropped.
final class FeedListener {
  static let contentType: StaticString = "text/event-stream; charset=utf-8"
  private static let defaultRows = 500

  let kinds: Set<FeedEvent>
  /// Streams to be told of at most.
  let rows: Int
  /// Called when it leaves.
  var left: (() -> Void)?
  private let connection: ServerConnection
  private let isChunked: Bool
  private var hasEnded = false

  init(_ query: AdminQuery, on connection: ServerConnection, version: HTTPVersion) {
    self.connection = connection
    isChunked = version == .http11
    let words = query.words("events")?.compactMap { FeedEvent(rawValue: String($0)) }
    kinds = words.map { Set($0) } ?? Set(FeedEvent.allCases)
    rows = query.integer("rows", in: 0...StatusBoard.rowLimit, else: Self.defaultRows)
  }

  /// Sends the head, and how soon to come again should the connection break.
  func begin() {
    var writer = HeadWriter()
    writer.statusLine(status: 200)
    writer.field("Content-Type", Self.contentType)
    if isChunked { writer.field("Transfer-Encoding", "chunked") }
    writer.field("Cache-Control", "no-store")
    writer.field("X-Content-Type-Options", "nosniff")
    writer.field("Connection", "close")
    writer.end()
    let bytes = writer.bytes + framed(Array("retry: 1000\n\n".utf8))
    connection.send(bytes.span)
  }

  /// Sends those of `events` that it wants, all of them or, while it has not taken what came before,
  /// none.
  func send(_ events: [(event: FeedEvent, text: [UInt8])]) {
    guard connection.queuedBytes == 0 else { return }
    write(events)
  }

  /// Sends what will not be said again, queued behind what has not been taken yet: such events are
  /// few and short.
  func insist(_ event: FeedEvent, _ text: [UInt8]) { write([(event, text)]) }

  /// Ends the answer by its framing. A browser that sees it break off may throw away what it has not
  /// shown yet, the word that this was the end among it.
  func end() {
    if isChunked, connection.isOpen { connection.send(Array("0\r\n\r\n".utf8).span) }
    hasEnded = true
  }

  /// Shows that somebody is there, and finds out whether the listener is.
  func keepAlive() {
    if connection.queuedBytes == 0 { write(Array(": weir is here\n\n".utf8)) }
  }

  func leave() {
    left?()
    left = nil
  }

  private func write(_ events: [(event: FeedEvent, text: [UInt8])]) {
    var bytes: [UInt8] = []
    for (event, text) in events where kinds.contains(event) {
      bytes += Array("event: \(event.rawValue)\ndata: ".utf8) + text + Array("\n\n".utf8)
    }
    if !bytes.isEmpty { write(bytes) }
  }

  private func write(_ bytes: [UInt8]) {
    guard connection.isOpen, !hasEnded else { return }
    let bytes = framed(bytes)
    connection.send(bytes.span)
  }

  private func framed(_ bytes: [UInt8]) -> [UInt8] {
    guard isChunked else { return bytes }
    let end = Array("\r\n".utf8)
    return Array(String(bytes.count, radix: 16).utf8) + end + bytes + end
  }
}
