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
    // 10^9 is 2^9 × 5^9: what is left of some hours, shifted, fits in 64 bits, where dividing by a constant is
    // a multiplication. `components` makes several divisions of 128 bits.
    if let rest = UInt64(exactly: attoseconds >> 9) { return rest / 1_953_125 }
    return UInt64(clamping: attoseconds / 1_000_000_000)
  }
}
