// A client that reads nothing, beside others that do: what it costs the proxy's memory and the
// others' latency. In the end it reads after all, so that what was held back is seen to be right.

import IO

extension Rig {
  func stalled(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    guard let tree = subject.tree else { return [:] }
    let load = StreamLoad(self, subject, count: sizes.pacedStreams, isStamped: true)
    defer { load.close() }
    try load.open()
    usesRealTime(true, with: subject)
    defer { usesRealTime(false, with: subject) }
    let rate = sizes.pacedStreams * sizes.pacedEventsPerSecond
    let pump = MetronomePump(load, on: loop, eventsPerSecond: rate)
    defer { pump.stop() }
    try run(for: sizes.warmUp)
    let before = try tail(of: load, sizes)
    let residentBefore = tree.residentKiB

    let stall = StalledStream(self, subject, number: sizes.pacedStreams, sizes.stalledEvents)
    defer { stall.close() }
    try stall.fill()
    let during = try tail(of: load, sizes)
    let residentAfter = tree.residentKiB
    try load.check()

    pump.stop()
    usesRealTime(false, with: subject)
    try load.finish()
    try stall.readAll()
    return [
      .stalledGrowth: Double(residentAfter - residentBefore) / 1024,
      .stalledTail: during / max(before, 1),
    ]
  }

  /// The 99th percentile of the latency from now on, in nanoseconds.
  private func tail(of load: StreamLoad, _ sizes: Sizes) throws(BenchError) -> Double {
    load.startSampling()
    try run(for: sizes.window)
    return load.stopSampling().percentile(99, medianOfParts: Self.parts)
  }
}

/// A stream that the provider sends as fast as it is taken, and whose client does not read.
final class StalledStream: StreamClientOwner, TimerOwner {
  private let rig: Rig
  private let provider: Provider
  private let record: StreamRecord
  private let events: Int
  private var client: StreamClient?
  private var timer: LoopTimer?
  private var hasEnded = false
  private var failure: BenchError?

  /// `number`: one more than the streams that the provider knows.
  init(_ rig: Rig, _ subject: Subject, number: Int, _ events: Int) {
    self.rig = rig
    self.events = events
    provider = subject.provider
    record = StreamRecord(number: number, pattern: rig.pattern, isStamped: false)
    provider.records.append(record)
    client = StreamClient(record, to: subject.address, on: rig.loop, owner: self, isStalled: true)
    timer = LoopTimer(on: rig.loop, owner: self)
    provider.drained = { [unowned self] in send() }
  }

  /// Waits until nothing goes any more: every buffer on the way is full.
  func fill() throws(BenchError) {
    var last = -1
    send()
    for _ in 0..<50 where record.sentEvents != last || last <= 0 {
      last = record.sentEvents
      send()
      try rig.run(for: .milliseconds(100))
      if let failure { throw failure }
    }
    if record.sentEvents == 0 { throw BenchError("the stalled stream never began") }
    if record.sentEvents == events {
      throw BenchError("a gigabyte went to a client that reads nothing")
    }
  }

  /// Lets the client read; throws unless each of its bytes is right.
  func readAll() throws(BenchError) {
    client?.resume()
    let isDone = try rig.run(upTo: .seconds(60)) { hasEnded || failure != nil }
    if let failure { throw failure }
    if !isDone { throw BenchError("the stalled stream did not end once it was read") }
  }

  func close() {
    client?.close()
    timer?.invalidate()
    timer = nil
    provider.drained = {}
  }

  /// Some at a time, so that the other streams have their turns.
  private func send() {
    for _ in 0..<8 {
      guard record.sentEvents < events else { return finish() }
      let count = record.sentEvents + 32 <= events ? 32 : 1
      guard record.sendBatch(of: count) else { return }
    }
    timer?.set(rig.loop.now + .nanoseconds(1))
  }

  private func finish() {
    if !record.isFinished { record.finish() }
  }

  func timerFired(_ timer: LoopTimer) { send() }
}

// MARK: - StreamClientOwner

extension StalledStream {
  func clientStarted(_ client: StreamClient) {}
  func client(_ client: StreamClient, received count: Int) {}
  func clientEnded(_ client: StreamClient) { hasEnded = true }
  func client(_ client: StreamClient, failed failure: BenchError) { self.failure = failure }
}
