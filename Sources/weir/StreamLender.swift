// A worker's answer to a look at its streams. It reads a few hundred streams in one turn of the
// loop and goes on in the next, so that no token waits long for a status page.

import Admin
import IO
import Relay
import Telemetry

/// What a look asks of a loop.
struct StreamsRequest: Sendable {
  /// Streams to lend at most.
  var rows: Int
  /// Of ended exchanges only what came after so many.
  var endedAfter: UInt64
  /// See `MetricsShard.lend`.
  var blank = MetricsSnapshot()
}

/// Lives on its worker's loop.
final class StreamLender: TimerOwner {
  private static let readingsInOneTurn = 256

  private let worker: Int
  private let relay: Relay
  private let metrics: MetricsShard
  private let control: Mailbox<WorkerEvent>
  private var recent = RecentExchanges(capacity: StatusBoard.recentLimit)
  private var timer: LoopTimer?
  private var request = StreamsRequest(rows: 0, endedAfter: 0)
  private var readings: [StreamReading] = []
  /// Where on the roster it goes on.
  private var place = 0

  init(_ worker: Int, _ relay: Relay, _ metrics: MetricsShard, _ control: Mailbox<WorkerEvent>) {
    self.worker = worker
    self.relay = relay
    self.metrics = metrics
    self.control = control
    timer = LoopTimer(on: relay.loop, owner: self)
  }

  func note(_ record: ExchangeRecord) { recent.note(record) }

  /// Begins to read; `streams` follows in the control's mailbox. Not called again before that.
  func lend(_ request: StreamsRequest) {
    self.request = request
    place = 0
    readings = []
    readings.reserveCapacity(min(request.rows, relay.activeCount))
    readSome()
  }

  func timerFired(_ timer: LoopTimer) { readSome() }

  private func readSome() {
    let room = request.rows - readings.count
    let count = min(Self.readingsInOneTurn, room)
    guard let next = relay.readStreams(from: place, count: count, into: &readings),
      readings.count < request.rows
    else { return finish() }
    place = next
    timer?.set(relay.loop.now)
  }

  private func finish() {
    var lent = LoopStreams(loop: worker, requestIDs: relay.requestIDs)
    lent.openCount = relay.activeCount
    lent.open = readings
    lent.ended = recent.after(request.endedAfter)
    lent.endedCount = recent.count
    // Nobody else may hold the blank when the shard next counts.
    let blank = request.blank
    request.blank = MetricsSnapshot()
    lent.counted = metrics.lend(for: blank)
    readings = []
    control.send(.streams(lent))
  }
}
