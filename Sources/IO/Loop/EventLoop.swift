// One loop, one thread, one epoll instance. Whatever it watches is born, lives and dies on its
// thread; loops share nothing and talk by mailbox.

/// What a loop calls when a descriptor of its has news.
package protocol EventHandler: AnyObject {
  func ready(_ readiness: Readiness)
}

/// A descriptor's place in its loop. The generation makes an event that was fetched before the
/// descriptor closed, and whose slot is already used anew, come to nothing.
package struct Registration: Equatable, Sendable {
  fileprivate let slot: UInt32
  fileprivate let generation: UInt32

  fileprivate var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

  fileprivate init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  fileprivate init(token: UInt64) {
    self.init(slot: UInt32(truncatingIfNeeded: token), generation: UInt32(token >> 32))
  }
}

package final class EventLoop {
  package let kernel: any Kernel
  /// When this loop last woke, or last looked. Read once for all events of one wait.
  package private(set) var now: Instant
  /// What the clock said when it was read last, for `now` or later.
  package private(set) var lastReading: Instant
  package let timers = Timers()
  package let buffers = LoopBuffers()
  /// Told, when timers were due, how many nanoseconds ago the first of them was.
  package var timersRanLate: ((UInt64) -> Void)?

  private let poller: Int32
  private var slots: [Slot] = []
  private var freeSlots: [UInt32] = []
  /// Handlers that left something to read, to be called again once the others have had their turn.
  private var unfinished: [(Registration, Readiness)] = []
  private var attended: [(Registration, Readiness)] = []
  private let events: UnsafeMutableBufferPointer<ReadyEvent>
  private var isStopping = false

  private struct Slot {
    var generation: UInt32
    var handler: (any EventHandler)?
  }

  package init(kernel: any Kernel, eventsPerWait: Int = 512) throws(SystemError) {
    self.kernel = kernel
    now = kernel.now()
    lastReading = now
    poller = try kernel.makePoller()
    events = .allocate(capacity: eventsPerWait)
    events.initialize(repeating: ReadyEvent(token: 0, readiness: []))
  }

  deinit {
    kernel.close(poller)
    events.deallocate()
  }

  /// The clock as it stands, where `now` is too old. 20 ns.
  package func readClock() -> Instant {
    lastReading = kernel.now()
    return lastReading
  }

  /// Nanoseconds since 1970-01-01T00:00:00Z.
  package func readWallClock() -> UInt64 { kernel.wallClockNanoseconds() }

  /// The kernel's, asked for here because it is one step away: a further step counts a reference.
  func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    kernel.send(descriptor, bytes)
  }

  /// Descriptors watched now.
  package var watchedCount: Int { slots.count - freeSlots.count }
}

// MARK: - Registrations

extension EventLoop {
  /// Watches `descriptor`; the loop keeps `handler` alive until `deregister`.
  package func register(
    _ descriptor: Int32, mode: WatchMode, handler: any EventHandler
  ) throws(SystemError) -> Registration {
    let slot = freeSlots.popLast() ?? UInt32(slots.count)
    if Int(slot) == slots.count { slots.append(Slot(generation: 1, handler: nil)) }
    let registration = Registration(slot: slot, generation: slots[Int(slot)].generation)
    do {
      try kernel.watch(descriptor, token: registration.token, mode: mode, on: poller)
    } catch {
      freeSlots.append(slot)
      throw error
    }
    slots[Int(slot)].handler = handler
    return registration
  }

  /// Hands a watched descriptor from one handler to the next.
  package func replaceHandler(of registration: Registration, with handler: any EventHandler) {
    precondition(isCurrent(registration), "a descriptor was handed on after it was given up")
    slots[Int(registration.slot)].handler = handler
  }

  /// Forgets the handler. The descriptor is the caller's to close, at once: closing ends the watch.
  package func deregister(_ registration: Registration) {
    guard isCurrent(registration) else { return }
    slots[Int(registration.slot)].handler = nil
    slots[Int(registration.slot)].generation &+= 1
    freeSlots.append(registration.slot)
  }

  /// Hears no more of a descriptor that other processes may have copies of. The kernel would go on
  /// telling this loop in place of theirs, because closing one copy ends no watch (epoll(7)).
  package func unwatch(_ descriptor: Int32) { kernel.unwatch(descriptor, on: poller) }

  /// Calls the handler again, after all others that are ready now.
  package func callAgain(_ registration: Registration, _ readiness: Readiness) {
    unfinished.append((registration, readiness))
  }

  private func isCurrent(_ registration: Registration) -> Bool {
    slots[Int(registration.slot)].generation == registration.generation
  }
}

// MARK: - Turning

extension EventLoop {
  /// Turns until `stop` is called on this loop's thread.
  package func run() {
    while !isStopping { turn() }
  }

  package func stop() { isStopping = true }

  /// Waits until something is ready or a timer is due, and attends to all of it once.
  package func turn() {
    let deadline = unfinished.isEmpty ? timers.nextDeadline : now
    let count = kernel.wait(on: poller, into: events, until: deadline)
    now = kernel.now()
    lastReading = now
    // What is added while these are called waits for the next turn. Two arrays take turns, because
    // emptying one that is shared would allocate another, every turn.
    swap(&unfinished, &attended)
    for index in 0..<count {
      let event = events[index]
      call(Registration(token: event.token), event.readiness)
    }
    if !attended.isEmpty {
      for index in attended.indices { call(attended[index].0, attended[index].1) }
      attended.removeAll(keepingCapacity: true)
    }
    if let due = timers.nextDeadline, due <= now {
      timersRanLate?(now.nanoseconds(since: due))
      timers.fire(at: now)
    }
  }

  /// When this loop next wants to run though nothing happens; nil for never.
  package var nextWakeUp: Instant? { unfinished.isEmpty ? timers.nextDeadline : now }

  private func call(_ registration: Registration, _ readiness: Readiness) {
    guard isCurrent(registration) else { return }
    slots[Int(registration.slot)].handler?.ready(readiness)
  }
}
