// One metrics page: every loop lends its figures between two of its events, and the control loop
// adds them up.

import Admin
import IO
import Relay
import Telemetry
import Wire

/// What a worker lends for a page.
struct WorkerFigures: Sendable {
  /// What it has counted since it last lent.
  var counted: MetricsSnapshot
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

/// All that the loops have counted, put together from what each has lent since the last time.
final class CountedFigures {
  private(set) var sum = MetricsSnapshot()

  func take(_ lent: MetricsSnapshot) { sum.merge(lent, pausing: Thread.yieldProcessor) }
}

/// Pages that wait for the loops. Scrapes that come while one is under way share its figures.
final class Scrape {
  typealias Reply = (AdminReply) -> Void

  private let workers: [Mailbox<WorkerCommand>]
  private let counted: CountedFigures
  private let page: (ExpositionFormat, LentFigures) -> Exposition
  private let limits: () -> [LimitState]
  private let clock: any Kernel
  private var waiting: [Caller] = []
  private var lent = LentFigures()
  /// What the last page took that has been written to its end.
  private(set) var lastNanoseconds: UInt64 = 0

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
  }

  init(
    _ workers: [Mailbox<WorkerCommand>], _ counted: CountedFigures, clock: any Kernel,
    limits: @escaping () -> [LimitState],
    page: @escaping (ExpositionFormat, LentFigures) -> Exposition
  ) {
    self.workers = workers
    self.counted = counted
    self.clock = clock
    self.limits = limits
    self.page = page
  }

  func ask(_ head: RequestHead, _ reply: @escaping Reply) {
    waiting.append(Caller(head, reply))
    guard waiting.count == 1 else { return }
    lent = LentFigures(limitsBefore: limits())
    for worker in workers {
      worker.send(.lendFigures(counted.sum.blank))
      // Here and below: what comes next takes a while with many series, see `PiecewiseAnswer`.
      Thread.yieldProcessor()
    }
  }

  func receive(_ figures: WorkerFigures) {
    counted.take(figures.counted)
    lent.workers.append(figures)
    lent.workers[lent.workers.count - 1].counted = MetricsSnapshot()
    guard lent.workers.count == workers.count else { return }
    lent.limits = limits()
    let asked = waiting
    waiting = []
    for caller in asked { answer(caller) }
  }

  private func answer(_ caller: Caller) {
    let start = clock.now()
    let exposition = page(caller.format, lent)
    let maker = PageMaker(
      exposition, compressing: caller.takesGzip, clock: clock,
      spent: clock.now().nanoseconds(since: start)
    ) { [weak self] in self?.lastNanoseconds = $0 }
    caller.reply(
      AdminReply(
        contentType: caller.format.contentType,
        contentEncoding: caller.takesGzip ? "gzip" : nil, pieces: maker))
  }
}
