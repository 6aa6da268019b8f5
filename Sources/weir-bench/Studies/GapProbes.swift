// Short streams beside the steady ones, with two events each: the one gap between them is a gap as any
// other, where the longest of a long stream is the one that an interruption made.

import IO

/// Opens a stream every few milliseconds and sends its two events some time apart.
final class GapProbes: TimerOwner {
  /// Enough for the 99th percentile to be no matter of one or two.
  static let count = 1000
  static let spacing = Duration.milliseconds(4)
  private static let tick = Duration.milliseconds(1)
  private static let gapNanoseconds: UInt64 = 15_000_000

  private let load: StreamLoad
  private let loop: EventLoop
  private var open: [StreamRecord] = []
  private var next: Int
  private var nextOpening: Instant
  private var timer: LoopTimer?

  /// Begins at once; the load's steady streams are open already.
  init(_ load: StreamLoad, on loop: EventLoop) {
    self.load = load
    self.loop = loop
    next = load.steadyCount
    nextOpening = loop.now
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now)
  }

  var isDone: Bool { next == load.records.count && open.isEmpty }

  func stop() {
    timer?.invalidate()
    timer = nil
  }

  func timerFired(_ timer: LoopTimer) {
    timer.set(loop.now + Self.tick)
    if loop.now >= nextOpening, next < load.records.count, load.openOne() {
      open.append(load.records[next])
      next += 1
      nextOpening = loop.now + Self.spacing
    }
    for record in open { moveOn(record) }
    open.removeAll { $0.isFinished }
  }

  private func moveOn(_ record: StreamRecord) {
    guard record.connection != nil else { return }
    let now = loop.kernel.now().nanoseconds
    let since = record.sentEvents == 0 ? record.asked : record.lastStamp
    guard now > since + Self.gapNanoseconds else { return }
    if record.sentEvents < 2 { record.sendStamped(at: now) } else { record.finish() }
  }
}
