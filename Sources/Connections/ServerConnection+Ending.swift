// How a client's connection ends: after its answer, by its client, by its time limits, or cut.

package import IO
internal import Wire

extension ServerConnection {
  /// Ends the connection without ending the answer: the client can tell by the framing, or by a
  /// reset where the framing has no end of its own. What is queued is lost: whoever wants it to
  /// arrive cuts when it has. What the kernel has of it, and of answers before it, still arrives
  /// where `delivering`.
  package func cut(asReset: Bool, delivering: Bool) {
    guard delivering, stream.isOpen else {
      if asReset { resetNow() } else { abandon() }
      return
    }
    guard asReset else { return closeGently() }
    handler = nil
    pipelined = []
    phase = .cutting
    (untakenBytes, untakenSince) = (.max, loop.now)
    mindUntaken()
  }

  /// Closes now; for a client that has gone.
  package func abandon() {
    if case .cutting = phase { return resetNow() }
    handler = nil
    phase = .closed
    stream.close()
    release()
  }

  private func resetNow() {
    handler = nil
    phase = .closed
    stream.reset()
    release()
  }

  package func streamDrained(_ stream: ByteStream) {
    if stream.queuedBytes > 0 {
      timer.set(loop.now + options.slowClientTimeout)
      handler?.clientDrained()
      return
    }
    switch phase {
    case .body where !stream.isReadingPaused: timer.set(loop.now + options.bodyTimeout)
    case .head: timer.set(loop.now + options.idleTimeout)
    case .lingering:
      stream.finishSending()
      (untakenBytes, untakenSince) = (.max, loop.now)
      timer.set(loop.now + Self.lingerTime)
    case .cutting: mindUntaken()
    case .body, .answering, .tunnel, .closed: timer.unset()
    }
    handler?.clientDrained()
    if case .head = phase, !pipelined.isEmpty { processPipelined() }
  }

  package func streamEnded(_ stream: ByteStream, cleanly: Bool) { gone() }

  package func streamPeerClosed(_ stream: ByteStream) {
    // A tunnel's last bytes lie before that end, which shows when reading goes on.
    if case .tunnel = phase { return }
    gone()
  }

  package func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) { gone() }

  private func gone() {
    if let handler {
      handler.clientGone()
    } else {
      abandon()
    }
  }

  func closeGently() {
    handler = nil
    guard stream.isOpen else { return }
    let hasUnread: Bool =
      switch phase {
      case .body, .head, .lingering: true
      case .answering, .tunnel, .cutting, .closed: !pipelined.isEmpty || stream.isReadingPaused
      }
    pipelined = []
    guard hasUnread || stream.queuedBytes > 0 else { return abandon() }
    phase = .lingering(bytesLeft: Self.lingerBytes)
    (untakenBytes, untakenSince) = (.max, loop.now)
    timer.set(
      loop.now + (stream.queuedBytes > 0 ? options.slowClientTimeout : Self.lingerTime))
    stream.finishSending()
    stream.resumeReading()
  }

  package func timerFired(_ timer: LoopTimer) {
    switch phase {
    case .head:
      if collector.isEmpty || stream.queuedBytes > 0 { abandon() } else { refuse(.headTimedOut) }
    case .body where stream.queuedBytes == 0: handler?.requestTimedOut()
    case .body, .answering, .tunnel: handler?.clientTooSlow()
    case .lingering where stream.queuedBytes > 0: resetNow()
    case .lingering, .cutting: mindUntaken()
    case .closed: break
    }
  }

  /// Closes once the client has all that was sent, or has taken none of it for
  /// `slowClientTimeout`: till then its kernel may be getting on with it, however slowly.
  private func mindUntaken() {
    let bytes = UInt32(clamping: stream.queuedBytes + stream.unacknowledgedBytes)
    if bytes == 0 { return abandon() }
    if bytes < untakenBytes { (untakenBytes, untakenSince) = (bytes, loop.now) }
    if loop.now >= untakenSince + options.slowClientTimeout { return resetNow() }
    if case .cutting = phase {
      timer.set(loop.now + Self.cuttingTime)
    } else {
      timer.set(loop.now + Self.lingerTime)
    }
  }

  func release() {
    forgetFormerHandler()
    guard timer.owner != nil else { return }
    timer.invalidate()
    server.connectionClosed(self)
  }
}
