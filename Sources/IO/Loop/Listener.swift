// Listening sockets: opened together for all loops, then each loop accepts from its own.

internal import Glibc

/// The sockets of one listen address, one for each loop; plain descriptors until loops take them.
package struct ListeningSockets: Sendable {
  package let address: SocketAddress
  package private(set) var descriptors: [Int32]

  /// Binds and listens `count` times on one address, so that the kernel spreads connections over
  /// the loops. A unix path has one socket, which the loops share.
  ///
  /// The first bind asks for the address alone: SO_REUSEPORT from the start would let a second
  /// weir of the same user in, and each would get half of the connections.
  /// Throws `EADDRINUSE` if any other process holds the address; nothing is left open then.
  package static func open(
    _ address: SocketAddress, count: Int, backlog: Int32, kernel: any Kernel
  ) throws(SystemError) -> ListeningSockets {
    let first = try bound(address, sharing: false, kernel: kernel)
    var sockets: ListeningSockets
    do {
      sockets = ListeningSockets(
        address: try kernel.localAddress(of: first), descriptors: [first])
    } catch {
      kernel.close(first)
      throw error
    }
    do {
      // Also on a single one: a successor with more loops adds sockets to it.
      if !address.isUnix { try kernel.set(.reusePort, on: first) }
      try kernel.listen(first, backlog: backlog)
      try sockets.extend(to: count, backlog: backlog, kernel: kernel)
    } catch {
      for descriptor in sockets.descriptors { kernel.close(descriptor) }
      throw error
    }
    return sockets
  }

  /// Adds sockets until there is one for each of `count` loops; does nothing for a unix path.
  package mutating func extend(
    to count: Int, backlog: Int32, kernel: any Kernel
  ) throws(SystemError) {
    guard !address.isUnix else { return }
    while descriptors.count < count {
      let descriptor = try Self.bound(address, sharing: true, kernel: kernel)
      descriptors.append(descriptor)
      try kernel.listen(descriptor, backlog: backlog)
    }
  }

  /// Sockets that another process opened: systemd, or the weir before this one.
  package init(inherited descriptors: [Int32], address: SocketAddress) {
    self.descriptors = descriptors
    self.address = address
  }

  private init(address: SocketAddress, descriptors: [Int32]) {
    self.init(inherited: descriptors, address: address)
  }

  private static func bound(
    _ address: SocketAddress, sharing: Bool, kernel: any Kernel
  ) throws(SystemError) -> Int32 {
    let descriptor = try kernel.makeSocket(for: address)
    do {
      if !address.isUnix { try kernel.set(.reuseAddress, on: descriptor) }
      if address.isIPv6 { try kernel.set(.onlyIPv6, on: descriptor) }
      if sharing { try kernel.set(.reusePort, on: descriptor) }
      try bind(descriptor, to: address, kernel: kernel)
      return descriptor
    } catch {
      kernel.close(descriptor)
      throw error
    }
  }

  /// A unix socket's file outlives a process that was killed; one that nobody answers is replaced.
  private static func bind(
    _ descriptor: Int32, to address: SocketAddress, kernel: any Kernel
  ) throws(SystemError) {
    do {
      try kernel.bind(descriptor, to: address)
    } catch {
      guard case .unix(let path) = address.host, error.isAddressInUse else { throw error }
      let probe = try kernel.makeSocket(for: address)
      defer { kernel.close(probe) }
      do {
        try kernel.connect(probe, to: address)
      } catch let refusal where refusal.code == ECONNREFUSED {
        unlink(path)
        return try kernel.bind(descriptor, to: address)
      } catch {}
      throw error
    }
  }
}

