// The provider behind the proxies: answers a short request at once, and hands each stream that is
// asked for to the record of that number, which whoever drives the run then feeds.

import IO

final class Provider {
  let address: SocketAddress
  /// The streams that may be asked for, by number.
  var records: [StreamRecord] = []
  /// Called when a stream's peer has taken what had to wait.
  var drained: () -> Void = {}
  /// Ends each connection with its first short answer, and says so in it.
  var closesAfterAnswer = false
  /// TLS handshakes so far, and those of them that took up an earlier session.
  private(set) var handshakes = 0
  private(set) var resumptions = 0
  /// The first request that was not what the clients sent.
  var failure: BenchError?

  private let loop: EventLoop
  private var listener: Listener?
  private var connections: [ObjectIdentifier: ProviderConnection] = [:]

  /// Listens on a free loopback port; with `tls`, speaks TLS there.
  init(on loop: EventLoop, tls: TLSContext?) throws(SystemError) {
    self.loop = loop
    let sockets = try ListeningSockets.open(
      .loopback(port: 0), count: 1, backlog: 4096, kernel: loop.kernel)
    address = sockets.address
    listener = try Listener(sockets.descriptors[0], on: loop) { [unowned self] descriptor, _ in
      accept(descriptor, tls: tls)
    }
  }

  /// The clock, not the loop's last look at it.
  var now: UInt64 { loop.kernel.now().nanoseconds }

  private func accept(_ descriptor: Int32, tls: TLSContext?) {
    do {
      try loop.kernel.set(.noDelay, on: descriptor)
      let session = try tls.map { try TLSSession(server: $0, buffers: loop.buffers.tls) }
      let stream = try ByteStream(accepted: descriptor, on: loop, tls: session)
      let connection = ProviderConnection(stream, of: self)
      connections[ObjectIdentifier(connection)] = connection
    } catch {
      failure = failure ?? BenchError("the provider could not accept: \(error)")
    }
  }

  func established(isResumed: Bool) {
    handshakes += 1
    if isResumed { resumptions += 1 }
  }

  func closed(_ connection: ProviderConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  /// Ends a run: forgets its streams and closes what the proxy left open.
  func reset() {
    for connection in connections.values { connection.close() }
    connections = [:]
    records = []
    drained = {}
    closesAfterAnswer = false
    failure = nil
  }
}
