// How many clients may be connected at once, so that a flood of them leaves descriptors for what
// their requests need.

internal import Synchronization

/// One count for all loops. An accepted connection takes a place and gives it back when it has closed.
package final class ConnectionBound: Sendable {
  private let open = Atomic(0)
  private let limit: Atomic<Int>

  package init(_ limit: Int = .max) { self.limit = Atomic(limit) }

  /// A new limit; connections above a lowered one stay until they end.
  package func apply(_ limit: Int) { self.limit.store(limit, ordering: .relaxed) }

  package var openCount: Int { open.load(ordering: .relaxed) }

  /// Whether there was a place. Never lets the limit be passed, whichever loops ask together.
  package func take() -> Bool {
    let taken = open.add(1, ordering: .relaxed).newValue
    if taken <= limit.load(ordering: .relaxed) { return true }
    giveBack()
    return false
  }

  /// For a connection that another process has accepted: it is there, and may have sent a request.
  package func takeAnyway() { open.add(1, ordering: .relaxed) }

  package func giveBack() { open.subtract(1, ordering: .relaxed) }
}
