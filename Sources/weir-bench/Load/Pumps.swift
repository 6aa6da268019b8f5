// What makes the provider send: as fast as its streams take it, or by the clock.

import IO

/// Sends on every stream in writes of 32 events, as fast as they are taken.
final class FloodPump: TimerOwner {
  static let eventsPerWrite = 32

  private let load: StreamLoad
  private let provider: Provider
  private let loop: EventLoop
  private let isStepwise: Bool
  private var timer: LoopTimer?

  /// `stepwise`: a stream's next write waits until the client has the one before, so that a proxy
  /// finds one write in each of its reads. Otherwise socket buffers fill up, and how much a proxy
  /// finds is a matter of how much it asks for.
  init(_ load: StreamLoad, on loop: EventLoop, of provider: Provider, stepwise: Bool) {
    self.load = load
    self.loop = loop
    self.provider = provider
    isStepwise = stepwise
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now)
    provider.drained = { [unowned self] in timer?.set(loop.now) }
    if stepwise { load.received = { [unowned self] in timer?.set(loop.now) } }
  }

  /// One write for each stream that takes one; then whoever reads has its turn.
  func timerFired(_ timer: LoopTimer) {
    var hasSent = false
    for record in load.records where !isStepwise || record.receivedEvents == record.sentEvents {
      if record.sendBatch(of: Self.eventsPerWrite) { hasSent = true }
    }
    // With every stream full, the next one to drain tells. A timer set for this very moment would
    // fire again before anybody has read.
    if hasSent && !isStepwise { timer.set(loop.now + .nanoseconds(1)) }
  }

  func stop() {
    timer?.invalidate()
    timer = nil
    provider.drained = {}
    load.received = {}
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
    records = Array(load.records.prefix(load.steadyCount))
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
      let record = records[Int(sent % UInt64(records.count))]
      // One that has not been asked for has its turn all the same.
      if record.connection != nil { record.sendStamped(at: now.nanoseconds) }
      sent += 1
    }
    timer.set(next)
  }

  func stop() {
    timer?.invalidate()
    timer = nil
  }
}
