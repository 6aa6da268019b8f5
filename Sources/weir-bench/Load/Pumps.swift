// What makes the provider send: as fast as its streams take it, or by the clock.

import IO

/// Keeps every stream full, in writes of 32 events.
final class FloodPump: TimerOwner {
  static let eventsPerWrite = 32

  private let records: [StreamRecord]
  private let loop: EventLoop
  private var timer: LoopTimer?

  init(_ load: StreamLoad, on loop: EventLoop, of provider: Provider) {
    records = load.records
    self.loop = loop
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now)
    provider.drained = { [unowned self] in timer?.set(loop.now) }
  }

  /// One write for each stream that takes one; then whoever reads has its turn.
  func timerFired(_ timer: LoopTimer) {
    var hasSent = false
    for record in records where record.sendBatch(of: Self.eventsPerWrite) { hasSent = true }
    // With every stream full, the next one to drain tells.
    if hasSent { timer.set(loop.now) }
  }

  func stop() {
    timer?.invalidate()
    timer = nil
  }
}

/// Sends single events at equal distances, the streams by turns.
final class MetronomePump: TimerOwner {
  private let records: [StreamRecord]
  private let loop: EventLoop
  private let start: UInt64
  private let gapNanoseconds: UInt64
  private var sent: UInt64 = 0
  private var timer: LoopTimer?

  init(_ load: StreamLoad, on loop: EventLoop, eventsPerSecond: Int) {
    records = load.records
    self.loop = loop
    start = loop.kernel.now().nanoseconds
    gapNanoseconds = UInt64(1_000_000_000 / eventsPerSecond)
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(next)
  }

  private var next: Instant { Instant(nanoseconds: start + sent * gapNanoseconds) }

  func timerFired(_ timer: LoopTimer) {
    // One at a time also after a stop of the process, so that each is read before the next leaves.
    let now = loop.kernel.now()
    if next <= now {
      records[Int(sent % UInt64(records.count))].sendStamped(at: now.nanoseconds)
      sent += 1
    }
    timer.set(next)
  }

  func stop() {
    timer?.invalidate()
    timer = nil
  }
}
