// A connected socket, plain or TLS, as a stream of bytes each way. Bytes are read into the loop's
// buffer and lent to the owner; what is written goes to the kernel at once, and only what the
// kernel refuses is kept.

internal import Glibc

/// Why a stream ended otherwise than by its peer's FIN.
package enum StreamFailure: Error, Equatable, Sendable {
  case system(SystemError)
  case tls(TLSError)
}

/// Whoever a stream's bytes are for. Called on the loop's thread, never from within a call that
/// the owner itself makes of the stream.
package protocol ByteStreamOwner: AnyObject {
  /// The TLS handshake is done. Not called on plain streams, which begin established.
  func streamEstablished(_ stream: ByteStream)
  /// Bytes to be used up before returning: they lie in a buffer that the whole loop shares.
  func stream(_ stream: ByteStream, received bytes: Span<UInt8>)
  /// The peer sent its FIN and all before it has been delivered. `cleanly` is false where TLS
  /// ended without a close_notify, so that an attacker may have cut it (RFC 8446 §6.1), and where
  /// the end may have been a reset.
  func streamEnded(_ stream: ByteStream, cleanly: Bool)
  /// The peer has closed or reset while reading is paused; bytes may lie before that end.
  func streamPeerClosed(_ stream: ByteStream)
  /// Queued bytes went out; see `queuedBytes`.
  func streamDrained(_ stream: ByteStream)
  /// Dead. Nothing more will come; the owner closes it.
  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure)
}

package final class ByteStream: EventHandler {
  package var owner: (any ByteStreamOwner)?
  /// The most bytes that the next read may bring; at least 1.
  package var readLimit = LoopBuffers.readSize
  /// Set by who receives much and sends little; nil leaves acknowledgements to the kernel.
  package var acknowledgements: AcknowledgementPace?
  /// What the owner touches when bytes come, itself included; asked for before each read.
  package var upcoming = UpcomingMemory()

  let loop: EventLoop
  let descriptor: Int32
  var registration: Registration?
  let tls: TLSSession?
  var outgoing: ByteQueue
  var state: State = [.open, .writable]

  struct State: OptionSet {
    let rawValue: UInt16
    static let open = State(rawValue: 1)
    /// The last read left bytes behind, or news has come that has not been read.
    static let readable = State(rawValue: 2)
    /// The kernel has not refused bytes since it last said that it takes some.
    static let writable = State(rawValue: 4)
    /// A FIN or an error has been announced: read until it shows.
    static let peerClosed = State(rawValue: 8)
    static let readingPaused = State(rawValue: 16)
    static let corked = State(rawValue: 32)
    /// The peer takes nothing any more; what is written is dropped, reading goes on.
    static let sendingFailed = State(rawValue: 64)
    static let resetsAtClose = State(rawValue: 256)
    static let toldOfEstablishment = State(rawValue: 512)
    static let toldOfClosing = State(rawValue: 1024)
  }

  /// Takes over an accepted descriptor; closes it also when it throws.
  package init(
    accepted descriptor: Int32, on loop: EventLoop, tls: TLSSession?
  ) throws(SystemError) {
    self.loop = loop
    self.descriptor = descriptor
    self.tls = tls
    outgoing = ByteQueue(buffers: loop.buffers)
    do {
      registration = try loop.register(descriptor, mode: .edges, handler: self)
    } catch {
      loop.kernel.close(descriptor)
      throw error
    }
  }

  /// Takes over a connected socket. With TLS, `startHandshake` is to follow.
  package init(connected socket: ConnectedSocket, on loop: EventLoop, tls: TLSSession?) {
    self.loop = loop
    descriptor = socket.descriptor
    self.tls = tls
    outgoing = ByteQueue(buffers: loop.buffers)
    registration = socket.registration
    loop.replaceHandler(of: socket.registration, with: self)
    // Its edges went to the connector; whatever came with them has to be asked for.
    loop.callAgain(socket.registration, .readable)
  }

  /// Sends the ClientHello; `streamEstablished` or `streamFailed` follows.
  package func startHandshake() throws(TLSError) {
    try tls?.start()
    sendCiphertext()
  }

  package var isOpen: Bool { state.contains(.open) }
  package var isTLS: Bool { tls != nil }
  package var isResumed: Bool { tls?.wasResumed ?? false }
  /// Bytes that were written and wait for the peer, TLS overhead included.
  package var queuedBytes: Int { outgoing.count }
  /// Bytes that the kernel took and the peer's has not acknowledged; 0 once sending has failed. One
  /// system call.
  package var unacknowledgedBytes: Int {
    guard isOpen, !state.contains(.sendingFailed) else { return 0 }
    return loop.kernel.unacknowledgedBytes(of: descriptor)
  }
  /// The peer has closed or reset; bytes that it sent before may still be unread.
  package var isPeerClosed: Bool { state.contains(.peerClosed) }
}

// MARK: - Reading

extension ByteStream {
  package var isReadingPaused: Bool { state.contains(.readingPaused) }

  /// No more bytes for the owner until `resumeReading`. Costs no system call, either of them.
  package func pauseReading() { state.insert(.readingPaused) }

  package func resumeReading() {
    guard state.contains(.readingPaused) else { return }
    state.remove(.readingPaused)
    guard let registration, !state.isDisjoint(with: [.readable, .peerClosed]) else { return }
    // Not read here: the caller may be holding bytes that lie in the loop's buffer.
    loop.callAgain(registration, .readable)
  }

