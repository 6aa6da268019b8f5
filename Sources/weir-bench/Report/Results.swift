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

  /// `target` divided, within each round, by the one of `others` that is the best in the whole run.
  ///
  /// Not by the best of each round: the least of several noisy figures is less than what any of them
  /// measures.
  func ratio(_ figure: Figure, of target: Target, toBestOf others: [Target]) -> Spread? {
    guard let best = best(of: others, figure) else { return nil }
    return Spread(
      rounds(figure, target).compactMap { round in
        guard let own = value(figure, target, round), let its = value(figure, best, round),
          its > 0, own > 0
        else { return nil }
        return own / its
      })
  }

  /// The one whose median over all rounds is the best.
  private func best(of targets: [Target], _ figure: Figure) -> Target? {
    let medians = targets.compactMap { target in
      spread(figure, of: target).map { (target: target, median: $0.median) }
    }
    return medians.min {
      figure.isBetterHigh ? $0.median > $1.median : $0.median < $1.median
    }?.target
  }
}
