// Exchanges for the tests to count, and ways to look at a page.

import Telemetry
import TestSupport

enum Sample {
  /// A stream that went well and reported everything.
  static func stream(model: String = "gpt-4o", tenant: String? = nil) -> ExchangeRecord {
    var record = ExchangeRecord(route: "openai", outcome: .completed)
    record.requestID = RequestID(prefix: 0x4f1d_0a2b, number: 1)
    record.provider = .openai
    record.operation = .chat
    record.model = ReceivedText(Array(model.utf8))
    record.isModelAccepted = true
    record.tenant = tenant
    record.isStream = true
    record.status = 200
    record.endedAt = 1_763_670_289_123_456_789
    record.header = 90_000_000
    record.firstChunk = 95_000_000
    record.firstToken = 100_000_000
    record.firstVisibleToken = 100_000_001
    record.clientFirstToken = 130_000_000
    record.generation = 2_000_000_000
    record.longestGap = 300_000_000
    record.duration = 2_250_000_000
    record.events[.content] = 40
    record.events[.ping] = 2
    record.usage.uncached = 100
    record.usage.cacheRead = 20
    record.usage.response = 30
    record.usage.reasoning = 11
    record.usageSource = .reported
    record.finishReasons.note(.stop)
    return record
  }

  /// An exchange of any kind.
  static func random(using random: inout SeededRandom) -> ExchangeRecord {
    var record = stream(model: "m\(Int.random(in: 0..<5, using: &random))")
    record.route = ["a", "b"].randomElement(using: &random)!
    record.provider = Label.Provider.allCases.randomElement(using: &random)!
    record.operation = [.chat, .messages].randomElement(using: &random)!
    record.outcome = Label.Outcome.allCases.randomElement(using: &random)!
    record.origin = Label.Origin.allCases.randomElement(using: &random)!
    record.errorType = Label.ErrorType.allCases.randomElement(using: &random)!
    record.isStream = Bool.random(using: &random)
    record.isModelAccepted = Bool.random(using: &random)
    record.status = [nil, 200, 404, 503].randomElement(using: &random)!
    record.firstToken =
      Bool.random(using: &random) ? nil : .random(in: 0..<900_000_000_000, using: &random)
    record.duration = .random(in: 0..<2_000_000_000_000, using: &random)
    record.costPicoUSD = .random(in: 0..<1_000_000_000, using: &random)
    record.tenant = Bool.random(using: &random) ? nil : "t\(Int.random(in: 0..<3, using: &random))"
    return record
  }

  static func page(
    _ snapshot: MetricsSnapshot, _ registry: LabelRegistry, samples: [ScrapedSample] = [],
    format: ExpositionFormat = .text, inPiecesOf bytes: Int = 1 << 14
  ) -> String {
    var exposition = Exposition(format, snapshot, registry: registry, samples: samples)
    var (page, piece): ([UInt8], [UInt8]) = ([], [])
    while exposition.write(bytes, into: &piece) { page += piece }
    return String(decoding: page + piece, as: UTF8.self)
  }

  /// The lines of one family, its head included.
  static func block(_ family: String, in page: String) -> String {
    let lines = page.split(separator: "\n")
    let kept = lines.filter { line in
      let words = line.split(whereSeparator: { " {".contains($0) })
      if line.hasPrefix("#") { return words.count > 2 && words[2] == family }
      return ["", "_total", "_bucket", "_sum", "_count"].contains { words[0] == family + $0 }
    }
    return kept.joined(separator: "\n")
  }

  /// All series of a page and their values.
  static func series(_ page: String) -> [String: Double] {
    var series: [String: Double] = [:]
    for line in page.split(separator: "\n") where !line.hasPrefix("#") {
      let end = line.lastIndex(of: " ")!
      series[String(line[..<end])] = Double(line[line.index(after: end)...])!
    }
    return series
  }

  static func sum(_ name: String, in page: String) -> Double {
    series(page).filter { $0.key == name || $0.key.hasPrefix(name + "{") }.values.reduce(0, +)
  }
}