  /// Reads what has come, if anything, without waiting to be told of it. Not from within a call
  /// that lends bytes: they lie in the loop's buffer.
  package func readNow() {
    guard isOpen, registration != nil, !state.contains(.readingPaused) else { return }
    read()
  }

  package func ready(_ readiness: Readiness) {
    if readiness.contains(.writable) {
      state.insert(.writable)
      if !outgoing.isEmpty { drain() }
    }
    if !readiness.isDisjoint(with: [.peerClosed, .failed]) {
      state.insert([.peerClosed, .readable])
    }
    if readiness.contains(.readable) { state.insert(.readable) }
    guard isOpen, state.contains(.readable) else { return }
    if state.contains(.readingPaused) {
      tellOfClosing()
    } else {
      read()
    }
  }

  private func tellOfClosing() {
    guard state.contains(.peerClosed), !state.contains(.toldOfClosing) else { return }
    state.insert(.toldOfClosing)
    owner?.streamPeerClosed(self)
  }

  /// Reads once; again only where that read cannot have brought all.
  private func read() {
    while isOpen, !state.contains(.readingPaused) {
      let wanted = min(readLimit, LoopBuffers.readSize)
      let buffer = UnsafeMutableRawBufferPointer(rebasing: loop.buffers.incoming[..<wanted])
      upcoming.prefetch()
      switch loop.kernel.receive(descriptor, into: buffer) {
      case .bytes(let count):
        let isDrained = count < wanted
        if isDrained && !state.contains(.peerClosed) { state.remove(.readable) }
        deliver(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        if isDrained { paceAcknowledgements(count) }
        // A short read has emptied the socket, and the kernel tells of what comes next: asking
        // again would only bring EAGAIN. Behind an announced FIN it brings the end.
        if isDrained && !state.contains(.peerClosed) { return }
        // A full read leaves more; the loop's other streams have their turn first.
        if !isDrained, isOpen, let registration { return loop.callAgain(registration, .readable) }
      case .ended:
        // A send that failed may have taken a reset's error away: this may be no FIN.
        return end(cleanly: tls?.isClosedByPeer ?? !state.contains(.sendingFailed))
      case .wouldBlock:
        state.remove(.readable)
        if state.contains(.sendingFailed) { failForWantOfMemory() }
        return
      case .failed(let error):
        return fail(.system(error))
      }
    }
    if isOpen { tellOfClosing() }
  }

  private func paceAcknowledgements(_ bytes: Int) {
    guard let step = acknowledgements?.noteRead(bytes, at: loop.now), step != .nothing, isOpen
    else { return }
    if step == .delay { return loop.kernel.delayAcknowledgements(of: descriptor) }
    acknowledgements?.conclude(
      isDelaying: loop.kernel.delaysAcknowledgements(of: descriptor),
      segmentBytes: loop.kernel.segmentBytes(of: descriptor), at: loop.now)
  }

  private func deliver(_ bytes: UnsafeRawBufferPointer) {
    guard let tls else { return hand(bytes) }
    let plaintext = loop.buffers.plaintextBuffer()
    let result: Result<TLSSession.Received, TLSError>
    do {
      result = .success(try tls.receive(bytes, into: plaintext))
    } catch {
      result = .failure(error)
    }
    switch result {
    case .failure(let error):
      // An alert, which says why.
      sendCiphertext()
      fail(.tls(error))
    case .success(let received):
      if tls.isEstablished, !state.contains(.toldOfEstablishment) {
        tellOfEstablishment()
      } else {
        // A handshake's answer, or a key update's.
        sendCiphertext()
      }
      if case .plaintext(let count) = received, isOpen {
        hand(UnsafeRawBufferPointer(rebasing: plaintext[..<count]))
      }
      guard isOpen else { return }
      if let failure = tls.failure { return fail(.tls(failure)) }
      if tls.isClosedByPeer { end(cleanly: true) }
    }
  }

  /// The handshake's last message leaves in one call with what the owner has waited to write.
  private func tellOfEstablishment() {
    state.insert([.toldOfEstablishment, .corked])
    sendCiphertext()
    let ownQueue = outgoing.count
    owner?.streamEstablished(self)
    state.remove(.corked)
    if outgoing.count > ownQueue {
      // The owner saw its bytes queued, and may wait to hear that they are gone.
      drain()
    } else if !outgoing.isEmpty {
      send()
    }
  }

  private func hand(_ bytes: UnsafeRawBufferPointer) {
    owner?.stream(self, received: bytes.assumingMemoryBound(to: UInt8.self).span)
  }

  private func end(cleanly: Bool) {
    state.remove(.readable)
    // Whoever hears of the end wants no more of this stream's reads.
    state.insert(.readingPaused)
    if let tls, !tls.isEstablished {
      let message = "the peer closed the connection during the TLS handshake"
      fail(.tls(TLSError(.handshake, message)))
    } else {
      owner?.streamEnded(self, cleanly: cleanly)
    }
  }

  /// A send has failed and the connection lives: nothing that the peer did can have been the reason,
  /// and bytes are missing from what it will get.
  private func failForWantOfMemory() { fail(.system(SystemError("send", code: ENOBUFS))) }

  private func fail(_ failure: StreamFailure) {
    state.remove(.readable)
    state.insert([.readingPaused, .sendingFailed])
    // A call may fail for want of memory while the connection is well: a FIN would then tell the
    // peer that it has had all.
    if case .system = failure { state.insert(.resetsAtClose) }
    outgoing.removeAll()
    owner?.streamFailed(self, failure)
  }
}
