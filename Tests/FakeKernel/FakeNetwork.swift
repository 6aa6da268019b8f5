// Addresses, listeners and the making of connections. Descriptors are FakeKernel's business; what
// flows in a connection is in FakeNetwork+Streams.swift.

internal import Glibc
internal import IO

final class FakeNetwork {
  var now = Instant(nanoseconds: 1_000_000_000)
  var random: Dice
  var weather: Weather
  var schedule = Schedule()
  var trace: Trace
  /// By full address, else by host with port 0.
  var paths: [SocketAddress: NetworkPath] = [:]

  /// Every socket that is held, or has bytes or a FIN on their way.
  private var sockets: [Int: FakeSocket] = [:]
  private var socketsMade = 0
  /// Those that hold an address, in the order of binding.
  private var bound: [FakeSocket] = []
  private var lastEphemeralPort: UInt16 = 32_767

  init(random: Dice, weather: Weather, traceDepth: Int) {
    self.random = random
    self.weather = weather
    trace = Trace(depth: traceDepth)
  }

  /// In the order in which they were made.
  var liveSockets: [FakeSocket] { sockets.keys.sorted().map { sockets[$0]! } }

  func makeSocket(isUnix: Bool, isIPv6: Bool) -> FakeSocket {
    socketsMade += 1
    let socket = FakeSocket(number: socketsMade, isUnix: isUnix, isIPv6: isIPv6)
    sockets[socketsMade] = socket
    return socket
  }

  func makeSocket(for address: SocketAddress) -> FakeSocket {
    makeSocket(isUnix: address.isUnix, isIPv6: address.isIPv6)
  }

  func forget(_ socket: FakeSocket) { sockets[socket.number] = nil }

  func record(_ call: StaticString, _ subject: Int, _ argument: Int = 0, _ result: Int = 0) {
    trace.record(
      Trace.Entry(
        time: now.nanoseconds, call: call, subject: subject, argument: argument, result: result))
  }

  func wake(_ socket: FakeSocket) { socket.wake(&random) }

  /// Runs what is due, until nothing is. Returns whether there was anything.
  func runDue() -> Bool {
    var ran = false
    while let action = schedule.takeDue(at: now) {
      action()
      ran = true
    }
    return ran
  }
}

// MARK: - Addresses

extension FakeNetwork {
  func bind(_ socket: FakeSocket, to wanted: SocketAddress) throws(SystemError) {
    if socket.local != nil { throw SystemError("bind", code: EINVAL) }
    if wanted.isUnix != socket.isUnix || wanted.isIPv6 != socket.isIPv6 {
      throw SystemError("bind", code: EAFNOSUPPORT)
    }
    var address = wanted
    if !socket.isUnix && address.port == 0 {
      repeat { address.port = nextEphemeralPort() } while isTaken(address, by: socket)
    } else if isTaken(address, by: socket) {
      throw SystemError("bind", code: EADDRINUSE)
    }
    socket.local = address
    bound.append(socket)
  }

  func listen(_ socket: FakeSocket, backlog: Int) throws(SystemError) {
    guard socket.state == .fresh || socket.state == .listening else {
      throw SystemError("listen", code: EINVAL)
    }
    if socket.local == nil {
      if socket.isUnix { throw SystemError("listen", code: EINVAL) }
      try bind(socket, to: anyAddress(of: socket))
    }
    // SO_REUSEADDR lets two bind to one address; one of them may listen.
    let address = socket.local!
    let taken = bound.contains {
      $0 !== socket && $0.state == .listening && overlaps($0, socket, address)
        && !($0.reusesPort && socket.reusesPort)
    }
    if taken { throw SystemError("listen", code: EADDRINUSE) }
    socket.state = .listening
    socket.backlog = backlog
  }

  func localAddress(of socket: FakeSocket) -> SocketAddress {
    socket.local ?? (socket.isUnix ? SocketAddress(host: .unix("")) : anyAddress(of: socket))
  }

  /// Gives the socket's address free. That of a unix path too, which Linux leaves to `unlink`.
  func unbind(_ socket: FakeSocket) { bound.removeAll { $0 === socket } }

