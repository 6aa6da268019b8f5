// The figures of one loop, or of several added up, as a value that crosses threads.

/// What one observation came from; shown on OpenMetrics pages.
package struct Exemplar: Equatable, Sendable {
  /// 32 lower-case hexadecimal digits, of a `traceparent` that says "sampled".
  package var traceID: String
  /// In the histogram's observed units.
  package var value: UInt64
  /// Nanoseconds of Unix time.
  package var unixNanoseconds: UInt64
}

/// All figures at one moment, or what has been added to them since another.
package struct MetricsSnapshot: Equatable, Sendable {
  private(set) var slots: [UInt64] = []
  /// By the slot of their bucket.
  private(set) var exemplars: [Int: Exemplar] = [:]

  private static let slotsBetweenPauses = 16_384

  package init() {}

  init(slots: [UInt64], exemplars: [Int: Exemplar]) {
    self.slots = slots
    self.exemplars = exemplars
  }

  /// As many figures, all of them 0: what a shard goes on counting in, see `MetricsShard.lend`. It
  /// is new memory each time, so that no two shards share it.
  package var blank: MetricsSnapshot {
    MetricsSnapshot(slots: [UInt64](repeating: 0, count: slots.count), exemplars: [:])
  }

  /// Adds the figures of another loop. Gauges add up too: they are kept as what each loop put in
  /// less what it took out. Of two exemplars the later one stays.
  ///
  /// - Parameter pause: called every 20 µs or so.
  package mutating func merge(_ other: MetricsSnapshot, pausing pause: () -> Void = {}) {
    if slots.count < other.slots.count {
      slots += [UInt64](repeating: 0, count: other.slots.count - slots.count)
    }
    var start = 0
    while start < other.slots.count {
      let end = min(start + Self.slotsBetweenPauses, other.slots.count)
      for index in start..<end { slots[index] &+= other.slots[index] }
      start = end
      pause()
    }
    exemplars.merge(other.exemplars) { $0.unixNanoseconds >= $1.unixNanoseconds ? $0 : $1 }
  }

  /// A figure; 0 for a child that no loop has met.
  subscript(slot: Int) -> UInt64 { slot < slots.count ? slots[slot] : 0 }
}
