// Where each figure of a child lies: computed once from the catalogue, the same in every shard.

/// The order of figures within the children of each scope.
///
/// All figures of all children form one sequence of integers. A child takes a block of it whose
/// size its scope fixes, so that adding two shards is adding two arrays.
enum SlotLayout {
  /// The first slot of each family within its child, by `MetricID`; -1 for what scrapes bring.
  static let offsets: [Int] = computed.offsets

  /// Slots of one child, by `MetricScope`.
  static let childSlots: [Int] = computed.childSlots

  /// Lines on the page that one child is counted as against `max_series`, by `MetricScope`: the
  /// series that exist from the start, and all its histograms.
  static let childSeries: [Int] = MetricScope.allCases.map { scope in
    families(of: scope).reduce(0) { total, family in
      let shown =
        family.kind == .histogram
        ? family.combinations : (0..<family.combinations).count { family.showsZero($0) }
      return total + shown * family.linesPerSeries
    }
  }

  static func families(of scope: MetricScope) -> [MetricFamily] {
    Catalogue.families.filter { family in
      if case .shards(scope) = family.source { true } else { false }
    }
  }

  private static let computed: (offsets: [Int], childSlots: [Int]) = {
    var offsets = [Int](repeating: -1, count: MetricID.allCases.count)
    var slots = [Int](repeating: 0, count: MetricScope.allCases.count)
    for family in Catalogue.families {
      guard case .shards(let scope) = family.source else { continue }
      offsets[family.id.rawValue] = slots[scope.rawValue]
      slots[scope.rawValue] += family.combinations * family.slotsPerSeries
    }
    return (offsets, slots)
  }()
}
