// What is known of an endpoint's health, shared by all loops: what one of them has met, the others
// need not meet again.

package import IO
internal import Synchronization

/// When an endpoint that keeps failing is left alone for a while.
package struct EjectionOptions: Sendable {
  /// So many failures in a row; 0 ejects nobody.
  package var failures = 5
  /// For how long; doubles with each further ejection without a success, up to 32 times this.
  package var time = Duration.seconds(10)

  package init() {}
}

/// Requests of weir's own that ask an endpoint how it is.
package struct HealthOptions: Sendable {
  /// The whole path; that of the upstream's URL is not put before it.
  package var path: String
  package var interval = Duration.seconds(10)
  /// From connecting to the answer's head.
  package var timeout = Duration.seconds(2)

  package init(path: String) { self.path = path }
}

/// One endpoint's, until a reload. A request reads two integers of it, and writes where something
/// changes.
package final class EndpointHealth: Sendable {
  private let failuresInARow = Atomic<Int>(0)
  private let ejectionsInARow = Atomic<Int>(0)
  private let ejectedUntil = Atomic<UInt64>(0)
  private let failedChecks = Atomic<Int>(0)
  private let nextCheck = Atomic<UInt64>(0)
  private let lastChange = Atomic<UInt64>(0)

  private static let mostDoublings = 5
  /// One lost check among many good ones says little.
  private static let checksThatTell = 2

  package init() {}

  /// Whether requests should go there, if there is a choice.
  package func isAvailable(at now: Instant) -> Bool {
    failedChecks.load(ordering: .relaxed) < Self.checksThatTell
      && ejectedUntil.load(ordering: .relaxed) <= now.nanoseconds
  }

  /// When that last became otherwise by an event, and not by an ejection's end.
  package var changed: Instant { Instant(nanoseconds: lastChange.load(ordering: .relaxed)) }

  /// It answered, and not with a failure of its own.
  func succeeded() {
    if failuresInARow.load(ordering: .relaxed) != 0 { failuresInARow.store(0, ordering: .relaxed) }
    if ejectionsInARow.load(ordering: .relaxed) != 0 {
      ejectionsInARow.store(0, ordering: .relaxed)
    }
  }

  /// It could not be connected to, broke off before its answer, or answered with 5xx.
  func failed(at now: Instant, by rule: EjectionOptions) {
    // Requests that were under way when it was ejected tell nothing new.
    guard rule.failures > 0, ejectedUntil.load(ordering: .relaxed) <= now.nanoseconds else {
      return
    }
    let count = failuresInARow.wrappingAdd(1, ordering: .relaxed).newValue
    guard count >= rule.failures else { return }
    // Once it is back, the first failure is enough to eject it again.
    failuresInARow.store(rule.failures - 1, ordering: .relaxed)
    let times = ejectionsInARow.wrappingAdd(1, ordering: .relaxed).oldValue
    let end = now + rule.time * (1 << min(times, Self.mostDoublings))
    ejectedUntil.store(end.nanoseconds, ordering: .relaxed)
    lastChange.store(now.nanoseconds, ordering: .relaxed)
  }

  /// Whether the caller is to check now: of all loops, one for each interval.
  func claimsCheck(at now: Instant, every interval: Duration) -> Bool {
    let due = nextCheck.load(ordering: .relaxed)
    guard due <= now.nanoseconds else { return false }
    let next = (now + interval).nanoseconds
    return nextCheck.compareExchange(expected: due, desired: next, ordering: .relaxed).exchanged
  }

  func checked(isWell: Bool, at now: Instant) {
    let before = failedChecks.load(ordering: .relaxed)
    let after = isWell ? 0 : min(before + 1, Self.checksThatTell)
    failedChecks.store(after, ordering: .relaxed)
    if (before < Self.checksThatTell) != (after < Self.checksThatTell) {
      lastChange.store(now.nanoseconds, ordering: .relaxed)
    }
  }
}
