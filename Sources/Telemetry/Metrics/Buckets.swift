// The fixed bounds of histograms, in whole units, so that observing compares integers.

/// The bounds of all histograms in one array: finding a bucket touches nothing that is counted by
/// reference.
struct BucketTable: Sendable {
  private var limits: [UInt64] = []
  /// Of each metric, by its number: where its limits begin, and how many there are.
  private var places: [(first: Int, count: Int)] = []

  init(_ families: [MetricFamily]) {
    for family in families {
      let own = family.buckets?.limits ?? []
      places.append((limits.count, own.count))
      limits += own
    }
  }

  /// Bounds of that metric; 0 if it is no histogram.
  @inline(__always)
  func count(_ id: MetricID) -> Int { places[id.rawValue].count }

  /// The bucket of `value`: a bound belongs to its bucket. What is observed is mostly small for its
  /// histogram, so the first bounds are tried first.
  @inline(__always)
  func index(of value: UInt64, in id: MetricID) -> Int {
    let (first, count) = places[id.rawValue]
    var index = 0
    while index < count, value > limits[first &+ index] { index &+= 1 }
    return index
  }
}

/// The upper bounds of a histogram's buckets, ascending; one more bucket takes what exceeds all.
package struct Buckets: Sendable {
  /// As the page shows them, in the metric's unit.
  let bounds: [Double]
  /// The same in the units that are observed.
  let limits: [UInt64]

  /// - Parameter unitsPerOne: how many observed units make 1 of the metric's unit: 10^9 for seconds
  ///   observed in nanoseconds.
  init(_ bounds: [Double], unitsPerOne: UInt64) {
    self.bounds = bounds
    limits = bounds.map { UInt64(($0 * Double(unitsPerOne)).rounded()) }
  }

  private static let nanoseconds: UInt64 = 1_000_000_000

  /// The OpenTelemetry set for time to first token, with vLLM's tail.
  static let ttft = Buckets(
    [
      0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
      80, 160, 640,
    ], unitsPerOne: nanoseconds)
  static let gap = Buckets(
    [
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10,
      30,
    ], unitsPerOne: nanoseconds)
  static let duration = Buckets(
    [
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
      163.84, 327.68, 655.36, 1310.72,
    ], unitsPerOne: nanoseconds)
  static let relay = Buckets(
    [
      0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1,
      1,
    ], unitsPerOne: nanoseconds)
  static let wait = Buckets(
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    unitsPerOne: nanoseconds)
  static let connect = Buckets(
    [0.0005, 0.0015, 0.0043, 0.0126, 0.0368, 0.108, 0.316, 0.924, 2.71, 8],
    unitsPerOne: nanoseconds)
  static let tokens = Buckets(
    [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576], unitsPerOne: 1)
  /// Tokens per second are observed in thousandths.
  static let speed = Buckets(
    [1, 2, 5, 10, 20, 40, 60, 80, 120, 200, 400, 800, 1600], unitsPerOne: 1000)
  static let bytes = Buckets(
    [16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 16_777_216], unitsPerOne: 1)
}
