// The few calls that weir makes of its operating system, as a parameter. LinuxKernel makes them;
// the tests' FakeKernel plays them, with a clock that it owns and peers as unkind as a seed says.

/// What a call that moves bytes did.
package enum Transfer: Equatable, Sendable {
  /// This many bytes, at least 1. Fewer than asked for on `receive` means that the socket held
  /// no more at that moment: an edge-triggered poller will tell when there is more.
  case bytes(Int)
  /// The other side has sent its FIN and all before it has been read. `receive` only.
  case ended
  /// Nothing could be moved now; the poller will tell when it can.
  case wouldBlock
  case failed(SystemError)
}

/// What accepting from a listening socket gave.
package enum Acceptance: Sendable {
  case accepted(Int32, from: SocketAddress)
  case wouldBlock
  /// The queue's first connection, or the process, has a problem; the listener itself lives on.
  case failed(SystemError)
}

/// What has changed at a descriptor since the poller last told of it.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readable = Readiness(rawValue: 1)
  package static let writable = Readiness(rawValue: 2)
  /// The peer sent its FIN; bytes may lie before it.
  package static let peerClosed = Readiness(rawValue: 4)
  /// Reset, refused or otherwise dead; `pendingError` says why.
  package static let failed = Readiness(rawValue: 8)
}

/// One line of what a poller reports.
package struct ReadyEvent: Sendable {
  /// The value given to `watch`.
  package var token: UInt64
  package var readiness: Readiness

  package init(token: UInt64, readiness: Readiness) {
    self.token = token
    self.readiness = readiness
  }
}

package enum WatchMode: Sendable {
  /// Readable, writable and closed, each told once per change. For connections: registered once,
  /// then never again, so that pausing a side costs no system call.
  case edges
  /// Readable, told for as long as it holds, to one of the pollers that watch it. For listeners,
  /// wakers and signal descriptors.
  case readable
}

package enum SocketOption: Sendable {
  case reuseAddress
  case reusePort
  /// Send small writes at once.
  case noDelay
  /// IPv6 listeners take IPv6 alone, so that `[::]` and `0.0.0.0` can stand side by side.
  case onlyIPv6
}

/// Wakes a poller from any thread.
package protocol Waker: Sendable {
  /// Watch this with `.readable`.
  var descriptor: Int32 { get }
  func wake()
}

/// The operating system, as one loop uses it. Every socket is non-blocking and close-on-exec.
///
/// Confined to one thread. A call costs an existential dispatch (1.4 ns) more than the system
/// call itself, so nothing is called per byte.
package protocol Kernel: AnyObject {
  /// The monotonic clock.
  func now() -> Instant
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  func wallClockNanoseconds() -> UInt64

  // Sockets.
  func makeSocket(for address: SocketAddress) throws(SystemError) -> Int32
  func set(_ option: SocketOption, on descriptor: Int32) throws(SystemError)
  func bind(_ descriptor: Int32, to address: SocketAddress) throws(SystemError)
  func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError)
  /// The address a socket is bound to: tells the port that `:0` became.
  func localAddress(of descriptor: Int32) throws(SystemError) -> SocketAddress
  func accept(_ descriptor: Int32) -> Acceptance
  /// Begins to connect. Returning means done or under way: `.writable` or `.failed` follows.
  func connect(_ descriptor: Int32, to address: SocketAddress) throws(SystemError)
  /// Takes the error that a connect or a reset left at a socket; nil for none. SO_ERROR.
  func pendingError(of descriptor: Int32) -> SystemError?
  func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer
  func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer
  /// Bytes that `send` took and the peer's kernel has not acknowledged, a FIN counted as one: what
  /// a RST would throw away. 0 where the peer's bytes are out of the sender's reach, as at unix
  /// sockets.
  func unacknowledgedBytes(of descriptor: Int32) -> Int
  /// Lets acknowledgements wait for one another, until one has waited for 40 ms or a packet was lost.
  /// TCP_QUICKACK, turned off; nothing at a unix socket.
  func delayAcknowledgements(of descriptor: Int32)
  /// Whether it still does.
  func delaysAcknowledgements(of descriptor: Int32) -> Bool
  /// The most bytes of a segment; 0 at a unix socket. TCP_MAXSEG.
  func segmentBytes(of descriptor: Int32) -> Int
  /// Sends a FIN once all before it is sent; reading goes on.
  func shutdownSending(_ descriptor: Int32)
  func close(_ descriptor: Int32)
  /// Closes with a RST, so that the peer cannot take the end for a proper one. What the peer has
  /// not acknowledged is lost.
  func reset(_ descriptor: Int32)

  // Polling.
  func makePoller() throws(SystemError) -> Int32
  /// Tells `poller` to report on `descriptor` until that is closed.
  func watch(
    _ descriptor: Int32, token: UInt64, mode: WatchMode, on poller: Int32
  ) throws(SystemError)
  /// Ends that before it is closed. Closing does not, where another process has the socket too.
  func unwatch(_ descriptor: Int32, on poller: Int32)
  /// Waits until something is ready or `deadline` has come; nil waits without end.
  /// Returns how many events it put into `events`; 0 after a deadline or an interruption, and where
  /// the deadline of an earlier wait comes first.
  func wait(
    on poller: Int32, into events: UnsafeMutableBufferPointer<ReadyEvent>, until deadline: Instant?
  ) -> Int

  func makeWaker() throws(SystemError) -> any Waker
  /// Makes a waker unready again, before its messages are taken.
  func clearWaker(_ descriptor: Int32)
}
