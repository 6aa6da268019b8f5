// Whether a connection that mostly receives may let its acknowledgements wait for one another.
//
// Linux acknowledges at once what a reader has emptied its socket of, unless the connection carries
// data the other way: for a relay of small events that is a packet for each, a sixth of all its work.
// A delayed acknowledgement (RFC 9293 §3.8.6.3) answers two. But a sender with Nagle's algorithm
// (RFC 896) holds a small segment back until the last one is acknowledged, here for the 40 ms of
// Linux' timer. So acknowledgements are delayed only where the peer has been seen to send a small
// segment while another one was not acknowledged.

/// What became of the trials at one peer's address; shared by its connections of one loop.
///
/// A trial at a peer that waits for acknowledgements holds one of its events up for 40 ms. So there is
/// one at a time until one has succeeded, and after a failure none for two seconds, then four, up to 17
/// minutes. No connection fails twice.
package final class AcknowledgementTrials {
  /// A trial that has not ended by then is not waited for: its connection may be gone.
  static let patience = Duration.milliseconds(200)
  static let mostFailures = 10

  private var hasSucceeded = false
  private var failures = 0
  private var nextTrial = Instant(nanoseconds: 0)
  /// Of trials that were under way together, the first failure speaks for all.
  private var nextFailure = Instant(nanoseconds: 0)

  package init() {}

  /// Whether a trial may begin; it then has.
  func begin(at now: Instant) -> Bool {
    if hasSucceeded { return true }
    guard now >= nextTrial else { return false }
    nextTrial = now + Self.patience
    return true
  }

  func end(succeeded: Bool, at now: Instant) {
    hasSucceeded = succeeded
    if succeeded { failures = 0 }
    guard !succeeded, now >= nextFailure else { return }
    failures = min(failures + 1, Self.mostFailures)
    nextTrial = now + .seconds(1 << failures)
    nextFailure = now + Self.patience
  }
}

/// One connection's part. 16 bytes; a read costs it a dozen instructions and no call of the kernel.
package struct AcknowledgementPace {
  /// What is to be done at the socket.
  enum Step: Equatable {
    case nothing
    case delay
    /// Tell `conclude` whether the kernel still delays, and how large a full segment is.
    case ask
  }

  /// Reads closer than this are steady. The kernel's timer ends a delay after 40 ms, so that slower
  /// ones would gain nothing. In units of 2^20 ns.
  static let steadyTicks: UInt32 = 28
  /// Steady reads before acknowledgements are delayed.
  static let settlingReads: UInt8 = 4
  /// Steady reads until it is said again: lost and disordered packets make the kernel forget.
  static let repeatingReads: UInt8 = 64

  private enum Phase: UInt8 {
    case unproven
    /// The kernel was told to delay; the next read is the first whose acknowledgement waits.
    case delaying
    case waiting
    /// The peer does not wait for acknowledgements.
    case proven
    /// It may, and is not held up again on this connection: other peers may stand at its address.
    case spared
  }

  private let trials: AcknowledgementTrials
  private var lastTick: UInt32 = 0
  private var largestRead: UInt16 = 0
  private var readsToGo = settlingReads
  private var phase = Phase.unproven

  package init(_ trials: AcknowledgementTrials) { self.trials = trials }

  /// The socket was emptied of `bytes`, as they came over the wire.
  mutating func noteRead(_ bytes: Int, at now: Instant) -> Step {
    let tick = UInt32(truncatingIfNeeded: now.nanoseconds >> 20)
    let isSteady = tick &- lastTick < Self.steadyTicks
    lastTick = tick
    switch phase {
    case .unproven, .proven:
      readsToGo = isSteady ? readsToGo &- 1 : Self.settlingReads
      return readsToGo == 0 ? delay(at: now) : .nothing
    case .delaying:
      largestRead = UInt16(clamping: bytes)
      phase = .waiting
      return .nothing
    case .waiting:
      largestRead = max(largestRead, UInt16(clamping: bytes))
      return .ask
    case .spared:
      return .nothing
    }
  }

  /// The connection waits for its next request. A trial that is under way says nothing: the kernel's
  /// timer ends its delay in the meantime, whatever the peer does.
  package mutating func rest() {
    if phase == .delaying || phase == .waiting { phase = .unproven }
    readsToGo = Self.settlingReads
  }

  private mutating func delay(at now: Instant) -> Step {
    if phase == .proven {
      readsToGo = Self.repeatingReads
      return .delay
    }
    readsToGo = Self.settlingReads
    guard trials.begin(at: now) else { return .nothing }
    phase = .delaying
    return .delay
  }

  /// Two reads have come since the kernel was told. Where it still delays, the first was not
  /// acknowledged when the second was sent; where both were less than a segment, the peer sent a
  /// small one in spite of that.
  mutating func conclude(isDelaying: Bool, segmentBytes: Int, at now: Instant) {
    let succeeded = isDelaying && Int(largestRead) < segmentBytes
    phase = succeeded ? .proven : .spared
    readsToGo = Self.repeatingReads
    trials.end(succeeded: succeeded, at: now)
  }
}
