// Connects to the first of several addresses that answers: RFC 8305 ("Happy Eyeballs"), §5.

internal import Glibc

/// A connected socket on its way from the connector to whoever uses it.
package struct ConnectedSocket {
  package let descriptor: Int32
  package let address: SocketAddress
  let registration: Registration
}

/// One race. Ends with one call of `completion`, or with `cancel`.
package final class Connector: TimerOwner {
  /// The Connection Attempt Delay that RFC 8305 §8 recommends.
  package static let stagger = Duration.milliseconds(250)

  private let loop: EventLoop
  private var waiting: ArraySlice<SocketAddress>
  private var attempts: [ConnectionAttempt] = []
  private var completion: ((Result<ConnectedSocket, SystemError>) -> Void)?
  private var firstFailure: SystemError?
  private var timer: LoopTimer?

  /// `completion` is never called from within this initializer.
  package init(
    to addresses: [SocketAddress], on loop: EventLoop,
    completion: @escaping (Result<ConnectedSocket, SystemError>) -> Void
  ) {
    precondition(!addresses.isEmpty, "there is no address to connect to")
    self.loop = loop
    self.completion = completion
    waiting = Self.interleaved(addresses)[...]
    timer = LoopTimer(on: loop, owner: self)
    startNext()
  }

  /// Families by turns, the resolver's first one first, so that one broken family costs one
  /// stagger and not one for each of its addresses (RFC 8305 §4).
  static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
    let leading = addresses.filter { $0.isIPv6 == addresses[0].isIPv6 }
    let other = addresses.filter { $0.isIPv6 != addresses[0].isIPv6 }
    var mixed: [SocketAddress] = []
    for index in 0..<max(leading.count, other.count) {
      if index < leading.count { mixed.append(leading[index]) }
      if index < other.count { mixed.append(other[index]) }
    }
    return mixed
  }

  package func cancel() { finish() }

  private func startNext() {
    guard let address = waiting.popFirst() else { return }
    do {
      attempts.append(try ConnectionAttempt(to: address, on: loop, race: self))
    } catch {
      firstFailure = firstFailure ?? error
    }
    // After a failure at once, but from the loop: the caller has not got this object yet.
    let delay = attempts.isEmpty ? Duration.zero : Self.stagger
    if !waiting.isEmpty || attempts.isEmpty { timer?.set(loop.now + delay) }
  }

  package func timerFired(_ timer: LoopTimer) {
    if !waiting.isEmpty { return startNext() }
    guard attempts.isEmpty, let completion else { return }
    let failure = firstFailure ?? SystemError("connect", code: EHOSTUNREACH)
    finish()
    completion(.failure(failure))
  }

  fileprivate func attempt(_ attempt: ConnectionAttempt, endedWith failure: SystemError?) {
    attempts.removeAll { $0 === attempt }
    if let failure {
      attempt.close()
      firstFailure = firstFailure ?? failure
      timer?.set(loop.now)
      return
    }
    let completion = completion
    finish()
    completion?(.success(attempt.take()))
  }

  private func finish() {
    completion = nil
    timer?.invalidate()
    timer = nil
    for attempt in attempts { attempt.close() }
    attempts = []
    waiting = []
  }
}

private final class ConnectionAttempt: EventHandler {
  private let loop: EventLoop
  private let address: SocketAddress
  private let descriptor: Int32
  private var registration: Registration?
  private var race: Connector?

  init(to address: SocketAddress, on loop: EventLoop, race: Connector) throws(SystemError) {
    self.loop = loop
    self.address = address
    self.race = race
    descriptor = try loop.kernel.makeSocket(for: address)
    do {
      if !address.isUnix { try loop.kernel.set(.noDelay, on: descriptor) }
      try loop.kernel.connect(descriptor, to: address)
      registration = try loop.register(descriptor, mode: .edges, handler: self)
    } catch {
      loop.kernel.close(descriptor)
      throw error
    }
  }

  func ready(_ readiness: Readiness) {
    guard !readiness.isDisjoint(with: [.writable, .failed]) else { return }
    race?.attempt(self, endedWith: loop.kernel.pendingError(of: descriptor))
  }

  func take() -> ConnectedSocket {
    defer { registration = nil; race = nil }
    return ConnectedSocket(descriptor: descriptor, address: address, registration: registration!)
  }

  func close() {
    race = nil
    guard let registration else { return }
    loop.deregister(registration)
    self.registration = nil
    loop.kernel.close(descriptor)
  }
}
