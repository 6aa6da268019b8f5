// Writes the log on a thread of its own. What it cannot write at once waits in the queue, and what
// the queue cannot hold is dropped and counted: a full disk or a blocked pipe costs lines, and no
// loop's time.

import Glibc
import IO
import Synchronization
import Telemetry

/// A loop's way to the log: encodes lines and hands them to the queue.
final class LogSink {
  private var encoder = JSONLog()
  private let shared: LogWriter

  init(_ shared: LogWriter) { self.shared = shared }

  func write(_ record: ExchangeRecord) {
    // Not told from the whole record: an initialiser takes what it is given, by a copy.
    let level = LogLevel(origin: record.origin, outcome: record.outcome)
    guard level >= shared.level else { return }
    encoder.withLine(of: record) { shared.append($0) }
  }

  func write(
    _ event: StaticString, level: LogLevel = .info, at unixNanoseconds: UInt64,
    fields: [(name: StaticString, value: String)] = []
  ) {
    guard level >= shared.level else { return }
    encoder.withLine(event: event, level: level, at: unixNanoseconds, fields: fields) {
      shared.append($0)
    }
  }
}

final class LogWriter: Sendable {
  private enum Command: Sendable {
    /// There are lines.
    case write
    case reopen(LogSettings.Destination)
    /// Write what there is, and end.
    case finish
  }

  let queue = LogQueue()
  private let threshold: Atomic<Int>
  private let unwritten = Atomic<UInt64>(0)
  /// Tells the thread, which may be waiting for a reader, that its time is nearly up.
  private let isFinishing = Atomic(false)
  private let mailbox: Mutex<Mailbox<Command>?> = Mutex(nil)
  private let thread: Mutex<Thread?> = Mutex(nil)

  init(_ settings: LogSettings) {
    threshold = Atomic(Self.rank(settings))
  }

  /// Opens the destination and starts the thread. Throws if a file cannot be opened.
  func start(_ settings: LogSettings) throws(SystemError) {
    let descriptor = try Self.open(settings.to)
    let loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 8)
    let started = try MailboxReceiver<Mailbox<Command>>(on: loop) { [self] own in
      mailbox.withLock { $0 = own }
      loop.stop()
    }
    let control = started.mailbox
    let thread = try Thread.start("weir-log") { [self] in run(descriptor, control) }
    self.thread.withLock { $0 = thread }
    loop.run()
  }

  /// Lines less important than this are not made.
  var level: LogLevel {
    let rank = threshold.load(ordering: .relaxed)
    return rank < LogLevel.allCases.count ? LogLevel.allCases[rank] : .error
  }

  /// Lines lost: those the queue could not take, and those the destination refused.
  var droppedCount: UInt64 { queue.counts.dropped + unwritten.load(ordering: .relaxed) }
  var writtenCount: UInt64 { queue.counts.taken - unwritten.load(ordering: .relaxed) }

  func append(_ line: Span<UInt8>) {
    guard threshold.load(ordering: .relaxed) < LogLevel.allCases.count else { return }
    if queue.append(line) == .first { send(.write) }
  }

  func apply(_ settings: LogSettings) {
    threshold.store(Self.rank(settings), ordering: .relaxed)
    send(.reopen(settings.to))
  }

  /// Returns when what was queued is written, or the destination has not taken it for a second.
  func finish() {
    isFinishing.store(true, ordering: .relaxed)
    send(.finish)
    thread.withLock { $0?.join() }
  }

  private func send(_ command: Command) { mailbox.withLock { $0?.send(command) } }

  /// Beyond the last level where there is no log.
  private static func rank(_ settings: LogSettings) -> Int {
    if settings.to == .off { return LogLevel.allCases.count }
    return LogSettings.Level.allCases.firstIndex(of: settings.level) ?? 0
  }

  fileprivate static func open(_ destination: LogSettings.Destination) throws(SystemError) -> Int32
  {
    switch destination {
    case .standardOutput: return STDOUT_FILENO
    case .standardError: return STDERR_FILENO
    case .off: return -1
    case .file(let path):
      let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
      if descriptor < 0 { throw SystemError("open", code: errno) }
      return descriptor
    }
  }
}

// MARK: - On the thread

extension LogWriter {
  private func run(_ first: Int32, _ control: Mailbox<Mailbox<Command>>) {
    guard let loop = try? EventLoop(kernel: LinuxKernel(), eventsPerWait: 8) else { return }
    var descriptor = first
    var lines: [UInt8] = []
    let receiver = try? MailboxReceiver<Command>(on: loop) { [self] command in
      switch command {
      case .write: writeAll(&lines, to: descriptor)
      case .reopen(let destination):
        // A file that cannot be opened anew leaves the old one in use.
        guard let fresh = try? Self.open(destination) else { return }
        if descriptor > STDERR_FILENO { close(descriptor) }
        descriptor = fresh
      case .finish:
        writeAll(&lines, to: descriptor)
        loop.stop()
      }
    }
    guard let receiver else { return }
    control.send(receiver.mailbox)
    loop.run()
  }

  private func writeAll(_ lines: inout [UInt8], to descriptor: Int32) {
    let pieceBytes = Self.pieceBytes(descriptor)
    while queue.drain(into: &lines) > 0 {
      var rest = lines[...]
      while !rest.isEmpty {
        guard awaitRoom(in: descriptor) else { return lose(rest) }
        let written = rest.prefix(pieceBytes).withUnsafeBytes {
          write(descriptor, $0.baseAddress, $0.count)
        }
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if errno != EAGAIN && errno != EINTR {
          lose(rest)
          break
        }
      }
    }
  }

  /// What may be written at once. A pipe that is ready takes PIPE_BUF bytes without blocking, and
  /// perhaps not one more (pipe(7)); files take anything.
  private static func pieceBytes(_ descriptor: Int32) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return 4096 }
    return status.st_mode & S_IFMT == S_IFREG ? 1 << 20 : 4096
  }

  /// Waits until `descriptor` takes bytes; once `finish` was called, for a second more.
  private func awaitRoom(in descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    var patience = 10
    while poll(&entry, 1, 100) <= 0 {
      guard isFinishing.load(ordering: .relaxed) else { continue }
      patience -= 1
      if patience == 0 { return false }
    }
    return true
  }

  private func lose(_ rest: ArraySlice<UInt8>) {
    let lines = rest.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    unwritten.add(UInt64(lines), ordering: .relaxed)
  }
}
