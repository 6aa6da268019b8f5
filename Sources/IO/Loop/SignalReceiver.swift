// Signals as events of a loop, so that a handler may do whatever other code may.

internal import CSystem
internal import Glibc

package final class SignalReceiver: EventHandler {
  private let loop: EventLoop
  private let descriptor: Int32
  private let receive: (Int32) -> Void
  private var registration: Registration?

  /// Blocks the signals for this thread and those it starts from now on; call it before any other
  /// thread exists, or one of them may die of a signal that was meant for the loop.
  package static func block(_ signals: [Int32]) {
    var set = Self.set(of: signals)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A peer that closes is an ordinary event here, no reason to die.
    signal(SIGPIPE, SIG_IGN)
  }

  package init(
    _ signals: [Int32], on loop: EventLoop, receive: @escaping (Int32) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.receive = receive
    var set = Self.set(of: signals)
    descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
    if descriptor < 0 { throw SystemError("signalfd", code: errno) }
    registration = try loop.register(descriptor, mode: .readable, handler: self)
  }

  package func ready(_ readiness: Readiness) {
    var entry = signalfd_siginfo()
    while read(descriptor, &entry, MemoryLayout.size(ofValue: entry)) > 0 {
      receive(Int32(entry.ssi_signo))
    }
  }

  private static func set(of signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }
}
