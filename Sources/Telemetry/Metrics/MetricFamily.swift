// What a metric family is: its name, type, labels and how its figures are kept.

/// What a family's children stand for: the labels whose values come from settings or from traffic.
package enum MetricScope: Int, CaseIterable, Sendable {
  /// One child for the whole process.
  case process
  case route
  /// route, provider, operation, model.
  case exchange
  /// The same and, where a route names a header for it, tenant.
  case tenant
  case limit
  case upstream

  /// Label names in the order in which the page shows them.
  var labelNames: [String] {
    switch self {
    case .process: []
    case .route: ["route"]
    case .exchange: ["route", "provider", "operation", "model"]
    case .tenant: ["route", "provider", "operation", "model", "tenant"]
    case .limit: ["limit"]
    case .upstream: ["upstream"]
    }
  }
}

/// A label with a closed set of values.
struct ClosedLabel: Sendable {
  let name: String
  let values: [String]

  init<Values: CaseIterable & RawRepresentable>(_ name: String, _: Values.Type)
  where Values.RawValue == String {
    self.name = name
    values = Values.allCases.map(\.rawValue)
  }

  init(_ name: String, _ values: [String]) {
    self.name = name
    self.values = values
  }

  static let stream = ClosedLabel("stream", ["false", "true"])
}

/// One row of the catalogue.
package struct MetricFamily: Sendable {
  package enum Kind: String, Sendable { case counter, gauge, histogram }

  /// Where the figures come from.
  enum Source: Sendable {
    /// The loops' shards, one child per value of the scope's labels.
    case shards(MetricScope)
    /// Whoever answers the scrape, with labels of these names.
    case scrape([String])
  }

  /// Which series a child has before anything was counted.
  enum Zeros: Sendable {
    /// All of them, so that `rate()` sees the first increment.
    case all
    /// None: a series appears with its first figure.
    case none
    /// The named combinations of label values, as positions in their closed sets.
    case some(@Sendable ([Int]) -> Bool)
  }

  let id: MetricID
  package let name: String
  package let kind: Kind
  package let help: String
  let source: Source
  let labels: [ClosedLabel]
  let buckets: Buckets?
  /// The figures kept are this many decimal places finer than the metric's unit: 9 for nanoseconds
  /// shown as seconds.
  let decimals: Int
  let zeros: Zeros
  /// Whether OpenMetrics shows the trace behind an observation.
  let hasExemplars: Bool

  /// A family kept by the shards.
  init(
    _ id: MetricID, _ name: String, _ kind: Kind, _ scope: MetricScope,
    labels: [ClosedLabel] = [], buckets: Buckets? = nil, decimals: Int = 0, zeros: Zeros = .all,
    hasExemplars: Bool = false, _ help: String
  ) {
    (self.id, self.name, self.kind, self.help) = (id, name, kind, help)
    (source, self.labels, self.buckets) = (.shards(scope), labels, buckets)
    (self.decimals, self.hasExemplars) = (decimals, hasExemplars)
    self.zeros = kind == .histogram ? .none : zeros
  }

  /// A family whose figures are brought along by the scrape.
  init(
    _ id: MetricID, _ name: String, _ kind: Kind, scrape labels: [String] = [], _ help: String
  ) {
    (self.id, self.name, self.kind, self.help) = (id, name, kind, help)
    (source, self.labels, buckets) = (.scrape(labels), [], nil)
    (decimals, zeros, hasExemplars) = (0, .none, false)
  }

  /// All label names, those of the scope first.
  package var labelNames: [String] {
    switch source {
    case .shards(let scope): scope.labelNames + labels.map(\.name)
    case .scrape(let names): names
    }
  }

  /// Figures that one combination of label values takes: for a histogram its buckets and the sum.
  var slotsPerSeries: Int { buckets.map { $0.limits.count + 2 } ?? 1 }

  /// Lines on the page for one combination of label values.
  var linesPerSeries: Int { buckets.map { $0.limits.count + 3 } ?? 1 }

  /// Combinations of closed label values.
  var combinations: Int { labels.reduce(1) { $0 * $1.values.count } }

  /// The positions of combination `index` in the closed sets; the last label changes fastest.
  func positions(of index: Int) -> [Int] {
    var (rest, positions) = (index, [Int](repeating: 0, count: labels.count))
    for label in labels.indices.reversed() {
      positions[label] = rest % labels[label].values.count
      rest /= labels[label].values.count
    }
    return positions
  }

  /// Whether combination `index` is shown while it is zero.
  func showsZero(_ index: Int) -> Bool {
    switch zeros {
    case .all: true
    case .none: false
    case .some(let isShown): isShown(positions(of: index))
    }
  }
}
