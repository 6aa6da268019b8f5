// Questions about weir alone, that a comparison with other proxies does not answer.

import IO

enum Study: String, CaseIterable, Sendable {
  /// Times in weir's log against the provider's own record.
  case clocks
  /// Latency of streams while a large page of metrics is scraped.
  case scrapes
  /// Latency of streams while other clients of the same weir do everything wrong.
  case neighbours

  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// One line of a study.
struct StudyFigure {
  let name: String
  let text: String
  /// In microseconds; nil for what is no distribution.
  let p99: Double?

  init(_ name: String, _ text: String, p99: Double? = nil) {
    (self.name, self.text, self.p99) = (name, text, p99)
  }

  init(_ name: String, _ errors: Errors) { self.init(name, errors.text, p99: errors.p99) }
}

extension Bench {
  /// Each round starts weir anew. Where there are several, the median of their p99 comes last: one in
  /// which the machine stood still does not decide.
  func run(_ study: Study, log: (String) -> Void) throws(BenchError) {
    for weir in options.weirs {
      var (names, ends): ([String], [String: [Double]]) = ([], [:])
      for round in 1...options.rounds {
        for figure in try figures(of: study, weir) {
          log("round \(round), \(weir.name): \(figure.name): \(figure.text)")
          guard let p99 = figure.p99 else { continue }
          if ends[figure.name] == nil { names.append(figure.name) }
          ends[figure.name, default: []].append(p99)
        }
      }
      guard options.rounds > 1 else { continue }
      for name in names {
        let sorted = (ends[name] ?? []).sorted()
        let text = sorted.map { $0.text(digits: 1) }.joined(separator: ", ")
        log(
          "\(weir.name): \(name): median p99 \(sorted[sorted.count / 2].text(digits: 1)) of \(text) µs"
        )
      }
    }
  }

  private func figures(
    of study: Study, _ weir: (name: String, path: String)
  ) throws(BenchError) -> [StudyFigure] {
    defer { rig.provider.reset() }
    return switch study {
    case .clocks: try clocks(of: weir)
    case .scrapes: try scrapes(of: weir)
    case .neighbours: try neighbours(of: weir)
    }
  }

  /// The paced streams, opened, and what sends their events from now on. Both are the caller's to end.
  func openPacedLoad(_ subject: Subject) throws(BenchError) -> (StreamLoad, MetronomePump) {
    let load = StreamLoad(rig, subject, count: options.sizes.pacedStreams, isStamped: true)
    do throws(BenchError) {
      try load.open()
    } catch {
      load.close()
      throw error
    }
    let rate = load.records.count * options.sizes.pacedEventsPerSecond
    return (load, MetronomePump(load, on: rig.loop, eventsPerSecond: rate))
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

  /// In microseconds.
  var p99: Double { values.sorted().percentile(99) / 1e3 }

  /// `p50 12.3, p99 45.6, max 78.9 µs (500)`.
  var text: String {
    let sorted = values.sorted()
    let at = { (percent: Int) in (sorted.percentile(percent) / 1e3).text(digits: 1) }
    let most = (Double(sorted.last ?? 0) / 1e3).text(digits: 1)
    return "p50 \(at(50)), p99 \(at(99)), max \(most) µs (\(sorted.count))"
  }
}
