// One end of a connection, or a listener, with what Linux keeps in a `struct sock`. The network
// changes it; descriptors and scripted peers hold it.

internal import Glibc
internal import IO

/// Bytes or a FIN on their way to a socket.
struct Segment {
  enum Payload {
    case bytes(ArraySlice<UInt8>)
    case fin
  }

  var payload: Payload
  /// When it arrives. A full receive buffer makes it wait longer.
  var due: Instant
}

final class FakeSocket {
  enum State {
    case fresh, listening, connecting, connected
    /// Reset, refused or timed out. Bytes that arrived before can still be read.
    case dead
  }

  /// Tells sockets apart, in the order in which they were made.
  let number: Int
  let isUnix: Bool
  let isIPv6: Bool
  var state = State.fresh
  /// Whether a descriptor or a peer holds it. Without, it lives on until all it sent has arrived.
  var isOpen = true

  var local: SocketAddress?
  var remote: SocketAddress?
  var reusesAddress = false
  var reusesPort = false
  var isOnlyIPv6 = false
  var delaysAcknowledgements = false

  /// The other end; the network keeps it alive.
  weak var peer: FakeSocket?
  var latency: Duration = .zero
  var sendCapacity = 0
  var receiveCapacity = 0

  // Towards here.
  var received = FIFO<UInt8>()
  var inbound = FIFO<Segment>()
  var inboundByteCount = 0
  /// No segment may overtake the one that was sent before it.
  var lastDue = Instant(nanoseconds: 0)
  /// When a RST arrives; no full buffer holds it up.
  var resetDue: Instant?
  var windowUpdateIsUnderway = false
  var hasReceivedFIN = false
  var receiveIsShut = false

  // From here.
  var sendIsShut = false
  /// When the last of the bytes sent so far was in the other end's buffer; nil while some are not.
  var allArrived: Instant?
  /// A send was refused or cut short: tell when there is room. Linux's SOCK_NOSPACE.
  var wantsRoom = false
  /// Until then sends are refused, by the weather.
  var refusesUntil = Instant(nanoseconds: 0)
  /// What SO_ERROR tells next.
  var error: Int32 = 0

  /// In a listener's queue, not accepted yet.
  var isEmbryo = false

  // Of a listener.
  var backlog = 0
  var acceptQueue: [FakeSocket] = []

  var watches: [Watch] = []
  /// Called when something changed, for a peer that no poller watches.
  var observer: (() -> Void)?

  init(number: Int, isUnix: Bool, isIPv6: Bool) {
    self.number = number
    self.isUnix = isUnix
    self.isIPv6 = isIPv6
  }

  func takeError() -> Int32 {
    defer { error = 0 }
    return error
  }

  /// Both FINs have arrived; a RST finds nothing left to break.
  var isOver: Bool { hasReceivedFIN && sendIsShut && peer?.hasReceivedFIN ?? true }

  var freeSendBytes: Int { max(0, sendCapacity - (peer?.inboundByteCount ?? 0)) }

  /// Linux calls a socket writable again when a third of its buffer is free.
  func isWritable(at now: Instant) -> Bool {
    state == .connected && !sendIsShut && now >= refusesUntil && freeSendBytes > 0
      && freeSendBytes * 3 >= sendCapacity
  }

  /// What a poll would say now, as `tcp_poll` does.
  func readiness(at now: Instant) -> Readiness {
    switch state {
    case .listening: return acceptQueue.isEmpty ? [] : .readable
    // Linux hangs up on a socket that has not begun to connect.
    case .fresh: return [.writable, .failed]
    case .connecting: return []
    case .connected, .dead: break
    }
    var readiness: Readiness = []
    if !received.isEmpty { readiness.insert(.readable) }
    if receiveIsShut { readiness.formUnion([.readable, .peerClosed]) }
    if sendIsShut || isWritable(at: now) { readiness.insert(.writable) } else { wantsRoom = true }
    if error != 0 || (receiveIsShut && sendIsShut) { readiness.insert(.failed) }
    return readiness
  }

  /// Something happened: all that watch with edges hear of it, and of the pollers that wait for a
  /// level one at least, as with EPOLLEXCLUSIVE.
  func wake(_ random: inout Dice) {
    observer?()
    let levels = watches.filter { $0.mode == .readable }
    let all = levels.count < 2 || random.chance(0.3)
    let chosen = all ? 0 : random.number(in: 0...levels.count - 1)
    for watch in watches where watch.mode == .edges { watch.becomePending() }
    for (index, watch) in levels.enumerated() where all || index == chosen {
      watch.becomePending()
    }
  }
}
