// Every figure of every target in every round, and what may be concluded: medians of what was
// measured, and of ratios within one round, in which the machine was the same for all.

struct Results {
  /// A median, and the least and the most of what it stands for.
  struct Spread {
    var median: Double
    var least: Double
    var most: Double

    /// nil for no values.
    init?(_ values: [Double]) {
      let sorted = values.filter(\.isFinite).sorted()
      guard let least = sorted.first, let most = sorted.last else { return nil }
      (self.least, self.most) = (least, most)
      let middle = sorted.count / 2
      median =
        sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
  }

  private var values: [Figure: [Target: [Int: Double]]] = [:]

  mutating func add(_ figures: Figures, of target: Target, in round: Int) {
    for (figure, value) in figures {
      values[figure, default: [:]][target, default: [:]][round] = value
    }
  }

  /// The figure as reported; for latencies, what the proxy added. nil if it was not measured.
  private func value(_ figure: Figure, _ target: Target, _ round: Int) -> Double? {
    guard let value = values[figure]?[target]?[round] else { return nil }
    guard Figure.latencies.contains(figure), target.kind != .direct else { return value }
    // Of all rounds: a difference of two rare moments would hold the noise of both.
    return spread(figure, of: .direct).map { value - $0.median }
  }

  private func rounds(_ figure: Figure, _ target: Target) -> [Int] {
    (values[figure]?[target] ?? [:]).keys.sorted()
  }

  func spread(_ figure: Figure, of target: Target) -> Spread? {
    Spread(rounds(figure, target).compactMap { value(figure, target, $0) })
  }

  /// How much more `target` shows than `other` in the same round.
  func excess(_ figure: Figure, of target: Target, over other: Target) -> Spread? {
    Spread(
      rounds(figure, target).compactMap { round in
        guard let own = value(figure, target, round), let theirs = value(figure, other, round)
        else { return nil }
        return own - theirs
      })
  }

  /// `target` divided by the best of `others` in the same round.
  func ratio(_ figure: Figure, of target: Target, toBestOf others: [Target]) -> Spread? {
    Spread(
      rounds(figure, target).compactMap { round in
        let theirs = others.compactMap { value(figure, $0, round) }
        guard let own = value(figure, target, round),
          let best = figure.isBetterHigh ? theirs.max() : theirs.min(), best > 0, own > 0
        else { return nil }
        return own / best
      })
  }
}
