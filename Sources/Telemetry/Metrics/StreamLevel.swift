// How many streams are open, and how many were at most: a peak of a sum is no sum of peaks, so the
// loops share this one count.

internal import Synchronization

/// A level and the highest it has been. Any thread may change it.
package final class StreamLevel: Sendable {
  private let current = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)

  package init() {}

  package func rise() {
    let level = current.add(1, ordering: .relaxed).newValue
    highest.max(level, ordering: .relaxed)
  }

  package func fall() { current.subtract(1, ordering: .relaxed) }

  package var peak: Int { highest.load(ordering: .relaxed) }
}