/// Accepts on one loop.
package final class Listener: EventHandler, TimerOwner {
  private let loop: EventLoop
  private let descriptor: Int32
  private let accepted: (Int32, SocketAddress) -> Void
  private let bound: ConnectionBound?
  /// Told of each client that was turned away with 503, for want of descriptors or of a place.
  package var turnedAway: (() -> Void)?
  private var isOpen = true
  /// Nil while nobody can be accepted, see `pause`.
  private var registration: Registration?
  private var lastReady = Instant(nanoseconds: 0)
  private static let shortTurnNanoseconds: UInt64 = 1_000_000
  private var pauseTimer: LoopTimer?
  private static let pauseTime = Duration.milliseconds(10)
  /// Given up when descriptors run out, so that the next client is told and not left to wait.
  private var reserve: Int32?

  /// `accepted` becomes the owner of each descriptor, and of its place in `bound`.
  package init(
    _ descriptor: Int32, on loop: EventLoop, bound: ConnectionBound? = nil,
    accepted: @escaping (Int32, SocketAddress) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.descriptor = descriptor
    self.bound = bound
    self.accepted = accepted
    reserve = try? loop.kernel.makeSocket(for: .loopback(port: 0))
    // Set on a listening socket it holds for all that it accepts, and costs them no call. A unix
    // socket does not know it.
    try? loop.kernel.set(.noDelay, on: descriptor)
    registration = try loop.register(descriptor, mode: .readable, handler: self)
  }

  /// Stops accepting and closes this process's end of the socket. Connections that wait in its
  /// queue are lost unless another process has the socket too.
  package func close() {
    guard isOpen else { return }
    isOpen = false
    stopWatching()
    pauseTimer?.invalidate()
    loop.kernel.close(descriptor)
    if let reserve { loop.kernel.close(reserve) }
    reserve = nil
  }

  /// Closes this process's end of a socket that another process accepts from.
  ///
  /// The kernel tells one of them of a connection. Whoever came while that was this one is accepted
  /// here, after the watch has ended; of whoever comes then, the other is told.
  package func handOver() {
    loop.unwatch(descriptor)
    acceptAll()
    close()
  }

  /// Accepts whoever waits in the queue, before `close`.
  package func acceptAll() {
    while acceptOne() {}
  }

  /// Mostly one has come, and asking for a second costs as much as accepting it: the kernel readies a
  /// descriptor first. Who still waits, the next turn's readiness tells of. Where turns are long, it takes more
  /// of them at once; the bound is for open streams, which a flood of connections must not keep waiting.
  package func ready(_ readiness: Readiness) {
    let most = loop.now.nanoseconds(since: lastReady) < Self.shortTurnNanoseconds ? 1 : 32
    lastReady = loop.now
    for _ in 0..<most where !acceptOne() { return }
  }

  /// Returns whether there may be another.
  private func acceptOne() -> Bool {
    guard isOpen else { return false }
    switch loop.kernel.accept(descriptor) {
    case .accepted(let connection, let peer):
      if bound?.take() ?? true { accepted(connection, peer) } else { refuse(connection) }
    case .wouldBlock: return false
    case .failed(let error) where error.isExhaustion:
      turnAway()
      return false
    case .failed: break  // ECONNABORTED and its kin: that client is gone, the next may be there.
    }
    return true
  }

  /// Descriptors are used up: the one kept for this moment takes the client, tells it and closes.
  private func turnAway() {
    guard let spare = reserve ?? (try? loop.kernel.makeSocket(for: .loopback(port: 0))) else {
      return pause()
    }
    loop.kernel.close(spare)
    if case .accepted(let connection, _) = loop.kernel.accept(descriptor) { refuse(connection) }
    reserve = try? loop.kernel.makeSocket(for: .loopback(port: 0))
  }

  private func refuse(_ connection: Int32) {
    Self.exhausted.withUTF8Buffer { text in
      _ = loop.kernel.send(connection, UnsafeRawBufferPointer(text))
    }
    loop.kernel.close(connection)
    turnedAway?()
  }

  /// There is not even a descriptor to turn clients away with, because another loop has taken the
  /// one that was given up. They wait in the queue; watching it would make the loop spin.
  private func pause() {
    stopWatching()
    let timer = pauseTimer ?? LoopTimer(on: loop, owner: self)
    pauseTimer = timer
    timer.set(loop.now + Self.pauseTime)
  }

  private func stopWatching() {
    guard let registration else { return }
    loop.unwatch(descriptor)
    loop.deregister(registration)
    self.registration = nil
  }

  package func timerFired(_ timer: LoopTimer) {
    do {
      registration = try loop.register(descriptor, mode: .readable, handler: self)
    } catch {
      timer.set(loop.now + Self.pauseTime)
    }
  }

  private static let exhausted: StaticString = """
    HTTP/1.1 503 Service Unavailable\r\nx-weir-error: other\r\ncontent-length: 0\r\n\
    connection: close\r\n\r\n
    """
}
