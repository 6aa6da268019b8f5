// A client of one stream: asks for it, checks every byte of it, and knows how it ended.

import IO

protocol StreamClientOwner: AnyObject {
  func clientStarted(_ client: StreamClient)
  /// Whole events have come; `count` at least 1, the last of them `client.events - 1`.
  func client(_ client: StreamClient, received count: Int)
  /// The body ended, complete and right.
  func clientEnded(_ client: StreamClient)
  func client(_ client: StreamClient, failed failure: BenchError)
}

final class StreamClient: ByteStreamOwner {
  let record: StreamRecord
  private unowned let owner: any StreamClientOwner
  private var connector: Connector?
  private var stream: ByteStream?
  private var head: [UInt8] = []
  private var hasHead = false
  private var verifier = BodyVerifier()
  private var isStalled: Bool

  /// `isStalled`: it reads nothing until `resume`.
  init(
    _ record: StreamRecord, to address: SocketAddress, on loop: EventLoop,
    owner: any StreamClientOwner, isStalled: Bool = false
  ) {
    self.record = record
    self.isStalled = isStalled
    self.owner = owner
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      connector = nil
      switch result {
      case .failure(let error): fail(BenchError("stream \(record.number): \(error)"))
      case .success(let socket): start(ByteStream(connected: socket, on: loop, tls: nil))
      }
    }
  }

  /// Whole events received.
  var events: Int { verifier.events }

  func resume() {
    isStalled = false
    stream?.resumeReading()
  }

  func close() {
    connector?.cancel()
    connector = nil
    stream?.close()
    stream = nil
  }

  private func start(_ stream: ByteStream) {
    self.stream = stream
    stream.owner = self
    if isStalled { stream.pauseReading() }
    let request = Messages.streamRequest(record.number)
    stream.write(request.span)
  }

  private func take(_ bytes: UnsafeRawBufferPointer) throws(BenchError) {
    var body = bytes
    if !hasHead {
      guard let rest = try takeHead(bytes) else { return }
      body = rest
    }
    let before = verifier.events
    try verifier.take(body, of: record)
    if verifier.events > before { owner.client(self, received: verifier.events - before) }
    if verifier.isEnded {
      close()
      owner.clientEnded(self)
    }
  }

  /// Returns what follows the head; nil if that has not ended yet.
  private func takeHead(
    _ bytes: UnsafeRawBufferPointer
  ) throws(BenchError) -> UnsafeRawBufferPointer? {
    let before = head.count
    head += bytes
    guard let parsed = head.withUnsafeBytes({ MessageHead($0) }) else { return nil }
    let start = String(decoding: head.prefix(12), as: UTF8.self)
    guard start == "HTTP/1.1 200", parsed.isChunked else {
      throw BenchError("stream \(record.number) was answered with \(start), or not chunked")
    }
    (hasHead, head) = (true, [])
    owner.clientStarted(self)
    return UnsafeRawBufferPointer(rebasing: bytes[(parsed.end - before)...])
  }

  private func fail(_ failure: BenchError) {
    close()
    owner.client(self, failed: failure)
  }
}

// MARK: - ByteStreamOwner

extension StreamClient {
  func streamEstablished(_ stream: ByteStream) {}

  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { raw in
      do throws(BenchError) {
        try take(raw)
      } catch {
        fail(error)
      }
    }
  }

  func streamEnded(_ stream: ByteStream, cleanly: Bool) {
    fail(BenchError("stream \(record.number) was closed after \(events) events"))
  }

  func streamPeerClosed(_ stream: ByteStream) {}
  func streamDrained(_ stream: ByteStream) {}

  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {
    fail(BenchError("stream \(record.number) broke after \(events) events: \(failure)"))
  }
}
