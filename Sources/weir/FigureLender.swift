// A worker's answer to a scrape. What its exchanges hold is added up over several turns of the loop, so
// that no token waits for a metrics page; its figures are lent at the end, in one moment.

import IO
import Relay
import Telemetry

/// Lives on its worker's loop.
final class FigureLender: TimerOwner {
  private static let exchangesInOneTurn = 128

  private let relay: Relay
  private let metrics: MetricsShard
  private let control: Mailbox<WorkerEvent>
  private var timer: LoopTimer?
  private var blank = MetricsSnapshot()
  private var heldBytes = 0
  /// Where among the exchanges it goes on.
  private var place = 0

  init(_ relay: Relay, _ metrics: MetricsShard, _ control: Mailbox<WorkerEvent>) {
    self.relay = relay
    self.metrics = metrics
    self.control = control
    timer = LoopTimer(on: relay.loop, owner: self)
  }

  /// `figures` follows in the control's mailbox. Not called again before that.
  ///
  /// - Parameter blank: see `MetricsShard.lend`.
  func lend(for blank: MetricsSnapshot) {
    self.blank = blank
    (heldBytes, place) = (0, 0)
    addSome()
  }

  func timerFired(_ timer: LoopTimer) { addSome() }

  private func addSome() {
    let next = relay.addHeldBytes(from: place, count: Self.exchangesInOneTurn, to: &heldBytes)
    guard let next else { return finish() }
    place = next
    timer?.set(relay.loop.now)
  }

  private func finish() {
    // Nobody else may hold the blank when the shard next counts.
    let blank = self.blank
    self.blank = MetricsSnapshot()
    control.send(
      .figures(
        WorkerFigures(
          counted: metrics.lend(for: blank), bufferedBytes: heldBytes,
          subscriberBytes: relay.subscriberBytes, permitHolders: relay.permitHolders,
          rateLimits: relay.rateLimits, endpoints: relay.endpoints)))
  }
}
