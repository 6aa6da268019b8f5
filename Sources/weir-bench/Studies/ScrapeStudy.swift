// What a scrape costs the streams: the latency of paced events while nobody asks for /metrics, and
// while a page of 20,000 series is asked for ten times a second.

import Glibc
import IO

extension Bench {
  /// Each has some 240 series of its own once it has answered a short request.
  private static let routes = 104

  func scrapes(of weir: (name: String, path: String)) throws(BenchError) -> [String] {
    let settings = directory + "/scrapes.json5"
    let admin = "\(directory)/admin.sock"
    try Files.write(scrapeSettings(admin: admin), to: settings)
    let subject = try start(weir, "run --config \(settings) --listen {listen}")
    defer { subject.stop() }
    for route in 0..<Self.routes { _ = try rig.awaitFirstAnswer(subject, below: "/r\(route)") }
    let load = StreamLoad(rig, subject, count: options.sizes.pacedStreams, isStamped: true)
    defer { load.close() }
    try load.open()
    // Not weir's control thread, which renders pages: it shares its core here with the loop, as it
    // does on a machine that is busy, and is not to be taken for more urgent than it is.
    usesRealTimeLoops(true, of: subject)
    defer { usesRealTimeLoops(false, of: subject) }
    let pump = MetronomePump(
      load, on: rig.loop,
      eventsPerSecond: load.records.count * options.sizes.pacedEventsPerSecond)
    defer { pump.stop() }
    let figures = try compare(load, subject, admin)
    pump.stop()
    try load.finish()
    return figures
  }

  private func compare(
    _ load: StreamLoad, _ subject: Subject, _ admin: String
  ) throws(BenchError) -> [String] {
    try rig.run(for: options.sizes.warmUp)
    var before = LatencyWindow(subject, rig)
    try before.measure(load, for: options.sizes.window)
    let page = directory + "/page"
    let scraper = try Process(
      ["sh", "-c", Self.scraper, "scraper", admin, page], log: directory + "/scraper.log")
    defer { scraper.stop() }
    try rig.run(for: .milliseconds(500))
    var during = LatencyWindow(subject, rig)
    try during.measure(load, for: options.sizes.window)
    scraper.stop()
    let lines = Files.read(page)?.split(separator: "\n").filter { !$0.hasPrefix("#") } ?? []
    let cost = lines.first { $0.hasPrefix("weir_scrape_seconds ") } ?? "no time told"
    return [
      "quiet: \(before.text)", "scraped: \(during.text)",
      "page: \(lines.count) series; \(cost)",
    ]
  }

  /// In a process of its own, so that reading the page does not delay what is measured here.
  private static let scraper = """
    while :; do curl -s --unix-socket "$1" -o "$2.new" http://localhost/metrics && mv "$2.new" "$2"
    sleep 0.1; done
    """

  private func scrapeSettings(admin: String) -> String {
    let routes = (0..<Self.routes).map {
      "{ name: \"r\($0)\", path: \"/r\($0)/\", strip: true, upstream: \"up\" },"
    }
    return """
      {
        admin: { listen: "unix:\(admin)" }, loops: 1, log: { to: "off" },
        max_series: 100000,
        upstreams: { up: { url: "http://\(rig.provider.address)" } },
        routes: [\(routes.joined(separator: "\n"))
          { name: "rest", path: "/", upstream: "up" }],
      }
      """
  }

  private func usesRealTimeLoops(_ isRealTime: Bool, of subject: Subject) {
    let isOwn = ProcessTree.setRealTime(isRealTime, of: 0)
    let areTheirs = subject.tree?.setRealTime(isRealTime, ofThreadsNamed: "weir-loop") ?? true
    if !(isOwn && areTheirs) { rig.lacksRealTime = true }
  }
}

/// Latencies, and weir's processor time, of one stretch of time.
private struct LatencyWindow {
  private let rig: Rig
  private let subject: Subject
  private var latencies: [UInt32] = []
  private var microsecondsEach = 0.0

  init(_ subject: Subject, _ rig: Rig) {
    self.subject = subject
    self.rig = rig
  }

  mutating func measure(_ load: StreamLoad, for time: Duration) throws(BenchError) {
    let events = load.events
    let meter = Meter(subject, rig.loop.kernel)
    load.startSampling()
    try rig.run(for: time)
    latencies = load.stopSampling()
    try load.check()
    microsecondsEach = try meter.read(load.events - events).microsecondsEach
  }

  var text: String {
    let at = { (share: Double) in
      let place = min(latencies.count - 1, Int(Double(latencies.count) * share))
      return latencies.isEmpty ? "–" : (Double(latencies[place]) / 1e3).text(digits: 1)
    }
    return """
      provider to client p50 \(at(0.5)), p99 \(at(0.99)), p99.9 \(at(0.999)) µs; \
      CPU per event \(microsecondsEach.text(digits: 2)) µs (\(latencies.count) events)
      """
  }
}
