// What simulated providers have seen, readable from any thread while they run.

internal import Synchronization

/// Counts of one provider, or of all that were given the same one.
package final class ProviderCounts: Sendable {
  private let connections = Atomic<Int>(0)
  private let active = Atomic<Int>(0)
  private let requests = Atomic<Int>(0)
  private let cancelled = Atomic<Int>(0)

  package init() {}

  /// Connections open now.
  package var openConnections: Int { connections.load(ordering: .relaxed) }
  /// Requests whose answers are not over yet, tunnels among them.
  package var activeRequests: Int { active.load(ordering: .relaxed) }
  /// Requests taken since the start.
  package var requestsTaken: Int { requests.load(ordering: .relaxed) }
  /// Requests whose client went before the answer was out.
  package var cancelledRequests: Int { cancelled.load(ordering: .relaxed) }

  func connectionOpened() { connections.add(1, ordering: .relaxed) }
  func connectionClosed() { connections.subtract(1, ordering: .relaxed) }

  func requestBegan() {
    requests.add(1, ordering: .relaxed)
    active.add(1, ordering: .relaxed)
  }

  func requestEnded(cancelled isCancelled: Bool) {
    active.subtract(1, ordering: .relaxed)
    if isCancelled { cancelled.add(1, ordering: .relaxed) }
  }
}
