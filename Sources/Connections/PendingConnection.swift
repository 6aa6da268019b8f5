// A connection in the making: name, then TCP, then TLS, within one time limit, and cancellable in
// each of these phases.

package import IO

package final class PendingConnection: ByteStreamOwner, TimerOwner {
  /// What it is waiting for.
  package enum Phase: Sendable { case name, tcp, tls, done }

  package private(set) var phase = Phase.name
  /// When each phase began; 0 for one not reached.
  package private(set) var tcpStart = Instant(nanoseconds: 0)
  package private(set) var tlsStart = Instant(nanoseconds: 0)
  package let start: Instant

  private let pool: UpstreamPool
  private var completion: ((Result<ClientConnection, ConnectFailure>) -> Void)?
  private var timer: LoopTimer?
  private var ticket: Resolver.Ticket?
  private var connector: Connector?
  private var stream: ByteStream?
  private var address: SocketAddress?

  init(
    for pool: UpstreamPool,
    completion: @escaping (Result<ClientConnection, ConnectFailure>) -> Void
  ) {
    self.pool = pool
    self.completion = completion
    start = pool.loop.now
    let timer = LoopTimer(on: pool.loop, owner: self)
    timer.set(start + pool.options.connectTimeout)
    self.timer = timer
    lookUp()
  }

  /// Gives up whatever is under way; `completion` is not called.
  package func cancel() {
    completion = nil
    release()
    stream?.close()
  }

  package func timerFired(_ timer: LoopTimer) { fail(.timeout) }

  private func lookUp() {
    let origin = pool.origin
    if let path = origin.unixPath {
      return connect(to: [SocketAddress(host: .unix(path))])
    }
    if let addresses = pool.resolver.immediate(origin.host, port: origin.port) {
      return connect(to: addresses)
    }
    ticket = pool.resolver.resolve(origin.host, port: origin.port) { [weak self] resolution in
      switch resolution {
      case .addresses(let addresses): self?.connect(to: addresses)
      case .failed(let reason): self?.fail(.dns(reason))
      }
    }
  }

  private func connect(to addresses: [SocketAddress]) {
    ticket = nil
    phase = .tcp
    tcpStart = pool.loop.now
    connector = Connector(to: addresses, on: pool.loop) { [unowned self] result in
      connector = nil
      switch result {
      case .success(let socket): secure(socket)
      case .failure(let error): fail(error.isExhaustion ? .exhausted(error) : .refused(error))
      }
    }
  }

  private func secure(_ socket: ConnectedSocket) {
    address = socket.address
    guard let context = pool.origin.tls else {
      stream = ByteStream(connected: socket, on: pool.loop, tls: nil)
      return succeed()
    }
    phase = .tls
    tlsStart = pool.loop.now
    do {
      let session = try TLSSession(
        client: context, serverName: pool.origin.serverName ?? pool.origin.host,
        cache: pool.sessions, buffers: pool.loop.buffers.tls)
      let stream = ByteStream(connected: socket, on: pool.loop, tls: session)
      self.stream = stream
      stream.owner = self
      try stream.startHandshake()
    } catch {
      fail(.tls(error))
    }
  }

  private func succeed() {
    guard let completion, let stream, let address else { return }
    self.completion = nil
    release()
    if pool.options.delaysAcknowledgements, !address.isUnix {
      stream.acknowledgements = AcknowledgementPace(pool.acknowledgementTrials)
    }
    let connection = ClientConnection(
      stream, to: address, headLimitBytes: pool.options.headLimitBytes, supplies: pool.supplies)
    completion(.success(connection))
  }

  private func fail(_ failure: ConnectFailure) {
    let completion = completion
    cancel()
    completion?(.failure(failure))
  }

  private func release() {
    phase = .done
    timer?.invalidate()
    timer = nil
    if let ticket { pool.resolver.cancel(ticket) }
    ticket = nil
    connector?.cancel()
    connector = nil
  }
}

// MARK: - During the TLS handshake

extension PendingConnection {
  package func streamEstablished(_ stream: ByteStream) { succeed() }

  package func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {
    switch failure {
    case .tls(let error): fail(.tls(error))
    case .system(let error): fail(.tls(TLSError(.handshake, error.description)))
    }
  }

  // A server has nothing to say before the client, and its FIN arrives as a failed handshake.
  package func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {}
  package func streamEnded(_ stream: ByteStream, cleanly: Bool) {}
  package func streamPeerClosed(_ stream: ByteStream) {}
  package func streamDrained(_ stream: ByteStream) {}
}
