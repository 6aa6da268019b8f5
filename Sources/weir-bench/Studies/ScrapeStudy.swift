// What a scrape costs the streams: the latency of paced events while nobody asks for /metrics, and
// while a page of 20,000 series is asked for ten times a second, by turns.
//
// weir has one core for all its threads, so its control thread, which writes pages, and its loop want it
// at the same time. Three ways of sharing it are tried: both at real-time priority, where nothing takes
// the core from a thread but itself; the loop alone; and neither.

import Glibc
import IO

/// Which of weir's threads run at real-time priority.
private enum Urgency: String, CaseIterable {
  case all = "all threads real-time"
  case loops = "the loop real-time"
  case none = "ordinary priority"
}

extension Bench {
  /// Each has some 240 series of its own once it has answered a short request.
  private static let routes = 104
  /// Stretches of each kind that take turns.
  private static let stretches = 2

  func scrapes(of weir: (name: String, path: String)) throws(BenchError) -> [StudyFigure] {
    let settings = directory + "/scrapes.json5"
    let admin = "\(directory)/admin.sock"
    try Files.write(scrapeSettings(admin: admin), to: settings)
    let subject = try start(weir, "run --config \(settings) --listen {listen}")
    defer { subject.stop() }
    for route in 0..<Self.routes { _ = try rig.awaitFirstAnswer(subject, below: "/r\(route)") }
    let (load, pump) = try openPacedLoad(subject)
    defer { load.close() }
    defer { pump.stop() }
    var figures: [StudyFigure] = []
    for urgency in Urgency.allCases {
      use(urgency, for: subject)
      figures += try compare(load, subject, admin, urgency)
    }
    use(.none, for: subject)
    _ = ProcessTree.setRealTime(false, of: 0)
    figures.append(StudyFigure("page", try describePage(of: admin)))
    pump.stop()
    try load.finish()
    return figures
  }

  private func compare(
    _ load: StreamLoad, _ subject: Subject, _ admin: String, _ urgency: Urgency
  ) throws(BenchError) -> [StudyFigure] {
    var (quiet, scraped) = (LatencyWindow(subject, rig), LatencyWindow(subject, rig))
    for _ in 0..<Self.stretches {
      try rig.run(for: options.sizes.warmUp)
      try quiet.measure(load, for: options.sizes.window)
      let scraper = PageClient(.init(host: .unix(admin)), every: .milliseconds(100), on: rig.loop)
      defer { scraper.close() }
      try rig.run(for: options.sizes.warmUp)
      let before = scraper.pages
      try scraped.measure(load, for: options.sizes.window)
      scraped.pages += scraper.pages - before
      if let failure = scraper.failure { throw failure }
    }
    let cost = "\(scraped.pages) pages, \(scraped.millisecondsEach(over: quiet)) ms of CPU each"
    return [
      StudyFigure("\(urgency.rawValue), quiet", quiet.text, p99: quiet.p99),
      StudyFigure("\(urgency.rawValue), scraped", "\(scraped.text); \(cost)", p99: scraped.p99),
    ]
  }

  /// Its size, and what weir says that one took.
  private func describePage(of admin: String) throws(BenchError) -> String {
    let scraper = PageClient(.init(host: .unix(admin)), every: .seconds(60), on: rig.loop)
    defer { scraper.close() }
    scraper.keepsPage = true
    let isThere = try rig.run(upTo: .seconds(10)) { scraper.pages > 0 || scraper.failure != nil }
    guard isThere, scraper.failure == nil else { throw BenchError("no page came") }
    let lines = String(decoding: scraper.page, as: UTF8.self).split(separator: "\n")
    let series = lines.filter { $0.hasPrefix("weir_") || $0.hasPrefix("process_") }
    let cost = series.first { $0.hasPrefix("weir_scrape_seconds ") } ?? "no time told"
    return "\(series.count) series; \(cost)"
  }

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

  /// The bench itself always is: what else runs on its core would be taken for weir's delay.
  private func use(_ urgency: Urgency, for subject: Subject) {
    var isAllowed = ProcessTree.setRealTime(true, of: 0)
    if let tree = subject.tree {
      isAllowed = tree.setRealTime(urgency == .all) && isAllowed
      if urgency == .loops { isAllowed = tree.setRealTime(true, ofThreadsNamed: "weir-loop") }
    }
    if !isAllowed { rig.lacksRealTime = true }
  }
}
