// Where scripted servers come from, and scripted clients go to.

package import IO

/// A scripted server: accepts all that comes, at once, until told not to.
package final class FakeListener {
  package let address: SocketAddress
  /// All accepted, in order.
  package private(set) var accepted: [FakePeer] = []
  /// False leaves connections in the queue.
  package var isAccepting = true { didSet { scheduleAccepting() } }

  private let network: FakeNetwork
  private let socket: FakeSocket
  private let onAccept: (FakePeer) -> Void

  init(network: FakeNetwork, socket: FakeSocket, onAccept: @escaping (FakePeer) -> Void) {
    self.network = network
    self.socket = socket
    self.onAccept = onAccept
    address = network.localAddress(of: socket)
    socket.observer = { [weak self] in self?.scheduleAccepting() }
  }

  /// Those who wait in the queue are reset, as Linux does.
  package func close() {
    if socket.isOpen { network.close(socket, abruptly: false) }
  }

  private func scheduleAccepting() {
    network.schedule.add(at: network.now) { [weak self] in self?.acceptAll() }
  }

  private func acceptAll() {
    while isAccepting, socket.isOpen, let next = network.accept(socket) {
      let peer = FakePeer(network: network, socket: next)
      network.record("peer accept", socket.number, 0, next.number)
      accepted.append(peer)
      onAccept(peer)
    }
  }
}

extension FakeWorld {
  /// A client that connects; `failure` tells if it could not. `source` may name a host with port 0.
  package func connect(to address: SocketAddress, from source: SocketAddress? = nil) -> FakePeer {
    let socket = network.makeSocket(for: address)
    let peer = FakePeer(network: network, socket: socket)
    keep(peer)
    network.record("peer connect", socket.number)
    do throws(SystemError) {
      if let source { try network.bind(socket, to: source) }
      try network.connect(socket, to: address)
    } catch {
      peer.fail(error)
    }
    return peer
  }

  /// A server whose connections are handed to `onAccept`, where a script says what they do.
  package func listen(
    on address: SocketAddress, backlog: Int = 128,
    onAccept: @escaping (FakePeer) -> Void = { _ in }
  ) throws(SystemError) -> FakeListener {
    let socket = network.makeSocket(for: address)
    try network.bind(socket, to: address)
    try network.listen(socket, backlog: backlog)
    let listener = FakeListener(network: network, socket: socket, onAccept: onAccept)
    keep(listener)
    return listener
  }
}
