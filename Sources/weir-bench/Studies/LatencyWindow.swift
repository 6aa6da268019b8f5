// What a study measures of the streams: latencies, and the processor time that weir had meanwhile.

import Glibc
import IO

/// Latencies, and weir's processor time, of some stretches of time.
struct LatencyWindow {
  /// That came meanwhile.
  var pages = 0
  private let rig: Rig
  private let subject: Subject
  private var latencies = Latencies()
  private var events = 0
  private var microseconds = 0.0

  init(_ subject: Subject, _ rig: Rig) {
    self.subject = subject
    self.rig = rig
  }

  mutating func measure(_ load: StreamLoad, for time: Duration) throws(BenchError) {
    let before = load.events
    let meter = Meter(subject, rig.loop.kernel)
    load.startSampling()
    try rig.run(for: time)
    latencies += load.stopSampling()
    try load.check()
    let count = load.events - before
    microseconds += try meter.read(count).microsecondsEach * Double(count)
    events += count
  }

  /// What a page took of all weir's threads: the difference that it made.
  func millisecondsEach(over quiet: LatencyWindow) -> String {
    let usual = quiet.microseconds / Double(max(quiet.events, 1)) * Double(events)
    return ((microseconds - usual) / 1e3 / Double(max(pages, 1))).text(digits: 2)
  }

  /// In microseconds.
  var p99: Double { latencies.percentile(99) / 1e3 }

  var text: String {
    let sorted = latencies.all.sorted()
    let at = { (share: Double) in
      let place = min(sorted.count - 1, Int(Double(sorted.count) * share))
      return sorted.isEmpty ? "–" : (Double(sorted[place]) / 1e3).text(digits: 1)
    }
    let each = (microseconds / Double(max(events, 1))).text(digits: 2)
    return """
      p50 \(at(0.5)), p99 \(at(0.99)), p99.9 \(at(0.999)) µs; \
      CPU per event \(each) µs (\(sorted.count) events)
      """
  }
}
