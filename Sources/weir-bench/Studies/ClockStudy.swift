// How exact weir's clocks are. The provider stamps each event with its time of sending and notes when
// it read each request; what it knows of a stream is compared with the stream's line in weir's log, and,
// for another run of the same load, with what a bare relay saw in weir's place.
//
// Provider and clients are one pinned loop at real-time priority, weir another: a Python client that
// reads 25,000 events a second measures its own scheduling.

import Glibc
import IO

extension Bench {
  func clocks(of weir: (name: String, path: String)) throws(BenchError) -> [StudyFigure] {
    let bare = try clocksOfBareRelay()
    return try clocksOfWeir(weir) + bare
  }

  private func clocksOfWeir(
    _ weir: (name: String, path: String)
  ) throws(BenchError) -> [StudyFigure] {
    let log = directory + "/exchanges.log"
    unlink(log)
    let subject = try start(
      weir,
      "run --upstream http://{upstream} --listen {listen} --admin off --loops 1 --log-to \(log)")
    defer { subject.stop() }
    return try measure(subject, as: "log") { records throws(BenchError) in
      let lines = try lines(of: records.count, in: log)
      return records.map { record in
        guard let line = lines[Messages.traceID(record.number)],
          let first = line.number("ttft_ms"), let gap = line.number("max_gap_ms")
        else { return nil }
        return ObservedTimes(firstEvent: first * 1e6, longestGap: gap * 1e6)
      }
    }
  }

  private func clocksOfBareRelay() throws(BenchError) -> [StudyFigure] {
    let relay = try BareRelay(before: rig.provider.address)
    defer {
      relay.stop()
      rig.provider.reset()
    }
    let subject = Subject(at: relay.address, before: rig.provider)
    return try measure(subject, as: "bare relay") { records throws(BenchError) in
      _ = try rig.run(upTo: .seconds(5)) { relay.observed.count == records.count }
      let observed = relay.observed
      return records.map { observed[$0.number] }
    }
  }

  /// Streams begin one by one while the others run, so that first events are measured under load.
  ///
  /// - Parameter observed: what was seen of the streams, once they have ended, in their order.
  private func measure(
    _ subject: Subject, as name: String,
    observed: ([StreamRecord]) throws(BenchError) -> [ObservedTimes?]
  ) throws(BenchError) -> [StudyFigure] {
    let load = StreamLoad(
      rig, subject, count: options.sizes.pacedStreams, isStamped: true,
      besides: GapProbes.count)
    defer { load.close() }
    rig.usesRealTime(true, with: subject)
    defer { rig.usesRealTime(false, with: subject) }
    let pump = MetronomePump(
      load, on: rig.loop, eventsPerSecond: load.steadyCount * options.sizes.pacedEventsPerSecond)
    defer { pump.stop() }
    for _ in 0..<load.steadyCount {
      _ = load.openOne()
      try rig.run(for: .milliseconds(2))
    }
    let probes = GapProbes(load, on: rig.loop)
    defer { probes.stop() }
    _ = try rig.run(upTo: options.sizes.window + .seconds(30)) { probes.isDone }
    try load.check()
    pump.stop()
    try load.finish()
    return try compare(load, with: try observed(load.records), as: name)
  }

  private func compare(
    _ load: StreamLoad, with observed: [ObservedTimes?], as name: String
  ) throws(BenchError) -> [StudyFigure] {
    var (firsts, gaps, longest) = (Errors(), Errors(), Errors())
    for (record, seen) in zip(load.records, observed) {
      guard let seen, let stamp = record.firstStamp else {
        throw BenchError("stream \(record.number) has no line with its times in the log")
      }
      firsts.add(seen.firstEvent, Double(stamp - record.asked))
      if record.number < load.steadyCount {
        longest.add(seen.longestGap, Double(record.longestGap))
      } else {
        gaps.add(seen.longestGap, Double(record.longestGap))
      }
    }
    return [
      StudyFigure("\(name), error of times to first token", firsts),
      StudyFigure("\(name), error of gaps", gaps),
      StudyFigure("\(name), error of the longest gap of each stream", longest),
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
