// What admission says to a request, as metrics, logs and the client see it.

/// How a request's wait for its permits ended; the closed set of the label `decision`.
package enum AdmissionDecision: String, CaseIterable, Sendable {
  case immediate, waited
  case queueFull = "queue_full"
  case timeout
  case clientGone = "client_gone"
  case draining
}

/// Why a request gets no permits. It holds nothing then, and waits nowhere.
package enum AdmissionRefusal: Equatable, Sendable {
  /// It would have had to wait, and there is no place to wait, at the limit of this name.
  case queueFull(limit: String, retryAfterSeconds: Int)
  /// It waited as long as its limits allow; the limit is the one that held it up when it came.
  case queueTimeout(limit: String, retryAfterSeconds: Int)
  case draining
}

/// How long requests waited, in the buckets of `weir_limit_wait_seconds`.
package struct WaitTimes: Equatable, Sendable {
  /// Upper bounds in milliseconds, inclusive; one more bucket holds what is beyond the last.
  package static let boundsInMilliseconds: [UInt64] = [
    1, 5, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000,
  ]

  /// How many fell into each bucket alone, not into those below it too.
  package private(set) var counts = [UInt64](repeating: 0, count: boundsInMilliseconds.count + 1)
  package private(set) var sumNanoseconds: UInt64 = 0

  package init() {}

  package var total: UInt64 { counts.reduce(0, +) }

  mutating func record(_ nanoseconds: UInt64) {
    counts[nanoseconds == 0 ? 0 : Self.bucket(of: nanoseconds)] &+= 1
    sumNanoseconds &+= nanoseconds
  }

  private static func bucket(of nanoseconds: UInt64) -> Int {
    boundsInMilliseconds.firstIndex { nanoseconds <= $0 &* 1_000_000 }
      ?? boundsInMilliseconds.count
  }
}
