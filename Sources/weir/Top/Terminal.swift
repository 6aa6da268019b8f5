// The terminal while `weir top` has it: raw keys, another screen, no cursor; and all of it back as
// it was, whichever way the program ends.

import Glibc
import IO

/// What has to be put back. A signal handler reads it, so it lies in memory of its own and is
/// written before the handlers are set.
private nonisolated(unsafe) let savedSettings = UnsafeMutablePointer<termios>.allocate(capacity: 1)
/// Whether there is anything to put back: the handler's only question, one word.
private nonisolated(unsafe) let isTaken = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

/// Leaves the other screen, shows the cursor, ends all colours.
private let farewell: StaticString = "\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"

/// Only write(2) and tcsetattr(3), which a signal handler may call (signal-safety(7)).
private func putBack() {
  guard isTaken.pointee != 0 else { return }
  isTaken.pointee = 0
  _ = write(STDOUT_FILENO, farewell.utf8Start, farewell.utf8CodeUnitCount)
  tcsetattr(STDIN_FILENO, TCSAFLUSH, savedSettings)
}

final class Terminal: EventHandler {
  private let loop: EventLoop
  private let received: ([TopKey]) -> Void
  private var registration: Registration?

  /// Takes the terminal over. Without a terminal for input there are no keys, and that is all.
  init(on loop: EventLoop, received: @escaping ([TopKey]) -> Void) {
    self.loop = loop
    self.received = received
    isTaken.pointee = 0
    if tcgetattr(STDIN_FILENO, savedSettings) == 0 {
      Self.mindCrashes()
      isTaken.pointee = 1
      var raw = savedSettings.pointee
      cfmakeraw(&raw)
      // What is written still has its line ends turned into the terminal's.
      raw.c_oflag |= tcflag_t(OPOST)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
      registration = try? loop.register(STDIN_FILENO, mode: .readable, handler: self)
    }
    Self.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
  }

  /// Gives it back; once or more.
  func restore() {
    if let registration { loop.deregister(registration) }
    registration = nil
    if isTaken.pointee == 0 { Self.write(farewell.description) }
    putBack()
  }

  /// Columns and rows; what a terminal that does not say is taken to have.
  static var size: (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Draws a whole frame at once, over what was there, so that nothing flickers.
  func draw(_ lines: [String]) {
    let text = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
    Self.write("\u{1B}[?2026h\u{1B}[H\(text)\u{1B}[J\u{1B}[?2026l")
  }

  func ready(_ readiness: Readiness) {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    // The terminal has gone: nobody looks any more.
    if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) {
      return received([.control("c")])
    }
    if count > 0 { received(TopKey.keys(in: Array(buffer[..<count]))) }
  }

  private static func mindCrashes() {
    for number in [SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE] {
      signal(number) { number in
        putBack()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  private static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}
