// The parts of the page that are the same on every scrape, written once.

/// A family's names, head and label texts as bytes.
struct FamilyText: Sendable {
  let family: MetricFamily
  let name: [UInt8]
  let bucketName: [UInt8]
  let sumName: [UInt8]
  let countName: [UInt8]
  /// The closed labels of each combination.
  let combinations: [[UInt8]]
  let showsZero: [Bool]
  /// The `le` label of each bucket, the infinite one included.
  let bounds: [[UInt8]]
  private let textHead: [UInt8]
  private let openMetricsHead: [UInt8]

  /// By `MetricID`.
  static let all: [FamilyText] = Catalogue.families.map(FamilyText.init)

  private init(_ family: MetricFamily) {
    self.family = family
    name = Array(family.name.utf8)
    bucketName = name + Array("_bucket".utf8)
    sumName = name + Array("_sum".utf8)
    countName = name + Array("_count".utf8)
    combinations = (0..<family.combinations).map { index in
      let positions = family.positions(of: index)
      return LabelText.pairs(
        zip(family.labels, positions).map { label, position in (label.name, label.values[position])
        })
    }
    showsZero = (0..<family.combinations).map(family.showsZero)
    bounds =
      family.buckets.map { buckets in
        (buckets.bounds.map(Self.number) + ["+Inf"]).map { LabelText.pairs([("le", $0)]) }
      } ?? []
    textHead = Self.head(family.name, family.kind.rawValue, family)
    openMetricsHead = Self.openMetricsHead(family)
  }

  /// OpenMetrics names a counter's family without the ending of its samples (§4.4), so a gauge
  /// `a` and a counter `a_total` would be one family. Such a counter keeps its name and is of
  /// unknown type there; its samples are the same.
  private static func openMetricsHead(_ family: MetricFamily) -> [UInt8] {
    guard family.kind == .counter else { return head(family.name, family.kind.rawValue, family) }
    let stem = String(family.name.dropLast("_total".count))
    let isTaken = Catalogue.families.contains { $0.name == stem }
    return isTaken ? head(family.name, "unknown", family) : head(stem, "counter", family)
  }

  func head(_ format: ExpositionFormat) -> [UInt8] {
    format == .text ? textHead : openMetricsHead
  }

  private static func head(_ name: String, _ type: String, _ family: MetricFamily) -> [UInt8] {
    Array("# HELP \(name) \(family.help)\n# TYPE \(name) \(type)\n".utf8)
  }

  /// A number with a point or an exponent, as `le` wants it in both formats: `1.0`, `1e-05`.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value.description
  }
}
