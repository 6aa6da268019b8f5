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
  private(set) var eventsTold = 0

  init(network: FakeNetwork) { self.network = network }

  package func now() -> Instant { network.now }

  package func wallClockNanoseconds() -> UInt64 { wallClockOffset + network.now.nanoseconds }

  /// Makes a coming call fail with this errno and do nothing else: the next one, or the one after
  /// `successes` more.
  package func fail(_ call: Call, with code: Int32, after successes: Int = 0) {
    failures.append(Failure(call: call, code: code, after: successes))
  }

  private func failure(of call: Call) -> Int32? {
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

  private func checkLimit(_ call: StaticString) throws(SystemError) {
    releaseWakers()
    if table.count(where: { $0 != nil }) >= descriptorLimit {
      throw SystemError(call, code: EMFILE)
    }
  }

  /// The lowest free number, as Linux gives it.
  private func open(_ resource: Resource) -> Int32 {
    if let free = table.firstIndex(where: { $0 == nil }) {
      table[free] = resource
      return Int32(free + Self.firstDescriptor)
    }
    table.append(resource)
    return Int32(table.count - 1 + Self.firstDescriptor)
  }

  private func resource(_ descriptor: Int32) -> Resource? {
    let index = Int(descriptor) - Self.firstDescriptor
    return table.indices.contains(index) ? table[index] : nil
  }

  private func socket(_ descriptor: Int32, for call: StaticString) -> FakeSocket? {
    if case .socket(let socket)? = resource(descriptor) { return socket }
    note(call, descriptor)
    return nil
  }

  private func note(_ call: StaticString, _ descriptor: Int32) {
    network.record(call, Int(descriptor), 0, -Int(EBADF))
    misuses.append("\(call) of descriptor \(descriptor), which is not open for that")
  }

  private func vacate(_ descriptor: Int32) { table[Int(descriptor) - Self.firstDescriptor] = nil }

  /// Closes what wakers that nobody holds any more left open.
  private func releaseWakers() {
    for (index, resource) in table.enumerated() {
      guard case .waker(let state)? = resource, state.isReleased else { continue }
      table[index] = nil
      removeWatches(of: state)
    }
  }

  private func removeWatches(of waker: WakerState) {
    for poller in pollers {
      for watch in poller.watches where watch.isOf(waker) { poller.remove(watch) }
    }
  }

  /// Records a call and throws what it ended with, if with an error.
  private func finish(
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
  private func opening(
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
  private func using(
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

// MARK: - Sockets

extension FakeKernel {
  package func makeSocket(for address: SocketAddress) throws(SystemError) -> Int32 {
    try opening(.socket, "socket") { .socket(network.makeSocket(for: address)) }
  }

  package func set(_ option: SocketOption, on descriptor: Int32) throws(SystemError) {
    try using(descriptor, nil, "setsockopt") { (socket) throws(SystemError) in
      switch option {
      case .reuseAddress: socket.reusesAddress = true
      case .reusePort: socket.reusesPort = true
      case .onlyIPv6: socket.isOnlyIPv6 = true
      case .noDelay: if socket.isUnix { throw SystemError("setsockopt", code: EOPNOTSUPP) }
      }
    }
  }

  package func bind(_ descriptor: Int32, to address: SocketAddress) throws(SystemError) {
    try using(descriptor, .bind, "bind") { (socket) throws(SystemError) in
      try network.bind(socket, to: address)
    }
  }

  package func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError) {
    try using(descriptor, .listen, "listen") { (socket) throws(SystemError) in
      try network.listen(socket, backlog: Int(backlog))
    }
  }

  package func localAddress(of descriptor: Int32) throws(SystemError) -> SocketAddress {
    guard let socket = socket(descriptor, for: "getsockname") else {
      throw SystemError("getsockname", code: EBADF)
    }
    return network.localAddress(of: socket)
  }

  package func accept(_ descriptor: Int32) -> Acceptance {
    guard let listener = socket(descriptor, for: "accept4") else { return failed(EBADF) }
    let acceptance = accept(from: listener)
    switch acceptance {
    case .accepted(let new, _): network.record("accept4", Int(descriptor), 0, Int(new))
    case .wouldBlock: network.record("accept4", Int(descriptor), 0, -Int(EAGAIN))
    case .failed(let error): network.record("accept4", Int(descriptor), 0, -Int(error.code))
    }
    return acceptance
  }

  private func accept(from listener: FakeSocket) -> Acceptance {
    if listener.state != .listening { return failed(EINVAL) }
    if let code = failure(of: .accept) { return failed(code) }
    // Linux takes the descriptor before it looks into the queue.
    do throws(SystemError) { try checkLimit("accept4") } catch { return .failed(error) }
    guard let accepted = network.accept(listener) else { return .wouldBlock }
    if network.random.chance(network.weather.abortedAccepts) {
      network.close(accepted, abruptly: true)
      return failed(ECONNABORTED)
    }
    return .accepted(open(.socket(accepted)), from: accepted.remote!)
  }

  private func failed(_ code: Int32) -> Acceptance {
    .failed(SystemError("accept4", code: code))
  }

  package func connect(_ descriptor: Int32, to address: SocketAddress) throws(SystemError) {
    try using(descriptor, .connect, "connect") { (socket) throws(SystemError) in
      try network.connect(socket, to: address)
    }
  }

  package func pendingError(of descriptor: Int32) -> SystemError? {
    guard let socket = socket(descriptor, for: "getsockopt") else {
      return SystemError("connect", code: EBADF)
    }
    let code = socket.takeError()
    network.record("getsockopt", Int(descriptor), 0, Int(code))
    return code == 0 ? nil : SystemError("connect", code: code)
  }

  package func receive(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) -> Transfer {
    guard let socket = socket(descriptor, for: "recv") else {
      return .failed(SystemError("recv", code: EBADF))
    }
    var transfer: Transfer
    if let code = failure(of: .receive) {
      transfer = .failed(SystemError("recv", code: code))
    } else {
      network.withholdBySeed(socket, asked: buffer.count)
      transfer = network.receive(socket, into: buffer)
    }
    network.record("recv", Int(descriptor), buffer.count, transfer.traced)
    return transfer
  }

  package func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    guard let socket = socket(descriptor, for: "send") else {
      return .failed(SystemError("send", code: EBADF))
    }
    var transfer: Transfer
    if let code = failure(of: .send) {
      transfer = .failed(SystemError("send", code: code))
    } else {
      let allowed = network.allowanceBySeed(socket, asked: bytes.count)
      transfer =
        allowed == 0 && bytes.count > 0
        ? .wouldBlock : network.send(socket, UnsafeRawBufferPointer(rebasing: bytes[..<allowed]))
    }
    network.record("send", Int(descriptor), bytes.count, transfer.traced)
    return transfer
  }

  package func shutdownSending(_ descriptor: Int32) {
    guard let socket = socket(descriptor, for: "shutdown") else { return }
    network.record("shutdown", Int(descriptor))
    network.shutdownSending(socket)
  }

  package func close(_ descriptor: Int32) {
    guard let resource = resource(descriptor) else { return note("close", descriptor) }
    network.record("close", Int(descriptor))
    vacate(descriptor)
    switch resource {
    case .socket(let socket): network.close(socket, abruptly: false)
    case .waker(let state): removeWatches(of: state)
    case .poller(let poller):
      for socket in network.liveSockets { socket.watches.removeAll { $0.poller === poller } }
    }
  }

  package func reset(_ descriptor: Int32) {
    guard let socket = socket(descriptor, for: "reset") else { return }
    network.record("reset", Int(descriptor))
    vacate(descriptor)
    network.close(socket, abruptly: true)
  }
}

// MARK: - Polling

extension FakeKernel {
  package func makePoller() throws(SystemError) -> Int32 {
    try opening(.poller, "epoll_create1") { .poller(FakePoller()) }
  }

  package func watch(
    _ descriptor: Int32, token: UInt64, mode: WatchMode, on poller: Int32
  ) throws(SystemError) {
    try finish("epoll_ctl", descriptor, Int(poller)) { () throws(SystemError) in
      if let code = failure(of: .watch) { throw SystemError("epoll_ctl", code: code) }
      guard case .poller(let poller)? = resource(poller), let watched = resource(descriptor)
      else {
        note("epoll_ctl", descriptor)
        throw SystemError("epoll_ctl", code: EBADF)
      }
      try watch(watched, token: token, mode: mode, on: poller)
    }
  }

  /// What holds already is told as if it had just happened, as epoll does.
  private func watch(
    _ watched: Resource, token: UInt64, mode: WatchMode, on poller: FakePoller
  ) throws(SystemError) {
    let watch: Watch
    switch watched {
    case .poller: throw SystemError("epoll_ctl", code: EINVAL)
    case .waker(let state):
      if poller.watches.contains(where: { $0.isOf(state) }) {
        throw SystemError("epoll_ctl", code: EEXIST)
      }
      watch = Watch(token: token, mode: mode, waker: state, poller: poller)
    case .socket(let socket):
      if poller.watches.contains(where: { $0.isOf(socket) }) {
        throw SystemError("epoll_ctl", code: EEXIST)
      }
      watch = Watch(token: token, mode: mode, socket: socket, poller: poller)
      socket.watches.append(watch)
    }
    poller.watches.append(watch)
    watch.becomePending()
  }

  /// Never sleeps: when nothing is ready it returns 0, as after an interruption, and the world
  /// knows from `deadline` how far its clock may jump.
  package func wait(
    on poller: Int32, into events: UnsafeMutableBufferPointer<ReadyEvent>, until deadline: Instant?
  ) -> Int {
    guard case .poller(let poller)? = resource(poller) else {
      note("epoll_wait", poller)
      return 0
    }
    releaseWakers()
    let count = poller.wait(
      into: events, at: network.now, in: network.weather, &network.random)
    poller.wantedWakeUp = count == 0 ? deadline : nil
    eventsTold += count
    if count > 0 { network.record("epoll_wait", Int(events[0].token), events.count, count) }
    return count
  }

  package func makeWaker() throws(SystemError) -> any Waker {
    let state = WakerState()
    return FakeWaker(
      descriptor: try opening(.waker, "eventfd") { .waker(state) }, state: state)
  }

  package func clearWaker(_ descriptor: Int32) {
    guard case .waker(let state)? = resource(descriptor) else { return note("read", descriptor) }
    network.record("read", Int(descriptor))
    state.clear()
  }
}

extension Transfer {
  /// As a trace shows it: a count, 0 for the end, a negative errno.
  fileprivate var traced: Int {
    switch self {
    case .bytes(let count): count
    case .ended: 0
    case .wouldBlock: -Int(EAGAIN)
    case .failed(let error): -Int(error.code)
    }
  }
}
