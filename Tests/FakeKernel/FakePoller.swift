// Readiness as epoll tells it: a list of watches that something happened to. What is told is what
// holds when the poller is asked, not what held when it happened.

internal import IO
internal import Synchronization

/// One descriptor at one poller.
final class Watch {
  let token: UInt64
  let mode: WatchMode
  unowned let poller: FakePoller
  /// Nil for a waker. A socket drops its watches when it is closed.
  private unowned let socket: FakeSocket?
  private let waker: WakerState?
  private(set) var isPending = false
  /// Told once in addition to what holds, by the weather.
  private var untruth: Readiness = []

  init(token: UInt64, mode: WatchMode, socket: FakeSocket, poller: FakePoller) {
    (self.token, self.mode, self.poller) = (token, mode, poller)
    (self.socket, waker) = (socket, nil)
  }

  init(token: UInt64, mode: WatchMode, waker: WakerState, poller: FakePoller) {
    (self.token, self.mode, self.poller) = (token, mode, poller)
    (socket, self.waker) = (nil, waker)
  }

  func becomePending() {
    guard !isPending else { return }
    isPending = true
    poller.pending.append(self)
  }

  func becomePendingIfWoken() {
    if let waker, waker.isWoken { becomePending() }
  }

  /// Readiness without cause, which Linux allows itself on connected sockets.
  func becomePendingWithoutCause() {
    guard let socket, mode == .edges, socket.state == .connected else { return }
    untruth = socket.sendIsShut ? .readable : [.readable, .writable]
    becomePending()
  }

  /// What to tell now; empty for nothing. A level stays pending while it holds.
  func takeReadiness(at now: Instant) -> Readiness {
    var readiness = socket?.readiness(at: now) ?? (waker!.isWoken ? .readable : [])
    readiness.formUnion(untruth)
    untruth = []
    if mode == .readable { readiness.formIntersection([.readable, .failed]) }
    isPending = mode == .readable && !readiness.isEmpty
    return readiness
  }

  func isOf(_ socket: FakeSocket) -> Bool { self.socket === socket }
  func isOf(_ waker: WakerState) -> Bool { self.waker === waker }
}

final class FakePoller {
  var watches: [Watch] = []
  var pending: [Watch] = []
  /// Until when its loop would sleep if it could; nil if it would not.
  var wantedWakeUp: Instant?

  func remove(_ watch: Watch) {
    watches.removeAll { $0 === watch }
    pending.removeAll { $0 === watch }
  }

  func wait(
    into events: UnsafeMutableBufferPointer<ReadyEvent>, at now: Instant, in weather: Weather,
    _ random: inout Dice
  ) -> Int {
    for watch in watches { watch.becomePendingIfWoken() }
    if random.chance(weather.spuriousEvents), let any = watches.randomElement(using: &random) {
      any.becomePendingWithoutCause()
    }
    var asked = pending
    pending = []
    if weather.shufflesEvents { asked.shuffle(using: &random) }
    var most = events.count
    if asked.count > 1, random.chance(weather.splitBatches) {
      most = min(most, random.number(in: 1...asked.count - 1))
    }
    var count = 0
    var stillHolding: [Watch] = []
    for watch in asked {
      guard count < most else {
        pending.append(watch)
        continue
      }
      let readiness = watch.takeReadiness(at: now)
      if readiness.isEmpty { continue }
      events[count] = ReadyEvent(token: watch.token, readiness: readiness)
      count += 1
      if watch.isPending { stillHolding.append(watch) }
    }
    pending += stillHolding
    return count
  }
}

/// What a waker and its kernel share. Any thread may wake, and let go of the waker.
final class WakerState: Sendable {
  private let woken = Atomic(false)
  private let released = Atomic(false)

  var isWoken: Bool { woken.load(ordering: .acquiring) }
  var isReleased: Bool { released.load(ordering: .acquiring) }

  func wake() { woken.store(true, ordering: .releasing) }
  func clear() { woken.store(false, ordering: .releasing) }
  func release() { released.store(true, ordering: .releasing) }
}

/// As Linux's eventfd under LinuxKernel, its descriptor lives as long as anybody might wake it.
final class FakeWaker: Waker {
  let descriptor: Int32
  private let state: WakerState

  init(descriptor: Int32, state: WakerState) {
    self.descriptor = descriptor
    self.state = state
  }

  deinit { state.release() }

  func wake() { state.wake() }
}
