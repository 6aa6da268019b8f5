// The calls on sockets: the weather and planned failures first, then the network, then the trace.

internal import Glibc
package import IO

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
      transfer = sendAsAllowed(bytes, through: socket)
    }
    network.record("send", Int(descriptor), bytes.count, transfer.traced)
    return transfer
  }

  private func sendAsAllowed(_ bytes: UnsafeRawBufferPointer, through socket: FakeSocket)
    -> Transfer
  {
    let allowed = network.allowanceBySeed(socket, asked: bytes.count)
    guard allowed < bytes.count else { return network.send(socket, bytes) }
    let transfer =
      allowed == 0
      ? .wouldBlock : network.send(socket, UnsafeRawBufferPointer(rebasing: bytes[..<allowed]))
    network.holdUp(socket, wasRefused: allowed == 0)
    return transfer
  }

  package func unacknowledgedBytes(of descriptor: Int32) -> Int {
    guard let socket = socket(descriptor, for: "ioctl") else { return 0 }
    let count = network.unacknowledgedBytes(of: socket)
    network.record("SIOCOUTQ", Int(descriptor), 0, count)
    return count
  }

  package func delayAcknowledgements(of descriptor: Int32) {
    guard let socket = socket(descriptor, for: "setsockopt"), !socket.isUnix else { return }
    network.record("TCP_QUICKACK", Int(descriptor))
    socket.delaysAcknowledgements = true
  }

  /// Some have waited too long meanwhile, by the weather.
  package func delaysAcknowledgements(of descriptor: Int32) -> Bool {
    guard let socket = socket(descriptor, for: "getsockopt") else { return false }
    if network.random.chance(network.weather.missedAcknowledgements) {
      socket.delaysAcknowledgements = false
    }
    return socket.delaysAcknowledgements
  }

  package func segmentBytes(of descriptor: Int32) -> Int {
    guard let socket = socket(descriptor, for: "getsockopt"), !socket.isUnix else { return 0 }
    return 1448
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
