// weir's own feed of server-sent events: once a second what is, and at once what happens. While
// nobody listens it does nothing.

package import IO

/// The feed's events, by the names they bear.
enum FeedEvent: String, CaseIterable {
  /// Totals, rates, limits, errors and distributions.
  case snapshot
  /// The open streams.
  case streams
  /// Exchanges that ended.
  case ended
  /// Reloads, drains, the end.
  case lifecycle
}

package final class EventFeed: TimerOwner {
  /// Enough for a wall of screens; each costs a few kilobytes a second.
  package static let listenerLimit = 16
  private static let period = Duration.seconds(1)
  private static let keepAlivePeriods = 15
  /// Ended exchanges told of in one event.
  private static let endedLimit = 50

  private let loop: EventLoop
  private let board: StatusBoard
  /// Has the board take a look, and then calls back.
  private let look: (@escaping () -> Void) -> Void
  private var listeners: [ObjectIdentifier: FeedListener] = [:]
  private var timer: LoopTimer?
  private var json = StatusJSON()
  private var isLooking = false
  private var periods = 0
  /// Of the exchanges that have ended, how many have been told of.
  private var toldCount = 0

  package init(
    on loop: EventLoop, board: StatusBoard, look: @escaping (@escaping () -> Void) -> Void
  ) {
    self.loop = loop
    self.board = board
    self.look = look
    timer = LoopTimer(on: loop, owner: self)
  }

  package var hasListeners: Bool { !listeners.isEmpty }

  /// Ends the feed's own work, for good: lets go of its timer.
  package func close() {
    timer?.invalidate()
    timer = nil
  }

  /// Begins to tell `listener`, unless there are too many.
  func add(_ listener: FeedListener) -> Bool {
    guard listeners.count < Self.listenerLimit else { return false }
    let key = ObjectIdentifier(listener)
    if listeners.isEmpty { toldCount = board.endedCount }
    listeners[key] = listener
    listener.left = { [unowned self] in listeners[key] = nil }
    listener.begin()
    if let timer, !timer.isSet { timer.set(loop.now + Self.period) }
    takeLook()
    return true
  }

  package func timerFired(_ timer: LoopTimer) {
    guard hasListeners else { return }
    timer.set(loop.now + Self.period)
    periods += 1
    if periods % Self.keepAlivePeriods == 0 {
      for listener in listeners.values { listener.keepAlive() }
    }
    takeLook()
  }

  /// Tells of an event in weir's life; behind the last of them the feed's answers end.
  package func tell(lifecycle event: String, atUnixNanoseconds time: UInt64) {
    guard hasListeners else { return }
    let text = json.lifecycle(event, atUnixNanoseconds: time)
    for listener in listeners.values {
      listener.insist(.lifecycle, text)
      if event == "stopped" { listener.end() }
    }
  }

  private func takeLook() {
    let wantsLook = listeners.values.contains { $0.kinds != [.lifecycle] }
    guard !isLooking, wantsLook else { return }
    isLooking = true
    look { [unowned self] in
      isLooking = false
      publish()
    }
  }

  private func publish() {
    guard hasListeners else { return }
    var events = [(FeedEvent.snapshot, json.snapshot(board, at: loop.now))]
    let fresh = board.endedCount - toldCount
    if fresh > 0 {
      events.append((.ended, json.ended(board, last: fresh, atMost: Self.endedLimit)))
    }
    toldCount = board.endedCount
    var streams: [Int: [UInt8]] = [:]
    for listener in listeners.values {
      guard listener.kinds.contains(.streams) else {
        listener.send(events)
        continue
      }
      let text = streams[listener.rows] ?? json.live(board, rows: listener.rows)
      streams[listener.rows] = text
      listener.send(events + [(.streams, text)])
    }
  }
}
