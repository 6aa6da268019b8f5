// The pages that show the board: for people, and as JSON.

package import IO
internal import Wire

package final class StatusPages {
  private let loop: EventLoop
  private let board: StatusBoard
  private let feed: EventFeed
  private let look: (@escaping () -> Void) -> Void
  private let page = StatusPage()
  private var json = StatusJSON()

  /// - Parameter look: has the board take a look at the loops, and then calls back.
  package init(
    on loop: EventLoop, board: StatusBoard, feed: EventFeed,
    look: @escaping (@escaping () -> Void) -> Void
  ) {
    self.loop = loop
    self.board = board
    self.feed = feed
    self.look = look
  }

  package var all: [AdminPage] {
    [
      AdminPage("/", .knownHost, deferred: { [unowned self] _, reply in showPage(reply) }),
      AdminPage(
        "/streams", .knownHost, deferred: { [unowned self] head, reply in showStreams(head, reply) }
      ),
      AdminPage("/events", feed: feed),
    ]
  }

  /// The page comes with its first state, so that it has something to show before it has asked.
  private func showPage(_ reply: @escaping (AdminReply) -> Void) {
    look { [unowned self] in
      let state = json.everything(board, rows: StatusPage.firstRows, at: loop.now)
      reply(page.reply(with: state))
    }
  }

  private func showStreams(_ head: RequestHead, _ reply: @escaping (AdminReply) -> Void) {
    let limit = StatusBoard.rowLimit
    let rows = AdminQuery(head).integer("rows", in: 0...limit, else: limit)
    look { [unowned self] in
      let text = json.streams(board, rows: rows) + [UInt8(ascii: "\n")]
      reply(AdminReply(contentType: "application/json", body: text))
    }
  }
}
