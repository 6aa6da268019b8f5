// A client or server that a script drives, without a loop or descriptors: it sends what it is told
// to, and keeps what it receives.

internal import Glibc
package import IO

package final class FakePeer {
  /// Reads at most this much, this often: a slow reader.
  package struct Pace: Sendable {
    package var bytes: Int
    package var every: Duration

    package init(bytes: Int, every: Duration) {
      self.bytes = bytes
      self.every = every
    }
  }

  /// All that was received, in order.
  package private(set) var received: [UInt8] = []
  /// Whether the other side's FIN was read.
  package private(set) var hasEnded = false
  /// Why the connection, or the attempt at one, broke.
  package private(set) var failure: SystemError?
  /// Called after bytes, the end or a failure came in, and after connecting.
  package var onChange: ((FakePeer) -> Void)?
  package private(set) var isConnected = false
  private var connectedAt = Instant.distantFuture

  private enum Ending { case none, finish, close }

  private let network: FakeNetwork
  private let socket: FakeSocket
  private var outbox = FIFO<UInt8>()
  private var ending = Ending.none
  private var pumpIsScheduled = false
  private var paceAllows: Instant

  init(network: FakeNetwork, socket: FakeSocket) {
    self.network = network
    self.socket = socket
    paceAllows = network.now
    socket.observer = { [weak self] in self?.schedulePump() }
    schedulePump()
  }

  package var isOpen: Bool { socket.isOpen }

  /// Bytes that the socket has not taken yet.
  package var unsentByteCount: Int { outbox.count }

  /// Whether the other side has had all that was given to `send` within `time` of connecting.
  package func wasPrompt(within time: Duration) -> Bool {
    guard outbox.isEmpty, let arrival = socket.allArrived else { return false }
    return arrival <= connectedAt + time
  }

  package var localAddress: SocketAddress? { socket.local }
  package var remoteAddress: SocketAddress? { socket.remote }

  /// False leaves what arrives in the socket, until that is full and the sender has to wait.
  package var isReading = true { didSet { schedulePump() } }

  /// Nil reads all there is at once.
  package var pace: Pace? { didSet { schedulePump() } }

  package func takeReceived() -> [UInt8] {
    defer { received = [] }
    return received
  }
}

// MARK: - What a script tells it

extension FakePeer {
  /// Sends as the socket takes it; may be called before the connection stands.
  package func send(_ bytes: some Collection<UInt8>) {
    outbox.append(contentsOf: bytes)
    schedulePump()
  }

  package func send(_ text: String) { send(text.utf8) }

  /// A FIN after all that was given to `send`. Reading goes on.
  package func finish() {
    ending = .finish
    schedulePump()
  }

  /// Closes after all that was given to `send` is sent.
  package func closeWhenSent() {
    ending = .close
    schedulePump()
  }

  /// Closes at once; with a RST if there is something unread, as Linux does.
  package func close() { end(abruptly: false) }

  package func reset() { end(abruptly: true) }

  /// An attempt that never got under way.
  func fail(_ error: SystemError) { failure = error }

  private func end(abruptly: Bool) {
    guard socket.isOpen else { return }
    network.record(abruptly ? "peer reset" : "peer close", socket.number)
    outbox.removeAll()
    network.close(socket, abruptly: abruptly)
  }
}

// MARK: - What it does by itself

extension FakePeer {
  /// Not at once, because the network may be in the middle of something.
  private func schedulePump() {
    guard !pumpIsScheduled else { return }
    pumpIsScheduled = true
    network.schedule.add(at: network.now) { [weak self] in
      self?.pumpIsScheduled = false
      self?.pump()
    }
  }

  private func pump() {
    guard socket.isOpen else { return }
    var hasNews = false
    if !isConnected && socket.state == .connected {
      (isConnected, hasNews) = (true, true)
      connectedAt = network.now
    }
    if isReading && !hasEnded && failure == nil && read() { hasNews = true }
    if failure == nil && write() { hasNews = true }
    if hasNews { onChange?(self) }
  }

  private func read() -> Bool {
    guard network.now >= paceAllows else { return false }
    var left = pace?.bytes ?? .max
    var hasNews = false
    withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { buffer in
      while left > 0, !hasEnded, failure == nil {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
        switch network.receive(socket, into: room) {
        case .bytes(let count):
          received.append(contentsOf: room[..<count])
          left -= count
        case .ended: hasEnded = true
        case .failed(let error): failure = error
        case .wouldBlock: return
        }
        hasNews = true
      }
    }
    if hasNews { network.record("peer read", socket.number, received.count) }
    if let pace, left == 0 { rest(for: pace.every) }
    return hasNews
  }

  private func rest(for time: Duration) {
    paceAllows = network.now + time
    network.schedule.add(at: paceAllows) { [weak self] in self?.schedulePump() }
  }

  /// Returns whether the connection turned out broken.
  private func write() -> Bool {
    while !outbox.isEmpty {
      let chunk = outbox.prefix(16_384)
      switch chunk.withUnsafeBytes({ network.send(socket, $0) }) {
      case .bytes(let count):
        network.record("peer send", socket.number, chunk.count, count)
        outbox.removeFirst(upTo: count)
      case .failed(let error):
        failure = error
        outbox.removeAll()
        return true
      case .ended, .wouldBlock: return false
      }
    }
    guard socket.state == .connected else { return false }
    switch ending {
    case .none: break
    case .finish: network.shutdownSending(socket)
    case .close: close()
    }
    ending = .none
    return false
  }
}
