// Questions about weir alone, that a comparison with other proxies does not answer.

import IO

enum Study: String, Sendable {
  /// Times in weir's log against the provider's own record.
  case clocks
  /// Latency of streams while a large page of metrics is scraped.
  case scrapes
}

extension Bench {
  /// Each round starts weir anew.
  func run(_ study: Study, log: (String) -> Void) throws(BenchError) {
    for weir in options.weirs {
      for round in 1...options.rounds {
        defer { rig.provider.reset() }
        let figures: [String] =
          switch study {
          case .clocks: try clocks(of: weir)
          case .scrapes: try scrapes(of: weir)
          }
        for line in figures { log("round \(round), \(weir.name): \(line)") }
      }
    }
  }

  /// Starts a weir whose command has this, with {directory} and {log} filled in too.
  func start(
    _ weir: (name: String, path: String), _ arguments: String
  ) throws(BenchError) -> Subject {
    let target = Target.weir(name: weir.name, path: weir.path, arguments: arguments)
    let subject = try Subject(
      target, before: rig.provider, templates: options.benchDirectory + "/peers",
      directory: directory, authority: nil)
    _ = try rig.awaitFirstAnswer(subject)
    return subject
  }
}

/// Distances of what was measured from what was so, in nanoseconds.
struct Errors {
  private(set) var values: [UInt32] = []

  mutating func add(_ one: Double, _ other: Double) {
    values.append(UInt32(clamping: Int((one - other).magnitude)))
  }

  /// `p50 12.3, p99 45.6, max 78.9 µs (500)`.
  var text: String {
    let sorted = values.sorted()
    let at = { (percent: Int) in (sorted.percentile(percent) / 1e3).text(digits: 1) }
    let most = (Double(sorted.last ?? 0) / 1e3).text(digits: 1)
    return "p50 \(at(50)), p99 \(at(99)), max \(most) µs (\(sorted.count))"
  }
}
