// The receiving half of a connection: what happens when segments, FINs and RSTs arrive, and how
// the weather takes back a part of what has.

internal import Glibc
internal import IO

extension FakeNetwork {
  /// Moves what has arrived into the receive buffer, as far as there is room.
  func deliver(to socket: FakeSocket) {
    let before = socket.inboundByteCount
    var hasNews = false
    while let segment = socket.inbound.firstArrival(by: now), take(segment, at: socket) {
      hasNews = true
    }
    if let due = socket.resetDue, due <= now, takeReset(at: socket) { hasNews = true }
    if hasNews { wake(socket) }
    if socket.inboundByteCount < before, let sender = socket.peer { tellOfRoom(sender) }
    forgetIfOver(socket)
  }

  /// Returns false if there is no room for any of it.
  private func take(_ segment: Segment, at socket: FakeSocket) -> Bool {
    guard case .bytes(let bytes) = segment.payload else {
      socket.inbound.removeFirst(upTo: 1)
      if socket.state == .connected {
        (socket.hasReceivedFIN, socket.receiveIsShut) = (true, true)
      }
      return true
    }
    guard socket.isOpen, socket.state == .connected else {
      dropFirst(at: socket)
      // Nobody is left to read: Linux answers with a RST.
      if socket.state == .connected { sendRST(from: socket) }
      return true
    }
    let room = socket.receiveCapacity - socket.received.count
    guard room > 0 else { return false }
    let part = bytes.prefix(room)
    socket.received.append(contentsOf: part)
    dropFirst(at: socket)
    if part.count < bytes.count {
      let rest = bytes.dropFirst(part.count)
      socket.inbound.prepend(Segment(payload: .bytes(rest), due: segment.due))
      socket.inboundByteCount += rest.count
    }
    if socket.inboundByteCount == 0 { socket.peer?.allArrived = now }
    return true
  }

  /// Takes the first segment away, be it used or lost.
  func dropFirst(at socket: FakeSocket) {
    guard let segment = socket.inbound.removeFirst(upTo: 1).first else { return }
    if case .bytes(let bytes) = segment.payload { socket.inboundByteCount -= bytes.count }
  }

  /// As `tcp_reset`: bytes in the receive buffer stay readable, all else is over.
  private func takeReset(at socket: FakeSocket) -> Bool {
    socket.resetDue = nil
    let wasOver = socket.isOver
    while !socket.inbound.isEmpty { dropFirst(at: socket) }
    guard socket.state == .connected, !wasOver else { return false }
    record("(reset)", socket.number)
    socket.error = socket.hasReceivedFIN ? EPIPE : ECONNRESET
    socket.state = .dead
    (socket.receiveIsShut, socket.sendIsShut) = (true, true)
    return true
  }

  private func tellOfRoom(_ sender: FakeSocket) {
    guard sender.wantsRoom, sender.isWritable(at: now) else { return }
    sender.wantsRoom = false
    wake(sender)
  }

  /// A read made room. The sender learns of it after the network's latency.
  func openWindow(of socket: FakeSocket) {
    guard !socket.windowUpdateIsUnderway, socket.inbound.firstArrival(by: now) != nil else {
      return
    }
    socket.windowUpdateIsUnderway = true
    after(socket.isUnix ? .zero : socket.latency) { [weak self] in
      socket.windowUpdateIsUnderway = false
      self?.deliver(to: socket)
    }
  }

  /// A closed connection is remembered until its last byte and FIN have arrived.
  func forgetIfOver(_ socket: FakeSocket) {
    let ends = [socket, socket.peer].compactMap { $0 }
    guard ends.allSatisfy({ !$0.isOpen && $0.inbound.isEmpty && $0.resetDue == nil }) else {
      return
    }
    for end in ends { forget(end) }
  }
}

// MARK: - The weather's part

extension FakeNetwork {
  /// Before a receive: perhaps makes some of what has arrived arrive later instead, so that the
  /// receive drains the socket short of what was sent and an edge follows.
  ///
  /// Not once a FIN or a RST has arrived: an end that was told cannot be taken back.
  func withholdBySeed(_ socket: FakeSocket, asked: Int) {
    guard socket.state == .connected, !socket.receiveIsShut, !socket.received.isEmpty else {
      return
    }
    let most = min(asked, socket.received.count)
    if random.chance(weather.refusedReads) {
      withhold(socket, keeping: 0)
    } else if most > 1, random.chance(weather.shortReads) {
      withhold(socket, keeping: random.number(in: 1...most - 1))
    }
  }

  private func withhold(_ socket: FakeSocket, keeping count: Int) {
    let bytes = socket.received.removeAll(after: count)
    let due = now + random.duration(in: weather.catchUp)
    socket.lastDue = max(socket.lastDue, due)
    socket.inbound.prepend(Segment(payload: .bytes(bytes), due: due))
    socket.inboundByteCount += bytes.count
    schedule.add(at: due) { [weak self] in self?.deliver(to: socket) }
  }

  /// Before a send: how many bytes it may take at most, by the weather.
  func allowanceBySeed(_ socket: FakeSocket, asked: Int) -> Int {
    guard socket.state == .connected, !socket.sendIsShut else { return asked }
    if random.chance(weather.refusedWrites) { return 0 }
    guard asked > 1, random.chance(weather.shortWrites) else { return asked }
    return random.number(in: 1...asked - 1)
  }

  /// After a send that the weather cut short or refused: an edge follows. Until then there is no
  /// room, or there is: whoever tries again at once may or may not succeed.
  func holdUp(_ socket: FakeSocket, wasRefused: Bool) {
    let until = now + random.duration(in: weather.catchUp)
    socket.wantsRoom = true
    if wasRefused || random.chance(0.5) { socket.refusesUntil = max(socket.refusesUntil, until) }
    schedule.add(at: max(socket.refusesUntil, until)) { [weak self] in self?.tellOfRoom(socket) }
  }
}

extension FIFO<Segment> {
  /// The first segment, if it is there by now.
  func firstArrival(by now: Instant) -> Segment? {
    guard let first, first.due <= now else { return nil }
    return first
  }
}