  private func nextEphemeralPort() -> UInt16 {
    lastEphemeralPort = lastEphemeralPort == 60_999 ? 32_768 : lastEphemeralPort + 1
    return lastEphemeralPort
  }

  private func anyAddress(of socket: FakeSocket) -> SocketAddress {
    SocketAddress(
      host: socket.isIPv6
        ? .v6([UInt8](repeating: 0, count: 16), scope: 0) : .v4([0, 0, 0, 0]))
  }

  private func isTaken(_ address: SocketAddress, by socket: FakeSocket) -> Bool {
    bound.contains {
      let shared =
        ($0.reusesPort && socket.reusesPort)
        || ($0.reusesAddress && socket.reusesAddress && $0.state != .listening)
      return overlaps($0, socket, address) && !shared
    }
  }

  /// Whether `other` holds an address that `socket` would take with `address`.
  private func overlaps(
    _ other: FakeSocket, _ socket: FakeSocket, _ address: SocketAddress
  ) -> Bool {
    guard let held = other.local, held.port == address.port else { return false }
    if held.host == address.host { return true }
    if held.isUnix || address.isUnix { return false }
    if held.isIPv6 == address.isIPv6 { return held.isWildcard || address.isWildcard }
    let (six, sixAddress) = held.isIPv6 ? (other, held) : (socket, address)
    return sixAddress.isWildcard && !six.isOnlyIPv6
  }

  /// Who takes a connection to `address`: one of those that share it, by the seed.
  private func listener(at address: SocketAddress) -> FakeSocket? {
    let listening = bound.filter { $0.state == .listening && $0.local!.port == address.port }
    let exact = listening.filter { $0.local!.host == address.host }
    let takers =
      exact.isEmpty
      ? listening.filter {
        $0.local!.isWildcard && !address.isUnix
          && ($0.isIPv6 == address.isIPv6 || ($0.isIPv6 && !$0.isOnlyIPv6))
      } : exact
    return takers.isEmpty ? nil : takers[random.number(in: 0...takers.count - 1)]
  }
}

// MARK: - Connecting

extension FakeNetwork {
  /// Linux gives up on a connect after six retries, 127 seconds in all.
  private static let firstRetryDelay = Duration.seconds(1)
  private static let mostRetries = 6
  private static let silenceTimeout = Duration.seconds(127)

  func connect(_ socket: FakeSocket, to target: SocketAddress) throws(SystemError) {
    switch socket.state {
    case .fresh: break
    case .connecting: throw SystemError("connect", code: EALREADY)
    case .connected, .listening: throw SystemError("connect", code: EISCONN)
    case .dead: throw SystemError("connect", code: ECONNABORTED)
    }
    let address = target.withoutWildcard
    if address.isUnix != socket.isUnix || address.isIPv6 != socket.isIPv6 {
      throw SystemError("connect", code: EAFNOSUPPORT)
    }
    if address.isUnix { return try connectToPath(socket, address) }
    let path = paths[address] ?? paths[SocketAddress(host: address.host)] ?? NetworkPath()
    if path.reach == .noRoute { throw SystemError("connect", code: ENETUNREACH) }
    if socket.local == nil || socket.local!.isWildcard {
      socket.local = SocketAddress(
        host: address.isLoopback ? address.host : .v4([10, 0, 0, 1]),
        port: socket.local?.port ?? nextEphemeralPort())
    }
    socket.remote = address
    socket.state = .connecting
    socket.latency = random.duration(in: weather.latency)
    after(socket.latency + socket.latency + path.connectDelay) { [weak self] in
      self?.arrive(socket, at: address, by: path.reach, retry: 0)
    }
  }

  /// Runs `action` now if there is nothing to wait for.
  func after(_ delay: Duration, _ action: @escaping () -> Void) {
    if delay == .zero { action() } else { schedule.add(at: now + delay, action) }
  }

