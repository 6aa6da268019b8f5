// One loop's connections to one origin: makes them, keeps idle ones, and gives out none that is
// known to be dead.

package import IO
internal import Wire

/// Where an upstream is and how to reach it.
package struct Origin: Sendable {
  package var host: String
  package var port: UInt16
  /// Set for a unix socket, which then takes the place of host and port.
  package var unixPath: String?
  /// nil is plaintext.
  package var tls: TLSContext?
  /// The name asked for by SNI and verified, where it is not the host.
  package var serverName: String?

  package init(host: String, port: UInt16, tls: TLSContext? = nil, serverName: String? = nil) {
    self.host = host
    self.port = port
    self.tls = tls
    self.serverName = serverName
  }
}

package struct PoolOptions: Sendable {
  /// Name, TCP and TLS together.
  package var connectTimeout = Duration.seconds(10)
  package var idleLimit = 64
  package var idleTimeout = Duration.seconds(60)
  package var headLimitBytes = 64 * 1024
  /// Where the peer is seen not to wait for them; see `AcknowledgementPace`.
  package var delaysAcknowledgements = true

  package init() {}
}

/// Why there is no connection.
package enum ConnectFailure: Error, Equatable, Sendable {
  case dns(String)
  case refused(SystemError)
  case timeout
  case tls(TLSError)
  /// Our own want of descriptors or memory.
  case exhausted(SystemError)
}

package final class UpstreamPool {
  package let origin: Origin
  package let options: PoolOptions
  let loop: EventLoop
  let resolver: Resolver
  let supplies: ConnectionSupplies
  let sessions = TLSSessionCache()
  let acknowledgementTrials = AcknowledgementTrials()
  /// The newest last: the one most likely to be alive is used first, and the oldest is the first whose
  /// time is over.
  private var idle: [ClientConnection] = []
  private let timer: LoopTimer
  private var isClosed = false
  /// Told of each idle connection that closed, for whatever reason.
  package var idleClosed: (() -> Void)?

  package init(
    to origin: Origin, options: PoolOptions, on loop: EventLoop, resolver: Resolver,
    supplies: ConnectionSupplies
  ) {
    self.origin = origin
    self.options = options
    self.loop = loop
    self.resolver = resolver
    self.supplies = supplies
    timer = LoopTimer(on: loop)
    timer.owner = IdleTimes(of: self)
  }

  deinit { timer.invalidate() }

  package var idleCount: Int { idle.count }

  /// An idle connection, no longer the pool's; nil if there is none.
  package func takeIdle() -> ClientConnection? {
    while let kept = idle.popLast() {
      if kept.isUsable { return kept }
      kept.close()
      idleClosed?()
    }
    return nil
  }

  /// Begins to make a connection; `completion` is called on the loop, later, unless cancelled.
  package func connect(
    completion: @escaping (Result<ClientConnection, ConnectFailure>) -> Void
  ) -> PendingConnection {
    PendingConnection(for: self, completion: completion)
  }

  /// Takes a connection back after an answer; closes it unless it can serve again, and returns
  /// whether it can.
  package func giveBack(_ connection: consuming ClientConnection) -> Bool {
    guard connection.isReusable, connection.isUsable, !isClosed, options.idleLimit > 0 else {
      connection.close()
      return false
    }
    if idle.count == options.idleLimit { discard(idle[0]) }
    let deadline = loop.now + options.idleTimeout
    connection.rest(in: self, until: deadline)
    idle.append(connection)
    if !timer.isSet { timer.set(deadline) }
    return true
  }

  /// Closes what is idle, and from now on whatever comes back.
  package func close() {
    isClosed = true
    timer.invalidate()
    for kept in idle { discard(kept) }
  }

  fileprivate func closeExpired(_ timer: LoopTimer) {
    while let oldest = idle.first, oldest.idleDeadline <= loop.now { discard(oldest) }
    if let oldest = idle.first { timer.set(oldest.idleDeadline) }
  }

  /// Closes a connection that has been kept.
  func discard(_ kept: ClientConnection) {
    idle.removeAll { $0 === kept }
    kept.close()
    idleClosed?()
  }
}

/// Ends the waiting of a pool's connections. A timer keeps its owner, which would keep the pool and its loop.
private final class IdleTimes: TimerOwner {
  private unowned let pool: UpstreamPool

  init(of pool: UpstreamPool) { self.pool = pool }

  func timerFired(_ timer: LoopTimer) { pool.closeExpired(timer) }
}
