// A look at all loops for the status pages: each lends what it has open, and the board takes it.

import Admin
import IO
import Relay
import Telemetry

/// Looks that are asked for while one is under way share it.
final class Survey {
  private let workers: [Mailbox<WorkerCommand>]
  private let counted: CountedFigures
  private let take: ([LoopStreams]) -> Void
  private var waiting: [() -> Void] = []
  private var lent: [LoopStreams] = []
  private var endedCounts: [UInt64]

  /// - Parameter take: takes what all loops have lent, in their order.
  init(
    _ workers: [Mailbox<WorkerCommand>], _ counted: CountedFigures,
    take: @escaping ([LoopStreams]) -> Void
  ) {
    self.workers = workers
    self.counted = counted
    self.take = take
    endedCounts = [UInt64](repeating: 0, count: workers.count)
  }

  /// Calls back when the look has been taken.
  func ask(_ completion: @escaping () -> Void) {
    waiting.append(completion)
    guard waiting.count == 1 else { return }
    lent = []
    for (worker, seen) in zip(workers, endedCounts) {
      worker.send(
        .lendStreams(
          StreamsRequest(
            rows: StatusBoard.rowLimit, endedAfter: seen, blank: counted.sum.blank)))
    }
  }

  func receive(_ streams: LoopStreams) {
    counted.take(streams.counted)
    lent.append(streams)
    lent[lent.count - 1].counted = MetricsSnapshot()
    endedCounts[streams.loop] = streams.endedCount
    guard lent.count == workers.count else { return }
    take(lent.sorted { $0.loop < $1.loop })
    lent = []
    let asked = waiting
    waiting = []
    for completion in asked { completion() }
  }
}
