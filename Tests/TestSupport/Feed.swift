// Replays one input cut in every way a network may cut it. What a parser finds may not depend on
// where reads happen to end.

/// What came of one input over all the ways of cutting it.
package struct Feed<Result: Equatable> {
  /// The result of feeding all bytes in one read.
  package let whole: Result
  /// The ways that gave another result, each with the sizes of its reads; empty is as it should be.
  package let disagreements: [(reads: [Int], result: Result)]

  /// Feeds `bytes` in one read, byte by byte, in two reads cut at every point, and in random cuts.
  ///
  /// Each read ends at an unreadable page. `start` makes a fresh parser, `feed` gives it one read,
  /// and `result` says what it found; they run once for each way of cutting. Inputs longer than
  /// `everyCutUpTo` bytes are cut in two at random points only, since trying all takes time
  /// quadratic in the length.
  package init<State>(
    _ bytes: [UInt8], seed: UInt64 = 1, randomCuts: Int = 16, everyCutUpTo: Int = 4096,
    start: () -> State, feed: (inout State, Span<UInt8>) -> Void, result: (State) -> Result
  ) {
    let page = GuardedBytes(capacity: bytes.count)
    func replay(_ reads: [Int]) -> Result {
      var state = start()
      var offset = 0
      for size in reads {
        page.replace(with: bytes[offset..<offset + size])
        page.withSpan { feed(&state, $0) }
        offset += size
      }
      return result(state)
    }
    let expected = replay([bytes.count])
    var others: [(reads: [Int], result: Result)] = []
    let ways = Cuts(
      count: bytes.count, seed: seed, randomCuts: randomCuts, everyCutUpTo: everyCutUpTo)
    for reads in ways.all() {
      let found = replay(reads)
      if found != expected { others.append((reads, found)) }
    }
    whole = expected
    disagreements = others
  }

  /// The same for a parser that is itself the result.
  package init(
    _ bytes: [UInt8], seed: UInt64 = 1, randomCuts: Int = 16, everyCutUpTo: Int = 4096,
    start: () -> Result, feed: (inout Result, Span<UInt8>) -> Void
  ) {
    self.init(
      bytes, seed: seed, randomCuts: randomCuts, everyCutUpTo: everyCutUpTo,
      start: start, feed: feed, result: { $0 })
  }
}

/// The ways of cutting `count` bytes into reads, beside leaving them whole.
private struct Cuts {
  let count: Int
  let seed: UInt64
  let randomCuts: Int
  let everyCutUpTo: Int

  func all() -> [[Int]] {
    var random = SeededRandom(seed: seed)
    var ways = [[Int](repeating: 1, count: count)]
    if count <= everyCutUpTo {
      // The two empty reads at the ends are wanted: a parser meets them after a spurious wake-up.
      ways += (0...count).map { [$0, count - $0] }
    } else {
      ways += (0..<randomCuts).map { _ in
        let first = Int.random(in: 0...count, using: &random)
        return [first, count - first]
      }
    }
    for _ in 0..<randomCuts { ways.append(randomReads(using: &random)) }
    return ways
  }

  private func randomReads(using random: inout SeededRandom) -> [Int] {
    var reads: [Int] = []
    var left = count
    let longest = Int.random(in: 1...64, using: &random)
    while left > 0 {
      let size = min(left, Int.random(in: 1...longest, using: &random))
      reads.append(size)
      left -= size
    }
    return reads
  }
}
