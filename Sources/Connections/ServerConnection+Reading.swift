// What a client sends: heads, bodies, and what comes ahead of its turn.

package import IO
internal import Wire

extension ServerConnection {
  package func streamEstablished(_ stream: ByteStream) {}

  package func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    isProcessing = true
    process(bytes)
    isProcessing = false
    handler?.requestReadEnded()
  }

  private func process(_ bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      switch phase {
      case .head:
        // A client that does not read its answers gets no further ones.
        if stream.queuedBytes > 0 { return keep(bytes.extracting(offset...)) }
        offset += head(bytes.extracting(offset...))
      case .body(let reader):
        offset += body(bytes.extracting(offset...), reader)
      case .answering:
        return keep(bytes.extracting(offset...))
      case .tunnel:
        let rest = bytes.extracting(offset...)
        handler?.requestBody(rest, payload: [0..<rest.count])
        offset = bytes.count
      case .lingering(let left):
        phase = .lingering(bytesLeft: left - (bytes.count - offset))
        if left < bytes.count - offset { abandon() }
        offset = bytes.count
      case .cutting, .closed:
        offset = bytes.count
      }
    }
  }

  /// Reads of a head; returns how many bytes that took.
  private func head(_ bytes: Span<UInt8>) -> Int {
    if collector.isEmpty { requestStart = loop.now }
    guard let head = knownHead(bytes) else { return unknownHead(bytes) }
    begin(head)
    return head.headers.bytes.count
  }

  private func unknownHead(_ bytes: Span<UInt8>) -> Int {
    if collector.isEmpty {
      timer.set(loop.now + options.headTimeout)
    }
    do {
      switch try collector.take(bytes) {
      case .needMore:
        return bytes.count
      case .complete(let taken):
        let head = try RequestHead(parsing: collector.removeHead())
        context.learn(head)
        begin(head)
        return taken
      }
    } catch {
      refuse(.malformed(error))
      return bytes.count
    }
  }

  /// A whole head that looks like one before, and of which nothing had come yet.
  private func knownHead(_ bytes: Span<UInt8>) -> RequestHead? {
    guard collector.isAtStart else { return nil }
    return context.knownHead(in: bytes)
  }

  private func begin(_ head: RequestHead) {
    timer.unset()
    let reader = BodyReader(head.framing)
    phase = reader.isEnded ? .answering : .body(reader)
    if !reader.isEnded { timer.set(loop.now + options.bodyTimeout) }
    let handler = server.connection(self, began: head)
    // A handler that answers at once has already finished with this connection.
    switch phase {
    case .answering where reader.isEnded:
      self.handler = handler
      handler.requestEnded()
    case .body: self.handler = handler
    default: break
    }
  }

  private func body(_ bytes: Span<UInt8>, _ previous: BodyReader) -> Int {
    var reader = previous
    var payload = context.takeScratch()
    defer { context.giveBack(&payload) }
    let reading = reader.read(bytes, payload: &payload)
    let isEnded = if case .ended = reading.state { true } else { false }
    phase = isEnded ? .answering : .body(reader)
    if isEnded {
      timer.unset()
    } else if !stream.isReadingPaused {
      timer.set(loop.now + options.bodyTimeout)
    }
    // Held once for both calls; if the first lets go of it, it hears no more.
    guard let handler else { return bytes.count }
    if reading.consumed > 0 {
      handler.requestBody(bytes.extracting(0..<reading.consumed), payload: payload)
    }
    if let error = reading.error {
      self.handler?.requestMalformed(error)
      return bytes.count
    }
    if isEnded, self.handler != nil { handler.requestEnded() }
    return reading.consumed
  }

  private func keep(_ bytes: Span<UInt8>) {
    stream.pauseReading()
    pipelined.append(copying: bytes)
  }

  func processPipelined() {
    guard stream.queuedBytes == 0 else { return }
    let ahead = pipelined
    pipelined = []
    stream(stream, received: ahead.span)
  }

  func refuse(_ refusal: RequestRefusal) {
    // Still in the head: what follows it is unread or on its way, and closing on it would reset
    // the connection under the answer.
    server.connection(self, refused: refusal)
    if case .head = phase { closeGently() }
  }
}
