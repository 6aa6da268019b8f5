// One metrics page: every loop lends its figures between two of its events, and the control loop
// adds them up.

import Admin
import IO
import Relay
import Telemetry
import Wire

/// What a worker lends for a page.
struct WorkerFigures: Sendable {
  var snapshot: MetricsSnapshot
  var bufferedBytes: Int
  var subscriberBytes: Int
  /// Exchanges that hold a permit, by limit.
  var permitHolders: [String: Int]
  var rateLimits: [RateLimitReading]
  var endpoints: [EndpointReading]
}

/// All that a page is made of, and the limits as they were before and after the loops lent.
struct LentFigures {
  var workers: [WorkerFigures] = []
  var limitsBefore: [LimitState] = []
  var limits: [LimitState] = []

  /// In use less the exchanges that hold a permit; nil for a limit that did not stand still
  /// while the loops were asked one after the other.
  func drift(of limit: LimitState) -> Int? {
    let before = limitsBefore.first { $0.name == limit.name }
    // A loop that came for a granted place in between may have lent its figures before that.
    guard before?.changes == limit.changes, before?.unclaimed == limit.unclaimed else { return nil }
    return limit.drift(
      fromHolders: workers.reduce(0) { $0 + ($1.permitHolders[limit.name] ?? 0) })
  }
}

/// Pages that wait for the loops. Scrapes that come while one is under way share its figures.
final class Scrape {
  typealias Reply = (AdminReply) -> Void

  private let workers: [Mailbox<WorkerCommand>]
  private let page: (ExpositionFormat, LentFigures) -> [UInt8]
  private let limits: () -> [LimitState]
  private var waiting: [Caller] = []
  private var lent = LentFigures()

  /// Who waits for a page, and how it is wanted.
  private struct Caller {
    let format: ExpositionFormat
    let takesGzip: Bool
    let reply: Reply

    init(_ head: RequestHead, _ reply: @escaping Reply) {
      let field = { (name: StaticString) in head.headers.first(name).map(head.headers.string) }
      format = ExpositionFormat(accept: field("accept"))
      takesGzip = ExpositionFormat.takesGzip(acceptEncoding: field("accept-encoding"))
      self.reply = reply
    }

    func send(_ page: [UInt8]) {
      let type = format.contentType
      guard takesGzip else { return reply(AdminReply(contentType: type, body: page)) }
      let body = LineGzip.compress(page.span)
      reply(AdminReply(contentType: type, contentEncoding: "gzip", body: body))
    }
  }

  init(
    _ workers: [Mailbox<WorkerCommand>], limits: @escaping () -> [LimitState],
    page: @escaping (ExpositionFormat, LentFigures) -> [UInt8]
  ) {
    self.workers = workers
    self.limits = limits
    self.page = page
  }

  func ask(_ head: RequestHead, _ reply: @escaping Reply) {
    waiting.append(Caller(head, reply))
    guard waiting.count == 1 else { return }
    lent = LentFigures(limitsBefore: limits())
    for worker in workers { worker.send(.lendFigures) }
  }

  func receive(_ figures: WorkerFigures) {
    lent.workers.append(figures)
    guard lent.workers.count == workers.count else { return }
    lent.limits = limits()
    let asked = waiting
    waiting = []
    for caller in asked { caller.send(page(caller.format, lent)) }
  }
}
