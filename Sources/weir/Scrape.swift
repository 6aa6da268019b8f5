// One metrics page: every loop lends its figures between two of its events, and the control loop
// adds them up.

import Admin
import IO
import Telemetry
import Wire

/// What a worker lends for a page.
struct WorkerFigures: Sendable {
  var snapshot: MetricsSnapshot
  var bufferedBytes: Int
}

/// Pages that wait for the loops. Scrapes that come while one is under way share its figures.
final class Scrape {
  typealias Reply = (AdminReply) -> Void

  private let workers: [Mailbox<WorkerCommand>]
  private let page: (ExpositionFormat, [WorkerFigures]) -> [UInt8]
  private var waiting: [(ExpositionFormat, Reply)] = []
  private var figures: [WorkerFigures] = []

  init(
    _ workers: [Mailbox<WorkerCommand>],
    page: @escaping (ExpositionFormat, [WorkerFigures]) -> [UInt8]
  ) {
    self.workers = workers
    self.page = page
  }

  func ask(_ head: RequestHead, _ reply: @escaping Reply) {
    let accept = head.headers.first("accept").map(head.headers.string)
    waiting.append((ExpositionFormat(accept: accept), reply))
    guard waiting.count == 1 else { return }
    figures = []
    for worker in workers { worker.send(.lendFigures) }
  }

  func receive(_ lent: WorkerFigures) {
    figures.append(lent)
    guard figures.count == workers.count else { return }
    let asked = waiting
    waiting = []
    for (format, reply) in asked {
      reply(AdminReply(contentType: format.contentType, body: page(format, figures)))
    }
  }
}
