// Waits with deadlines, which one timer of the kernel's ends for all waits on a poller.

internal import IO
internal import Testing

@Suite struct LinuxWaitTests {
  private let kernel = LinuxKernel()

  /// Waits as a loop does, again whenever a wait ended without news, and returns when it was over.
  private func wait(on poller: Int32, for duration: Duration) -> (deadline: Instant, end: Instant) {
    let deadline = kernel.now() + duration
    withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 4) { events in
      while kernel.now() < deadline {
        #expect(kernel.wait(on: poller, into: events, until: deadline) == 0)
      }
    }
    return (deadline, kernel.now())
  }

  // Goal: no wait is longer or shorter than its deadline, whatever the one before was.
  // Method: deadlines that come earlier than the last one, later, and at once.
  @Test func eachWaitHasItsDeadline() throws {
    let poller = try kernel.makePoller()
    defer { kernel.close(poller) }
    let waker = try kernel.makeWaker()
    try kernel.watch(waker.descriptor, token: 7, mode: .readable, on: poller)
    waker.wake()
    withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 4) { events in
      // An hour is set, and something else ends the wait.
      let hour = kernel.now() + .seconds(3600)
      #expect(kernel.wait(on: poller, into: events, until: hour) == 1)
      #expect(events[0].token == 7)
    }
    kernel.clearWaker(waker.descriptor)
    for milliseconds in [5, 20, 0, 1] {
      let (deadline, end) = wait(on: poller, for: .milliseconds(milliseconds))
      #expect(end >= deadline)
    }
  }

  // Goal: pollers of one kernel do not take each other's deadlines, and one can be closed.
  // Method: an hour at one; waits at the other, too long to be timeouts, end all the same; then a wait at
  // the first one, whose hour must give way.
  @Test(.timeLimit(.minutes(1))) func pollersHaveTheirOwn() throws {
    let first = try kernel.makePoller()
    let second = try kernel.makePoller()
    let waker = try kernel.makeWaker()
    try kernel.watch(waker.descriptor, token: 7, mode: .readable, on: first)
    waker.wake()
    withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 4) { events in
      #expect(kernel.wait(on: first, into: events, until: kernel.now() + .seconds(3600)) == 1)
    }
    kernel.clearWaker(waker.descriptor)
    for poller in [second, first, second] {
      let (deadline, end) = wait(on: poller, for: .milliseconds(5))
      #expect(end >= deadline)
    }
    kernel.close(first)
    let (deadline, end) = wait(on: second, for: .milliseconds(5))
    #expect(end >= deadline)
    kernel.close(second)
  }
}
