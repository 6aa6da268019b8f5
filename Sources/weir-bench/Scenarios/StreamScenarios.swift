// Streams: flat out, paced and idle. Each ends its streams properly and counts their events, so
// that a lost byte shows even where it is the last one.

import IO

extension Rig {
  func flat(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let result = try flood(subject, sizes, stepwise: false)
    var figures: Figures = [.flatRate: result.perSecond]
    if subject.tree != nil { figures[.flatCPU] = result.microsecondsEach }
    return figures
  }

  func packets(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let result = try flood(subject, sizes, stepwise: true)
    var figures: Figures = [.packetRate: result.perSecond]
    if subject.tree != nil { figures[.packetCPU] = result.microsecondsEach }
    return figures
  }

  private func flood(
    _ subject: Subject, _ sizes: Sizes, stepwise: Bool
  ) throws(BenchError) -> (microsecondsEach: Double, perSecond: Double) {
    let load = StreamLoad(self, subject, count: sizes.flatStreams, isStamped: false)
    defer { load.close() }
    try load.open()
    let pump = FloodPump(load, on: loop, of: subject.provider, stepwise: stepwise)
    defer { pump.stop() }
    try run(for: sizes.warmUp)
    let before = load.events
    let meter = Meter(subject, loop.kernel)
    try run(for: sizes.window)
    try load.check()
    let result = try meter.read(load.events - before)
    pump.stop()
    try load.finish()
    return result
  }

  /// Of a window, for tails: a tenth of a second each, with 3,000 events.
  static let parts = 12

  /// Latencies are what they are: the direct ones are taken off when all targets are known.
  func paced(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let load = StreamLoad(self, subject, count: sizes.pacedStreams, isStamped: true)
    defer { load.close() }
    try load.open()
    usesRealTime(true, with: subject)
    defer { usesRealTime(false, with: subject) }
    let rate = sizes.pacedStreams * sizes.pacedEventsPerSecond
    let pump = MetronomePump(load, on: loop, eventsPerSecond: rate)
    defer { pump.stop() }
    try run(for: sizes.warmUp)
    load.startSampling()
    let before = load.events
    let meter = Meter(subject, loop.kernel)
    try run(for: sizes.window)
    try load.check()
    let result = try meter.read(load.events - before)
    let latencies = load.stopSampling()
    pump.stop()
    try load.finish()
    var figures: Figures = [:]
    if subject.tree != nil { figures[.pacedCPU] = result.microsecondsEach }
    figures[.medianLatency] = latencies.percentile(50) / 1e3
    figures[.tailLatency] = latencies.percentile(99, medianOfParts: Self.parts) / 1e3
    figures[.wholeTailLatency] = latencies.percentile(99) / 1e3
    return figures
  }

  func idle(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    guard let tree = subject.tree else { return [:] }
    let before = tree.proportionalKiB
    let load = StreamLoad(self, subject, count: sizes.idleStreams, isStamped: false)
    defer { load.close() }
    try load.open()
    for record in load.records { _ = record.sendBatch(of: 1) }
    try load.settle()
    let after = tree.proportionalKiB
    try load.finish()
    return [.streamMemory: Double(after - before) / Double(sizes.idleStreams)]
  }
}
