// Time as the loops see it: one monotonic clock, read once each time a loop wakes.

/// A point on the kernel's monotonic clock, in nanoseconds from an arbitrary start.
///
/// Points of different kernels (a real and a fake one) must not be compared.
package struct Instant: Comparable, Hashable, Sendable {
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Later than every instant a clock will show.
  package static let distantFuture = Instant(nanoseconds: .max)

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The instant `duration` later; `distantFuture` where that lies beyond the clock's range.
  package static func + (start: Instant, duration: Duration) -> Instant {
    let (sum, overflow) = start.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
    return overflow ? .distantFuture : Instant(nanoseconds: sum)
  }

  /// Nanoseconds from `earlier` to here; 0 if it is not earlier.
  package func nanoseconds(since earlier: Instant) -> UInt64 {
    nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
  }
}

extension Duration {
  /// Nanoseconds, fractions dropped; 0 for a negative duration, `UInt64.max` beyond 584 years.
  package var wholeNanoseconds: UInt64 {
    // One division of 128 bits; `components` makes several.
    let nanoseconds = attoseconds / 1_000_000_000
    return UInt64(clamping: nanoseconds)
  }
}
