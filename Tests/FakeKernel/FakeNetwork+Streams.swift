// What flows in a connection: segments that arrive at their time and as the receive buffer has
// room, FINs behind them, and RSTs past everything that waits for room.

internal import Glibc
internal import IO

// MARK: - What a socket's holder calls

extension FakeNetwork {
  /// Reads as `tcp_recvmsg` does: bytes first, then a FIN, then an error, once.
  func receive(
    _ socket: FakeSocket, into buffer: UnsafeMutableRawBufferPointer
  ) -> Transfer {
    precondition(buffer.count > 0, "a receive into no room reads as an end")
    switch socket.state {
    case .fresh, .listening: return .failed(SystemError("recv", code: ENOTCONN))
    case .connecting: return .wouldBlock
    case .connected, .dead: break
    }
    if !socket.received.isEmpty {
      let bytes = socket.received.removeFirst(upTo: buffer.count)
      buffer.copyBytes(from: bytes)
      openWindow(of: socket)
      return .bytes(bytes.count)
    }
    if socket.hasReceivedFIN && !socket.isUnix { return .ended }
    if socket.error != 0 { return .failed(SystemError("recv", code: socket.takeError())) }
    return socket.receiveIsShut ? .ended : .wouldBlock
  }

  /// Sends as `tcp_sendmsg` does: an error once, EPIPE ever after.
  func send(_ socket: FakeSocket, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    precondition(bytes.count > 0, "a send of nothing tells nothing")
    switch socket.state {
    case .fresh, .listening: return .failed(SystemError("send", code: EPIPE))
    case .connecting: return .wouldBlock
    case .connected, .dead: break
    }
    if socket.error != 0 && !socket.isUnix {
      return .failed(SystemError("send", code: socket.takeError()))
    }
    if socket.sendIsShut { return .failed(SystemError("send", code: EPIPE)) }
    let free = now < socket.refusesUntil ? 0 : socket.freeSendBytes
    let taken = min(free, bytes.count)
    if taken < bytes.count { socket.wantsRoom = true }
    if taken == 0 { return .wouldBlock }
    transmit(Array(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))[...], from: socket)
    return .bytes(taken)
  }

  /// What is on its way or waits for room; a FIN counts as one. SIOCOUTQ.
  func unacknowledgedBytes(of socket: FakeSocket) -> Int {
    guard !socket.isUnix, socket.state == .connected, let peer = socket.peer else { return 0 }
    return peer.inboundByteCount + (socket.sendIsShut && !peer.hasReceivedFIN ? 1 : 0)
  }

  func shutdownSending(_ socket: FakeSocket) {
    guard socket.state == .connected, !socket.sendIsShut else { return }
    sendFIN(from: socket)
    // Linux wakes the caller's own pollers too.
    wake(socket)
  }

  /// Closes properly, or with a RST where `abruptly` or Linux want one: bytes that nobody read.
  func close(_ socket: FakeSocket, abruptly: Bool) {
    precondition(socket.isOpen, "a socket is closed once")
    socket.isOpen = false
    socket.observer = nil
    for watch in socket.watches { watch.poller.remove(watch) }
    socket.watches = []
    unbind(socket)
    switch socket.state {
    case .fresh, .connecting, .dead: break
    case .listening:
      for waiting in socket.acceptQueue { close(waiting, abruptly: true) }
      socket.acceptQueue = []
    case .connected:
      let hasUnread = !socket.received.isEmpty || socket.inbound.firstArrival(by: now) != nil
      socket.received.removeAll()
      if socket.isUnix {
        endUnix(socket, hasUnread: hasUnread)
      } else if abruptly || hasUnread {
        sendRST(from: socket)
      } else if !socket.sendIsShut {
        sendFIN(from: socket)
      }
    }
    deliver(to: socket)
    forgetIfOver(socket)
  }
}

// MARK: - Sending

extension FakeNetwork {
  private func transmit(_ bytes: ArraySlice<UInt8>, from socket: FakeSocket) {
    guard let peer = socket.peer else { return }
    socket.allArrived = nil
    var rest = bytes
    while !rest.isEmpty {
      let part = rest.prefix(random.number(in: weather.segmentBytes))
      rest = rest.dropFirst(part.count)
      peer.inboundByteCount += part.count
      post(.bytes(part), from: socket, to: peer)
      if !socket.isUnix, random.chance(weather.resets) { breakSoon(socket) }
    }
    deliver(to: peer)
  }

  private func sendFIN(from socket: FakeSocket) {
    socket.sendIsShut = true
    guard let peer = socket.peer else { return }
    post(.fin, from: socket, to: peer)
    deliver(to: peer)
  }

  private func post(_ payload: Segment.Payload, from socket: FakeSocket, to peer: FakeSocket) {
    let due = max(peer.lastDue, now + travelTime(of: socket))
    peer.lastDue = due
    peer.inbound.append(Segment(payload: payload, due: due))
    scheduleDelivery(to: peer, at: due)
  }

  private func travelTime(of socket: FakeSocket) -> Duration {
    if socket.isUnix { return .zero }
    var time = socket.latency + random.duration(in: .zero...weather.jitter)
    if random.chance(weather.stalls) { time += random.duration(in: weather.stallTime) }
    return time
  }

  private func scheduleDelivery(to socket: FakeSocket, at due: Instant) {
    guard due > now else { return }
    schedule.add(at: due) { [weak self] in self?.deliver(to: socket) }
  }

  /// What waits for room at the peer is lost and all that was sent after it; else what is on its
  /// way arrives first.
  func sendRST(from socket: FakeSocket) {
    socket.state = .dead
    guard let peer = socket.peer, peer.resetDue == nil, !peer.isOver else { return }
    if peer.inbound.firstArrival(by: now) != nil {
      while !peer.inbound.isEmpty { dropFirst(at: peer) }
    }
    let due = max(peer.lastDue, now + travelTime(of: socket))
    peer.resetDue = due
    scheduleDelivery(to: peer, at: due)
    deliver(to: peer)
  }

  /// A middlebox loses its memory of the connection: both ends get a RST, at no certain time.
  private func breakSoon(_ socket: FakeSocket) {
    let time = random.duration(in: .zero ... .milliseconds(50))
    schedule.add(at: now + time) { [weak self] in
      guard let self else { return }
      for end in [socket, socket.peer].compactMap({ $0 }) where end.resetDue == nil {
        end.resetDue = now
        deliver(to: end)
        forgetIfOver(end)
      }
    }
  }

  /// Unix sockets know at once that the other side is gone; bytes before the end stay readable.
  private func endUnix(_ socket: FakeSocket, hasUnread: Bool) {
    socket.state = .dead
    socket.inbound.removeAll()
    socket.inboundByteCount = 0
    guard let peer = socket.peer, peer.isOpen else { return }
    if !socket.sendIsShut { post(.fin, from: socket, to: peer) }
    if hasUnread || socket.isEmbryo { peer.error = ECONNRESET }
    peer.sendIsShut = true
    wake(peer)
    deliver(to: peer)
  }
}