  private func connectToPath(
    _ socket: FakeSocket, _ address: SocketAddress
  ) throws(SystemError) {
    guard let listener = listener(at: address) else {
      let isThere = bound.contains { $0.local == address } || address.hostText.hasPrefix("@")
      throw SystemError("connect", code: isThere ? ECONNREFUSED : ENOENT)
    }
    if isFull(listener) { throw SystemError("connect", code: EAGAIN) }
    socket.remote = address
    join(socket, to: listener, at: address)
  }

  private func arrive(
    _ socket: FakeSocket, at address: SocketAddress, by reach: NetworkPath.Reach, retry: Int
  ) {
    guard socket.isOpen, socket.state == .connecting else { return }
    switch reach {
    case .noRoute, .refused: return fail(socket, ECONNREFUSED)
    case .hostUnreachable: return fail(socket, EHOSTUNREACH)
    case .silent:
      return after(Self.silenceTimeout) { [weak self] in self?.fail(socket, ETIMEDOUT) }
    case .open: break
    }
    if random.chance(weather.refusedConnects) { return fail(socket, ECONNREFUSED) }
    guard let listener = listener(at: address) else { return fail(socket, ECONNREFUSED) }
    guard isFull(listener) else { return join(socket, to: listener, at: address) }
    // A full queue drops the SYN, and Linux sends it again: after 1, 2, 4 … seconds.
    after(Self.firstRetryDelay * (1 << retry)) { [weak self] in
      if retry == Self.mostRetries {
        self?.fail(socket, ETIMEDOUT)
      } else {
        self?.arrive(socket, at: address, by: reach, retry: retry + 1)
      }
    }
  }

  private func fail(_ socket: FakeSocket, _ code: Int32) {
    guard socket.isOpen, socket.state == .connecting else { return }
    record("(connect failed)", socket.number, 0, -Int(code))
    socket.state = .dead
    socket.error = code
    (socket.receiveIsShut, socket.sendIsShut) = (true, true)
    wake(socket)
  }

  /// Linux's queue holds one more than the backlog says.
  private func isFull(_ listener: FakeSocket) -> Bool {
    listener.acceptQueue.count > listener.backlog
  }

  private func join(_ client: FakeSocket, to listener: FakeSocket, at address: SocketAddress) {
    let server = makeSocket(isUnix: client.isUnix, isIPv6: listener.isIPv6)
    server.local = address
    server.remote = client.local ?? SocketAddress(host: .unix(""))
    if listener.isIPv6 && !client.isIPv6 {
      server.local = server.local?.mappedToIPv6
      server.remote = server.remote?.mappedToIPv6
    }
    server.isEmbryo = true
    server.latency = client.latency
    for (end, other) in [(client, server), (server, client)] {
      end.peer = other
      end.state = .connected
      end.sendCapacity = random.number(in: weather.sendBufferBytes)
      end.receiveCapacity = random.number(in: weather.receiveBufferBytes)
      end.lastDue = now
    }
    listener.acceptQueue.append(server)
    record("(connected)", client.number, server.number)
    wake(listener)
    wake(client)
  }

  func accept(_ listener: FakeSocket) -> FakeSocket? {
    guard !listener.acceptQueue.isEmpty else { return nil }
    let accepted = listener.acceptQueue.removeFirst()
    accepted.isEmbryo = false
    return accepted
  }
}

extension SocketAddress {
  fileprivate var isWildcard: Bool {
    switch host {
    case .v4(let bytes), .v6(let bytes, _): bytes.allSatisfy { $0 == 0 }
    case .unix: false
    }
  }

  /// Connecting to every interface means this machine.
  fileprivate var withoutWildcard: SocketAddress {
    guard isWildcard else { return self }
    let six = [UInt8](repeating: 0, count: 15) + [1]
    return SocketAddress(host: isIPv6 ? .v6(six, scope: 0) : .v4([127, 0, 0, 1]), port: port)
  }

  /// An IPv4 address as a listener for both kinds sees it.
  fileprivate var mappedToIPv6: SocketAddress {
    guard case .v4(let bytes) = host else { return self }
    let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes
    return SocketAddress(host: .v6(mapped, scope: 0), port: port)
  }
}
