// A timer that is due each second and does nothing: a loop tells how late it runs its timers when one is
// due, and streams that flow well set none off for minutes.

/// Lives on its loop. A wake-up takes an idle loop some 50 µs, its caches being cold: a
/// twenty-thousandth of a core. A loop at work is awake anyway.
package final class LagProbe: TimerOwner {
  package static let interval = Duration.seconds(1)

  private let loop: EventLoop
  private var timer: LoopTimer?

  package init(on loop: EventLoop) {
    self.loop = loop
    let timer = LoopTimer(on: loop, owner: self)
    self.timer = timer
    // At once, so that the figure is there from the start. Not when the loop was made: that it had
    // to be set up is no lag.
    timer.set(loop.kernel.now())
  }

  /// The next is counted from now: after a stall there is nothing to catch up on.
  package func timerFired(_ timer: LoopTimer) { timer.set(loop.now + Self.interval) }

  /// The last use.
  package func stop() {
    timer?.invalidate()
    timer = nil
  }
}
