// What a second loop brings. On two cores both loops cannot be kept busy while the load comes from
// the same two cores, so throughput would measure the bench. What is measured instead is what an
// event costs with one loop and with two, under load on both cores, and how evenly two loops share
// the work. A loop's capacity is one core divided by that cost, and the busier loop is full first.

import IO

/// What an event cost a weir, and the busiest loop's part of it.
struct LoopCost {
  var microsecondsEach: Double
  /// 1 for a single loop, 0.5 for two that do the same.
  var busiestShare: Double

  /// Events that all loops relay when the busiest fills a core, against those of `single`.
  func capacity(against single: LoopCost) -> Double {
    single.microsecondsEach * single.busiestShare / (microsecondsEach * busiestShare)
  }
}

extension Rig {
  func loopCost(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> LoopCost {
    let load = StreamLoad(self, subject, count: sizes.loopStreams, isStamped: false)
    defer { load.close() }
    try load.open()
    let pump = FloodPump(load, on: loop, of: subject.provider, stepwise: true)
    defer { pump.stop() }
    try run(for: sizes.warmUp)
    let eventsBefore = load.events
    let before = subject.tree?.runTimes(ofThreads: "weir-loop") ?? []
    try run(for: sizes.window)
    try load.check()
    let after = subject.tree?.runTimes(ofThreads: "weir-loop") ?? []
    let events = load.events - eventsBefore
    pump.stop()
    try load.finish()
    let spent = zip(after, before).map { Double($0 - $1) }
    let total = spent.reduce(0, +)
    guard before.count == after.count, total > 0, events > 0 else {
      throw BenchError("no loop's time can be told")
    }
    return LoopCost(
      microsecondsEach: total / 1e3 / Double(events), busiestShare: (spent.max() ?? 0) / total)
  }
}
