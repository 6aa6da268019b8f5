// Where each figure of a child lies: computed once from the catalogue, the same in every shard.

/// The order of figures within the children of each scope.
///
/// All figures of all children form one sequence of integers. A child takes a block of it whose
/// size its scope fixes, so that adding two shards is adding two arrays.
enum SlotLayout {
  /// The first slot of each family within its child, by `MetricID`; -1 for what scrapes bring.
  static let offsets: [Int] = computed.offsets

  /// Slots of one child.
  static let childSlots: PerScope = computed.childSlots

  /// Lines on the page that one child is counted as against `max_series`: the series that exist
  /// from the start, and all its histograms.
  static let childSeries: PerScope = {
    var series = PerScope()
    for scope in MetricScope.allCases {
      for family in families(of: scope) {
        let shown =
          family.kind == .histogram
          ? family.combinations : (0..<family.combinations).count { family.showsZero($0) }
        series[scope] += shown * family.linesPerSeries
      }
    }
    return series
  }()

  static func families(of scope: MetricScope) -> [MetricFamily] {
    Catalogue.families.filter { family in
      if case .shards(scope) = family.source { true } else { false }
    }
  }

  private static let computed: (offsets: [Int], childSlots: PerScope) = {
    var offsets = [Int](repeating: -1, count: MetricID.allCases.count)
    var slots = PerScope()
    for family in Catalogue.families {
      guard case .shards(let scope) = family.source else { continue }
      offsets[family.id.rawValue] = slots[scope]
      slots[scope] += family.combinations * family.slotsPerSeries
    }
    return (offsets, slots)
  }()
}

/// A number for each scope.
struct PerScope: Sendable {
  private var numbers = [Int](repeating: 0, count: MetricScope.allCases.count)

  subscript(scope: MetricScope) -> Int {
    get { numbers[scope.rawValue] }
    set { numbers[scope.rawValue] = newValue }
  }

  var total: Int { numbers.reduce(0, +) }
}
