// The loop on which provider and clients live together, on a core of their own, and the ways to
// let it run for a while.

import Glibc
import IO

final class Rig: TimerOwner {
  /// The core of the provider and the clients.
  static let ownProcessor = 1
  /// The core of the proxy under test.
  static let proxyProcessor = 0

  let loop: EventLoop
  let pattern = EventPattern()
  let provider: Provider
  /// With TLS; nil unless asked for.
  let secureProvider: Provider?
  private var alarm: LoopTimer?
  private var signals: SignalReceiver?
  private(set) var isInterrupted = false
  /// Real-time priority was wanted for latencies and not allowed.
  var lacksRealTime = false

  init(certificate: TLSContext?) throws(SystemError) {
    SignalReceiver.block([SIGINT, SIGTERM])
    Thread.pinCurrent(toProcessor: Self.ownProcessor)
    // Before other work on the machine, as far as that is allowed; targets inherit it.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -20)
    loop = try EventLoop(kernel: LinuxKernel())
    provider = try Provider(on: loop, tls: nil)
    secureProvider =
      if let certificate { try Provider(on: loop, tls: certificate) } else { nil }
    alarm = LoopTimer(on: loop, owner: self)
    signals = try SignalReceiver([SIGINT, SIGTERM], on: loop) { [unowned self] _ in
      isInterrupted = true
    }
  }

  func timerFired(_ timer: LoopTimer) {}

  /// Turns the loop until `condition` holds; false if it does not within `limit`.
  func run(upTo limit: Duration, until condition: () -> Bool) throws(BenchError) -> Bool {
    let deadline = loop.kernel.now() + limit
    alarm?.set(deadline)
    while !condition() {
      if isInterrupted { throw BenchError("interrupted") }
      if loop.kernel.now() >= deadline { return false }
      loop.turn()
    }
    return true
  }

  func run(for duration: Duration) throws(BenchError) {
    _ = try run(upTo: duration) { false }
  }
}
