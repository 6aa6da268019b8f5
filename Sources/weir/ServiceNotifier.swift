// Tells systemd, or whoever else offers a NOTIFY_SOCKET, how the service is: sd_notify(3). Without
// one, every call does nothing.

import IO

final class ServiceNotifier: TimerOwner {
  private let loop: EventLoop
  private let path: String?
  /// How often the watchdog is to be told that all loops turn; nil if nobody watches.
  private let watchdogInterval: Duration?
  private var timer: LoopTimer?
  private var isStopping = false
  private var askLoops: (() -> Void)?

  /// `variables` are the process's. systemd means `WATCHDOG_USEC` for the process
  /// `WATCHDOG_PID` alone, and wants a sign of life at least that often; half of it is asked for.
  init(on loop: EventLoop, variables: [String: String], processID: Int32) {
    self.loop = loop
    path = variables["NOTIFY_SOCKET"].flatMap { $0.isEmpty || $0.utf8.count > 107 ? nil : $0 }
    let isMeant = variables["WATCHDOG_PID"].map { Int32($0) == processID } ?? true
    let microseconds = isMeant ? variables["WATCHDOG_USEC"].flatMap(Int64.init) : nil
    watchdogInterval = microseconds.flatMap { $0 > 0 ? .microseconds($0 / 2) : nil }
  }

  /// The service serves. From here on, as often as the watchdog wants, `askLoops` is to find out
  /// whether every loop turns, and `allLoopsTurn` to be called when they have answered: a loop
  /// that hangs leaves the watchdog without a sign, and systemd starts weir anew.
  func ready(_ status: String, askLoops: @escaping () -> Void) {
    tell("READY=1\nSTATUS=\(status)")
    guard path != nil, watchdogInterval != nil else { return }
    self.askLoops = askLoops
    timer = LoopTimer(on: loop, owner: self)
    askLoops()
  }

  func allLoopsTurn() {
    guard let watchdogInterval, let timer else { return }
    tell("WATCHDOG=1")
    timer.set(loop.now + watchdogInterval)
  }

  /// To be followed by `reloaded`, whatever came of it.
  func reloading() {
    guard !isStopping else { return }
    tell("RELOADING=1\nMONOTONIC_USEC=\(loop.kernel.now().nanoseconds / 1000)")
  }

  func reloaded(_ status: String) {
    guard !isStopping else { return }
    tell("READY=1\nSTATUS=\(status)")
  }

  /// `longest` is what the end may take: systemd's own patience may be shorter.
  func stopping(_ status: String, longest: Duration) {
    let microseconds = longest.components.seconds * 1_000_000 + 5_000_000
    isStopping = true
    tell("STOPPING=1\nSTATUS=\(status)\nEXTEND_TIMEOUT_USEC=\(microseconds)")
  }

  func timerFired(_ timer: LoopTimer) { askLoops?() }

  private func tell(_ state: String) {
    guard let path else { return }
    do {
      try UnixDatagram.send(state, to: path)
    } catch {
      say("weir: NOTIFY_SOCKET: \(error)")
    }
  }
}
