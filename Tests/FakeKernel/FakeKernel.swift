// An operating system in memory: descriptors over FakeNetwork's sockets, pollers and wakers. It is
// the Kernel of every loop of a world, which all run on one thread.

internal import Glibc
package import IO

package final class FakeKernel: Kernel {
  /// A call that can be made to fail.
  package enum Call: Sendable {
    case socket, bind, listen, accept, connect, receive, send, poller, watch, waker
  }

  enum Resource {
    case socket(FakeSocket)
    case poller(FakePoller)
    case waker(WakerState)
  }

  private struct Failure {
    var call: Call
    var code: Int32
    /// Calls that succeed before it.
    var after: Int
  }

  let network: FakeNetwork
  /// By descriptor; 0 to 2 are the standard streams.
  private var table: [Resource?] = []
  private static let firstDescriptor = 3
  private var failures: [Failure] = []
  /// `bind`, `accept` and the like say EMFILE when this many descriptors are open.
  package var descriptorLimit = 20_000
  /// 2025-01-01T00:00:00Z at the world's beginning.
  package var wallClockOffset: UInt64 = 1_735_689_600_000_000_000
  /// Calls with a descriptor that was not open, as the code under test never should make.
  package private(set) var misuses: [String] = []
  /// Events told by all waits together.
  var eventsTold = 0

  init(network: FakeNetwork) { self.network = network }

  package func now() -> Instant { network.now }

  package func wallClockNanoseconds() -> UInt64 { wallClockOffset + network.now.nanoseconds }

  /// Makes a coming call fail with this errno and do nothing else: the next one, or the one after
  /// `successes` more.
  package func fail(_ call: Call, with code: Int32, after successes: Int = 0) {
    failures.append(Failure(call: call, code: code, after: successes))
  }

  func failure(of call: Call) -> Int32? {
    guard let index = failures.firstIndex(where: { $0.call == call }) else { return nil }
    if failures[index].after == 0 { return failures.remove(at: index).code }
    failures[index].after -= 1
    return nil
  }
}

// MARK: - Descriptors

extension FakeKernel {
  /// Every open descriptor and what it is, lowest first.
  package var openDescriptors: [(descriptor: Int32, kind: String)] {
    releaseWakers()
    return table.enumerated().compactMap { index, resource in
      guard let resource else { return nil }
      return (Int32(index + Self.firstDescriptor), Self.describe(resource))
    }
  }

  /// Bytes on their way or waiting to be read, in all connections.
  package var bytesInFlight: Int {
    network.liveSockets.reduce(0) { $0 + $1.inboundByteCount + $1.received.count }
  }

  var pollers: [FakePoller] {
    table.compactMap { if case .poller(let poller)? = $0 { poller } else { nil } }
  }

  private static func describe(_ resource: Resource) -> String {
    switch resource {
    case .poller: return "poller"
    case .waker: return "waker"
    case .socket(let socket):
      let local = socket.local.map { "\($0)" } ?? "?"
      let remote = socket.remote.map { "\($0)" } ?? "?"
      return "socket \(socket.number) \(socket.state), \(local) to \(remote)"
    }
  }

  func checkLimit(_ call: StaticString) throws(SystemError) {
    releaseWakers()
    if table.count(where: { $0 != nil }) >= descriptorLimit {
      throw SystemError(call, code: EMFILE)
    }
  }

  /// The lowest free number, as Linux gives it.
  func open(_ resource: Resource) -> Int32 {
    if let free = table.firstIndex(where: { $0 == nil }) {
      table[free] = resource
      return Int32(free + Self.firstDescriptor)
    }
    table.append(resource)
    return Int32(table.count - 1 + Self.firstDescriptor)
  }

  func resource(_ descriptor: Int32) -> Resource? {
    let index = Int(descriptor) - Self.firstDescriptor
    return table.indices.contains(index) ? table[index] : nil
  }

  func socket(_ descriptor: Int32, for call: StaticString) -> FakeSocket? {
    if case .socket(let socket)? = resource(descriptor) { return socket }
    note(call, descriptor)
    return nil
  }

  func note(_ call: StaticString, _ descriptor: Int32) {
    network.record(call, Int(descriptor), 0, -Int(EBADF))
    misuses.append("\(call) of descriptor \(descriptor), which is not open for that")
  }

  func vacate(_ descriptor: Int32) { table[Int(descriptor) - Self.firstDescriptor] = nil }

  /// Closes what wakers that nobody holds any more left open.
  func releaseWakers() {
    for (index, resource) in table.enumerated() {
      guard case .waker(let state)? = resource, state.isReleased else { continue }
      table[index] = nil
      removeWatches(of: state)
    }
  }

  func removeWatches(of waker: WakerState) {
    for poller in pollers {
      for watch in poller.watches where watch.isOf(waker) { poller.remove(watch) }
    }
  }

  /// Records a call and throws what it ended with, if with an error.
  func finish(
    _ call: StaticString, _ descriptor: Int32, _ argument: Int = 0,
    _ body: () throws(SystemError) -> Void
  ) throws(SystemError) {
    do {
      try body()
      network.record(call, Int(descriptor), argument)
    } catch {
      network.record(call, Int(descriptor), argument, -Int(error.code))
      throw error
    }
  }

  /// A call that opens a descriptor.
  func opening(
    _ call: Call, _ name: StaticString, _ resource: () -> Resource
  ) throws(SystemError) -> Int32 {
    var descriptor: Int32 = -1
    try finish(name, -1) { () throws(SystemError) in
      if let code = failure(of: call) { throw SystemError(name, code: code) }
      try checkLimit(name)
      descriptor = open(resource())
    }
    return descriptor
  }

  /// A call on a socket.
  func using(
    _ descriptor: Int32, _ call: Call?, _ name: StaticString,
    _ body: (FakeSocket) throws(SystemError) -> Void
  ) throws(SystemError) {
    guard let socket = socket(descriptor, for: name) else {
      throw SystemError(name, code: EBADF)
    }
    try finish(name, descriptor) { () throws(SystemError) in
      if let call, let code = failure(of: call) { throw SystemError(name, code: code) }
      try body(socket)
    }
  }
}
