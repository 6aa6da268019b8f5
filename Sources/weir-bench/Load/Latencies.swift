// What many events took from the provider's write to the client's read, and what can be said of it.

/// In nanoseconds, in the order in which the events came.
struct Latencies {
  private(set) var all: [UInt32] = []

  mutating func removeAll() { all.removeAll(keepingCapacity: true) }

  mutating func append(_ nanoseconds: UInt64) { all.append(UInt32(clamping: nanoseconds)) }

  static func += (left: inout Latencies, right: Latencies) { left.all += right.all }

  /// 0 if there are none.
  func percentile(_ percent: Int) -> Double { all.sorted().percentile(percent) }

  /// The median of what the percentile is in each of so many parts of the time.
  ///
  /// On a machine that is shared, all that runs stands still for milliseconds, oftener than once in a
  /// second: that is more than one event in a hundred, so that a run's own p99 is the neighbours'.
  func percentile(_ percent: Int, medianOfParts parts: Int) -> Double {
    guard all.count >= parts else { return percentile(percent) }
    let each = (0..<parts).map { part in
      all[all.count * part / parts..<all.count * (part + 1) / parts].sorted().percentile(percent)
    }
    return each.sorted()[parts / 2]
  }
}

extension [UInt32] {
  /// Of sorted values; 0 if there are none.
  func percentile(_ percent: Int) -> Double {
    isEmpty ? 0 : Double(self[Swift.min(count - 1, count * percent / 100)])
  }
}
