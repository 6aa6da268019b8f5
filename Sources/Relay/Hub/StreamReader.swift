// One reader of a stream on its own loop: reads on as its owner has room, and does what the policy
// says where it does not keep up.

internal import Connections
package import Hub
package import IO
internal import Telemetry

/// Whoever a reader's bytes are for. Called on the loop's thread.
package protocol StreamReaderOwner: AnyObject {
  /// How many bytes it takes now; where it is 0, it calls `StreamReader.pump` when it takes more.
  var room: Int { get }
  func reader(_ reader: StreamReader, brought run: StreamRun)
  /// Events that were left out, because the reader did not keep up; never empty.
  func reader(_ reader: StreamReader, leftOut events: Range<Int>)
  /// The last call, and the reader has left its stream.
  func reader(_ reader: StreamReader, ended end: ReaderEnd)
}

package enum ReaderEnd: Equatable, Sendable {
  /// The stream ended so, and all of it that follows the reader's beginning was brought.
  case stream(StreamEnding)
  /// What comes next is not there any more.
  case lost(StreamLoss)
  /// It did not keep up, and the policy is to drop it, or to wait no longer.
  case dropped
}

/// Confined to its loop. Its feed keeps it, and it keeps its owner, until its end or `leave`.
package final class StreamReader: Enrolled, TimerOwner {
  package var rosterPlace = -1
  package let feed: StreamFeed
  private var subscription: Subscription
  /// Its place in the bounds on readers, until it leaves.
  private(set) var seat: SubscriberSeat?
  private let policy: LagPolicy
  private var owner: (any StreamReaderOwner)?
  /// When it has held its stream up long enough.
  private var timer: LoopTimer?
  /// Events left out of which the owner has not been told yet.
  private var gap = 0..<0
  private var isPumping = false
  /// While the owner takes nothing: how far the stream may grow before there is anything to do for
  /// this reader. Until then the stream's events cost it nothing.
  private var nothingBefore: Int?

  /// A run's bytes at most, so that a long replay shares the loop with the others.
  private static let runsInTurn = 4

  init(
    _ subscription: Subscription, in seat: SubscriberSeat, from feed: StreamFeed,
    policy: LagPolicy, owner: any StreamReaderOwner
  ) {
    self.subscription = subscription
    self.seat = seat
    self.feed = feed
    self.policy = policy
    self.owner = owner
  }

  package var log: StreamLog { feed.log }

  /// Brings what there is, as far as the owner has room. To be called once at the beginning, and
  /// when the owner takes more.
  package func pump() {
    // An owner that has sent may be told at once that it can send more.
    guard !isPumping else { return }
    isPumping = true
    nothingBefore = nil
    var runs = 0
    while let owner, owner.room > 0 {
      guard runs < Self.runsInTurn else {
        feed.callAgain(self)
        break
      }
      runs += 1
      if !bringNext(to: owner) { break }
    }
    isPumping = false
    releaseIfCaughtUp()
  }

  /// Returns whether there may be more.
  private func bringNext(to owner: any StreamReaderOwner) -> Bool {
    if !gap.isEmpty {
      let events = gap
      gap = 0..<0
      owner.reader(self, leftOut: events)
      return true
    }
    switch feed.next(&subscription, atMost: owner.room) {
    case .run(let run):
      owner.reader(self, brought: run)
      return true
    case .nothingYet: return false
    case .ended(let ending): end(.stream(ending))
    case .lost(let loss): end(.lost(loss))
    }
    return false
  }

  /// Reads no more; the owner hears nothing further.
  package func leave() {
    guard owner != nil else { return }
    owner = nil
    seat = nil
    stopHolding()
    timer?.invalidate()
    timer = nil
    feed.leave(self)
  }

  private func end(_ end: ReaderEnd) {
    let owner = owner
    leave()
    owner?.reader(self, ended: end)
  }
}

// MARK: - Keeping up

extension StreamReader {
  func streamGrew(_ tide: StreamTide) {
    if let nothingBefore, tide.position <= nothingBefore, tide.ending == nil { return }
    pump()
    // Nobody waits any more for a reader of what has ended.
    guard tide.ending == nil else { return stopHolding() }
    guard let owner else { return }
    guard subscription.lag(behind: tide) > policy.limitBytes else {
      if owner.room == 0 { nothingBefore = subscription.reach(within: policy.limitBytes) }
      return
    }
    switch policy.action {
    case .wait: hold()
    case .skip: skip()
    case .drop:
      feed.desk.metrics.subscriberLagged(.dropped)
      end(.dropped)
    }
  }

  private func skip() {
    let events = subscription.skip()
    guard !events.isEmpty else { return }
    feed.desk.metrics.subscriberLagged(.skipped)
    gap = gap.isEmpty ? events : gap.lowerBound..<events.upperBound
  }

  private func hold() {
    guard timer == nil else { return }
    feed.desk.metrics.subscriberLagged(.lagged)
    log.hold()
    let timer = LoopTimer(on: feed.desk.loop, owner: self)
    let (due, _) = feed.desk.loop.now.nanoseconds.addingReportingOverflow(policy.waitNanoseconds)
    timer.set(Instant(nanoseconds: due))
    self.timer = timer
  }

  private func releaseIfCaughtUp() {
    guard timer != nil, subscription.lag(behind: log.tide) <= policy.limitBytes / 2 else { return }
    stopHolding()
  }

  private func stopHolding() {
    guard let timer else { return }
    timer.invalidate()
    self.timer = nil
    log.release()
  }

  package func timerFired(_ timer: LoopTimer) {
    feed.desk.metrics.subscriberLagged(.dropped)
    end(.dropped)
  }
}
