// What a status page says of the whole process, added up from the shards' figures over all labels.

/// Figures of one moment since the start; the difference of two says what happened in between.
package struct StatusFigures: Equatable, Sendable {
  package private(set) var accepted: UInt64 = 0
  package private(set) var requestsActive: Int64 = 0
  package private(set) var streamsActive: Int64 = 0
  /// Exchanges ended, by `Label.Outcome`.
  private var outcomes = [UInt64](repeating: 0, count: Label.Outcome.allCases.count)
  /// By origin, then error type.
  private var errors = [UInt64](
    repeating: 0, count: Label.Origin.allCases.count * Label.ErrorType.allCases.count)
  package private(set) var firstToken = HistogramFigures(.timeToFirstToken)
  package private(set) var gap = HistogramFigures(.interToken)
  private var bytes = [UInt64](repeating: 0, count: Label.Direction.allCases.count)
  private var pauses = [UInt64](repeating: 0, count: Label.Side.allCases.count)
  private var pausedNanoseconds = [UInt64](repeating: 0, count: Label.Side.allCases.count)
  private var pausedNow = [UInt64](repeating: 0, count: Label.Side.allCases.count)

  /// Those of a process that has just started.
  package init() {}

  /// Walks all children: microseconds for a few, a millisecond for thousands.
  ///
  /// - Parameter pause: called every 20 µs or so.
  package init(
    _ snapshot: MetricsSnapshot, registry: LabelRegistry, pausing pause: () -> Void = {}
  ) {
    for (place, entry) in registry.entries().enumerated() {
      if place % 16 == 15 { pause() }
      switch entry.scope {
      case .route: addRoute(snapshot, entry.child)
      case .exchange: add(snapshot, .interToken, entry.child, to: &gap.counts)
      case .tenant: addTenant(snapshot, entry.child)
      case .process, .limit, .upstream: break
      }
    }
  }

  private mutating func addRoute(_ snapshot: MetricsSnapshot, _ child: MetricChild) {
    accepted &+= snapshot.figure(.requestsAccepted, child)
    requestsActive += Int64(bitPattern: snapshot.figure(.requestsActive, child))
    streamsActive += Int64(bitPattern: snapshot.figure(.streamsActive, child))
    add(snapshot, .relayBytes, child, to: &bytes)
    add(snapshot, .backpressureEvents, child, to: &pauses)
    add(snapshot, .backpressureSeconds, child, to: &pausedNanoseconds)
    add(snapshot, .backpressuredStreams, child, to: &pausedNow)
  }

  private mutating func addTenant(_ snapshot: MetricsSnapshot, _ child: MetricChild) {
    // The outcome changes fastest, so the other labels fold into it.
    for place in 0..<Catalogue.family(.requests).combinations {
      outcomes[place % outcomes.count] &+= snapshot.figure(.requests, child, at: place)
    }
    add(snapshot, .errors, child, to: &errors)
    add(snapshot, .timeToFirstToken, child, to: &firstToken.counts)
  }

  private func add(
    _ snapshot: MetricsSnapshot, _ id: MetricID, _ child: MetricChild, to sums: inout [UInt64]
  ) {
    for place in sums.indices { sums[place] &+= snapshot.figure(id, child, at: place) }
  }
}

// MARK: - Reading

extension StatusFigures {
  package var ended: UInt64 { outcomes.reduce(0, &+) }

  package func ended(_ outcome: Label.Outcome) -> UInt64 { outcomes[outcome.ordinal] }

  /// Those there were, the most frequent first.
  package var errorCounts: [(origin: Label.Origin, type: Label.ErrorType, count: UInt64)] {
    let width = Label.ErrorType.allCases.count
    let found = errors.indices.filter { errors[$0] > 0 }.sorted { errors[$0] > errors[$1] }
    return found.map {
      (Label.Origin.allCases[$0 / width], Label.ErrorType.allCases[$0 % width], errors[$0])
    }
  }

  package var errorCount: UInt64 { errors.reduce(0, &+) }

  package func bytes(_ direction: Label.Direction) -> UInt64 { bytes[direction.ordinal] }

  package func pauses(_ side: Label.Side) -> UInt64 { pauses[side.ordinal] }

  package func pausedNanoseconds(_ side: Label.Side) -> UInt64 {
    pausedNanoseconds[side.ordinal]
  }

  /// Streams that are paused at this moment.
  package func pausedNow(_ side: Label.Side) -> Int64 { Int64(bitPattern: pausedNow[side.ordinal]) }

  /// What happened after `earlier`; gauges stay as they are.
  package func since(_ earlier: StatusFigures) -> StatusFigures {
    var change = self
    change.accepted &-= earlier.accepted
    change.outcomes.subtract(earlier.outcomes)
    change.errors.subtract(earlier.errors)
    change.firstToken.counts.subtract(earlier.firstToken.counts)
    change.gap.counts.subtract(earlier.gap.counts)
    change.bytes.subtract(earlier.bytes)
    change.pauses.subtract(earlier.pauses)
    change.pausedNanoseconds.subtract(earlier.pausedNanoseconds)
    return change
  }
}

/// A histogram of durations, added up over all labels.
package struct HistogramFigures: Equatable, Sendable {
  /// Upper bounds in seconds, ascending.
  package let bounds: [Double]
  /// By bucket; the last one takes what exceeds all bounds.
  package fileprivate(set) var counts: [UInt64]

  init(_ id: MetricID) {
    bounds = Catalogue.family(id).buckets?.bounds ?? []
    counts = [UInt64](repeating: 0, count: bounds.count + 1)
  }

  package var total: UInt64 { counts.reduce(0, &+) }

  /// In seconds, taken to lie evenly within its bucket as Prometheus does; the last bound for what
  /// exceeds it, nil without observations.
  package func quantile(_ share: Double) -> Double? {
    let total = total
    guard total > 0 else { return nil }
    let rank = share * Double(total)
    var below: UInt64 = 0
    for (bucket, bound) in bounds.enumerated() {
      let reached = below + counts[bucket]
      if Double(reached) >= rank, counts[bucket] > 0 {
        let lower = bucket == 0 ? 0 : bounds[bucket - 1]
        return lower + (bound - lower) * (rank - Double(below)) / Double(counts[bucket])
      }
      below = reached
    }
    return bounds.last
  }
}

extension MetricsSnapshot {
  fileprivate func figure(_ id: MetricID, _ child: MetricChild, at combination: Int = 0) -> UInt64 {
    self[child.firstSlot + SlotLayout.offsets[id.rawValue] + combination]
  }
}

extension [UInt64] {
  fileprivate mutating func subtract(_ earlier: [UInt64]) {
    for place in indices { self[place] &-= earlier[place] }
  }
}
