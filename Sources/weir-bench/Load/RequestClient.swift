// A client that sends a short request, waits for the answer, compares it and sends the next: on
// one connection, or on a new one each time.

import IO

final class RequestClient: ByteStreamOwner {
  private(set) var answers = 0
  private(set) var failure: BenchError?
  /// Finishes the request under way and sends no more.
  var isStopping = false
  /// Stops by itself after so many answers.
  var mostAnswers = Int.max

  private let address: SocketAddress
  private let loop: EventLoop
  private let keepsAlive: Bool
  private var request: ShortRequest
  private var expected = ShortAnswer.kept
  private var number: UInt32 = 0
  private var connector: Connector?
  private var stream: ByteStream?
  private var pending: [UInt8] = []
  private var hasAnswer = false

  init(
    to address: SocketAddress, on loop: EventLoop, keepsAlive: Bool, below prefix: String = ""
  ) {
    self.address = address
    self.loop = loop
    self.keepsAlive = keepsAlive
    request = ShortRequest(keepsAlive: keepsAlive, below: prefix)
    connect()
  }

  var isDone: Bool { connector == nil && stream == nil }

  private func connect() {
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      connector = nil
      switch result {
      case .failure(let error): fail("a request's connection: \(error)")
      case .success(let socket):
        let stream = ByteStream(connected: socket, on: loop, tls: nil)
        self.stream = stream
        stream.owner = self
        sendRequest()
      }
    }
  }

  private func sendRequest() {
    guard let stream else { return }
    hasAnswer = false
    number = (number + 1) % 100_000_000
    request.set(number)
    // A span of the stored array would borrow the whole client.
    let bytes = request.message.bytes
    stream.write(bytes.span)
  }

  func close() {
    connector?.cancel()
    connector = nil
    stream?.close()
    stream = nil
  }

  private func fail(_ text: String) {
    failure = failure ?? BenchError(text)
    close()
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    guard let head = MessageHead(bytes), let length = head.contentLength,
      bytes.count >= head.end + length
    else {
      pending = Array(bytes)
      return
    }
    pending = []
    let isRight = expected.isRight(bytes, headEnd: head.end, number: number)
    guard isRight, !hasAnswer else { return fail("an answer came back changed") }
    hasAnswer = true
    answers += 1
    // A connection for one request ends with the server's FIN, which is part of its cost.
    guard keepsAlive else { return }
    if isStopping || answers >= mostAnswers { close() } else { sendRequest() }
  }
}

// MARK: - ByteStreamOwner

extension RequestClient {
  func streamEstablished(_ stream: ByteStream) {}

  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { raw in
      guard !pending.isEmpty else { return take(raw) }
      pending += raw
      let whole = pending
      whole.withUnsafeBytes { take($0) }
    }
  }

  func streamEnded(_ stream: ByteStream, cleanly: Bool) {
    guard !keepsAlive, hasAnswer else { return fail("a connection closed before its answer") }
    close()
    if !isStopping, answers < mostAnswers { connect() }
  }

  func streamPeerClosed(_ stream: ByteStream) {}
  func streamDrained(_ stream: ByteStream) {}

  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {
    fail("a request's connection broke: \(failure)")
  }
}
