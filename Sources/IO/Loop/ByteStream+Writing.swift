// The stream's other direction, and its end: what is written goes to the kernel at once, and what the kernel
// refuses waits in the stream's queue.

extension ByteStream {
  /// Sends now what the kernel takes and keeps the rest, however much: mind `queuedBytes`.
  package func write(_ bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { raw in
      guard let tls else { return transmit(raw) }
      precondition(tls.isEstablished, "bytes were written before the TLS handshake was done")
      var rest = raw[...]
      while !rest.isEmpty, isOpen {
        let piece = rest.prefix(LoopBuffers.readSize)
        rest = rest.dropFirst(piece.count)
        encrypt(UnsafeRawBufferPointer(rebasing: piece), with: tls)
      }
    }
  }

  private func encrypt(_ piece: UnsafeRawBufferPointer, with tls: TLSSession) {
    do {
      try tls.send(piece)
    } catch {
      failSending()
    }
    sendCiphertext()
  }

  /// Holds writes back until `uncork`, so that a head and what follows it leave in one call.
  package func cork() { state.insert(.corked) }

  package var isCorked: Bool { state.contains(.corked) }

  package func uncork() {
    state.remove(.corked)
    if !outgoing.isEmpty { send() }
  }

  func sendCiphertext() {
    guard let tls, tls.hasCiphertext else { return }
    transmit(loop.buffers.tls.outgoing)
    loop.buffers.tls.clearOutgoing()
  }

  private func transmit(_ bytes: UnsafeRawBufferPointer) {
    guard isOpen, !bytes.isEmpty, !state.contains(.sendingFailed) else { return }
    var sent = 0
    if outgoing.isEmpty, state.isSuperset(of: .writable), !state.contains(.corked) {
      switch loop.send(descriptor, bytes) {
      case .bytes(let count): sent = count
      case .failed: return failSending()
      case .wouldBlock, .ended: break
      }
      if sent < bytes.count { state.remove(.writable) }
    }
    if sent < bytes.count { outgoing.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
  }

  /// Sends from the queue what the kernel takes.
  func send() {
    guard isOpen, state.contains(.writable), !state.contains(.corked) else { return }
    let waiting = outgoing.count
    switch loop.send(descriptor, outgoing.bytes) {
    case .bytes(let count):
      outgoing.removeFirst(count)
      if count < waiting { state.remove(.writable) }
    case .failed: failSending()
    case .wouldBlock, .ended: state.remove(.writable)
    }
  }

  func drain() {
    send()
    guard isOpen else { return }
    owner?.streamDrained(self)
  }

  /// The peer takes no more. It may still have said something, an early answer for instance, so
  /// reading goes on and brings the end in its time.
  private func failSending() {
    // Closed by a reset: a FIN would say that the peer has had all.
    state.insert([.sendingFailed, .peerClosed, .readable, .resetsAtClose])
    outgoing.removeAll()
    if let registration { loop.callAgain(registration, .failed) }
  }
}

// MARK: - Closing

extension ByteStream {
  /// Sends a FIN after what is queued; reading goes on. TLS says close_notify first.
  package func finishSending() {
    guard isOpen, outgoing.isEmpty, !state.contains(.sendingFailed) else { return }
    if let tls, tls.isEstablished {
      tls.close()
      sendCiphertext()
    }
    loop.kernel.shutdownSending(descriptor)
  }

  /// Lets go of a plain stream at rest, and of its owner; returns the descriptor, which stays open
  /// with all that has come and was not read. Nil if there is more to the stream than that.
  package func detach() -> Int32? {
    let isAtRest = state.isDisjoint(with: [.peerClosed, .sendingFailed, .corked])
    guard isOpen, isAtRest, tls == nil, outgoing.isEmpty else { return nil }
    state.remove(.open)
    owner = nil
    // It stays open, so that nothing else ends the watch.
    loop.unwatch(descriptor)
    if let registration { loop.deregister(registration) }
    registration = nil
    return descriptor
  }

  /// Closes now and lets go of the owner. What is queued is lost.
  package func close() {
    guard isOpen else { return }
    if let tls, tls.isEstablished, state.isDisjoint(with: [.resetsAtClose, .sendingFailed]) {
      tls.close()
      sendCiphertext()
    }
    state.remove(.open)
    owner = nil
    outgoing.removeAll()
    if let registration { loop.deregister(registration) }
    registration = nil
    if state.contains(.resetsAtClose) {
      loop.kernel.reset(descriptor)
    } else {
      loop.kernel.close(descriptor)
    }
  }

  /// Closes now, with a RST.
  package func reset() {
    state.insert(.resetsAtClose)
    close()
  }
}
