// How exact weir's clocks are. The provider stamps each event with its time of sending and notes when
// it read each request; what it knows of a stream is compared with the stream's line in weir's log.
//
// Provider and clients are one pinned loop at real-time priority, weir another: a Python client that
// reads 25,000 events a second measures its own scheduling.

import Glibc
import IO

extension Bench {
  /// Streams begin one by one while the others run, so that first events are measured under load.
  func clocks(of weir: (name: String, path: String)) throws(BenchError) -> [String] {
    let log = directory + "/exchanges.log"
    unlink(log)
    let subject = try start(
      weir,
      "run --upstream http://{upstream} --listen {listen} --admin off --loops 1 --log-to \(log)")
    defer { subject.stop() }
    let load = StreamLoad(rig, subject, count: options.sizes.pacedStreams, isStamped: true)
    defer { load.close() }
    rig.usesRealTime(true, with: subject)
    defer { rig.usesRealTime(false, with: subject) }
    let pump = MetronomePump(
      load, on: rig.loop,
      eventsPerSecond: load.records.count * options.sizes.pacedEventsPerSecond)
    defer { pump.stop() }
    while load.openOne() { try rig.run(for: .milliseconds(2)) }
    try rig.run(for: options.sizes.window)
    try load.check()
    pump.stop()
    try load.finish()
    return try compare(load.records, with: try lines(of: load.records.count, in: log))
  }

  private func compare(
    _ records: [StreamRecord], with lines: [String: Substring]
  ) throws(BenchError) -> [String] {
    var (firsts, gaps) = (Errors(), Errors())
    for record in records {
      guard let line = lines[Messages.traceID(record.number)],
        let first = line.number("ttft_ms"), let gap = line.number("max_gap_ms"),
        let stamp = record.firstStamp
      else { throw BenchError("stream \(record.number) has no line with its times in the log") }
      firsts.add(first * 1e6, Double(stamp - record.asked))
      gaps.add(gap * 1e6, Double(record.longestGap))
    }
    return [
      "time to first token, error: \(firsts.text)", "longest gap of a stream, error: \(gaps.text)",
    ]
  }

  /// The log's lines of exchanges, by trace, once there are enough.
  private func lines(of count: Int, in log: String) throws(BenchError) -> [String: Substring] {
    var found: [String: Substring] = [:]
    for _ in 0..<100 where found.count < count {
      try rig.run(for: .milliseconds(50))
      for line in Files.read(log)?.split(separator: "\n") ?? [] {
        if let trace = line.text("trace_id") { found[trace] = line }
      }
    }
    return found
  }
}

extension Substring {
  /// A member of weir's own flat JSON, which needs no more of a parser.
  fileprivate func text(_ name: String) -> String? {
    value(name).map { String($0.dropFirst().prefix { $0 != "\"" }) }
  }

  fileprivate func number(_ name: String) -> Double? {
    value(name).flatMap { Double($0.prefix { $0 != "," && $0 != "}" }) }
  }

  private func value(_ name: String) -> Substring? {
    firstRange(of: "\"\(name)\":").map { self[$0.upperBound...] }
  }
}
