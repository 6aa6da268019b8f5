// A scraper on the bench's own loop: it asks for a page so many times a second over one connection, and
// reads it a little at a time, so that what it delays of the streams' own reads is microseconds. One in
// a process of its own takes the bench's core for as long as it starts and reads.

import Glibc
import IO

final class PageClient: ByteStreamOwner, TimerOwner {
  private(set) var pages = 0
  private(set) var failure: BenchError?
  /// The last page, chunk sizes and all, where it is kept.
  private(set) var page: [UInt8] = []
  var keepsPage = false

  private let loop: EventLoop
  private let interval: Duration
  private var connector: Connector?
  private var stream: ByteStream?
  private var timer: LoopTimer?
  private var asked = Instant.distantFuture
  private var isAsking = false
  private var length: Int?
  private var received = 0
  private var hasHead = false
  private var lastBytes: [UInt8] = []

  private static let readBytes = 16 * 1024
  private static let request = Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
  private static let end = Array("\r\n0\r\n\r\n".utf8)

  init(_ address: SocketAddress, every interval: Duration, on loop: EventLoop) {
    self.loop = loop
    self.interval = interval
    timer = LoopTimer(on: loop, owner: self)
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      connector = nil
      switch result {
      case .failure(let error): fail("the admin port: \(error)")
      case .success(let socket):
        let stream = ByteStream(connected: socket, on: loop, tls: nil)
        stream.readLimit = Self.readBytes
        self.stream = stream
        stream.owner = self
        ask()
      }
    }
  }

  func close() {
    connector?.cancel()
    connector = nil
    timer?.invalidate()
    timer = nil
    stream?.close()
    stream = nil
  }

  func timerFired(_ timer: LoopTimer) { ask() }

  private func ask() {
    guard let stream, !isAsking else { return }
    (isAsking, hasHead, length, received, asked) = (true, false, nil, 0, loop.kernel.now())
    page.removeAll(keepingCapacity: true)
    lastBytes = []
    stream.write(Self.request.span)
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var body = bytes
    if !hasHead {
      guard let head = MessageHead(bytes), bytes.starts(with: Array("HTTP/1.1 200".utf8)) else {
        return fail("the admin port did not answer with a page")
      }
      (hasHead, length) = (true, head.contentLength)
      body = UnsafeRawBufferPointer(rebasing: bytes[head.end...])
    }
    received += body.count
    if keepsPage { page += body }
    lastBytes = Array((lastBytes + body.suffix(Self.end.count)).suffix(Self.end.count))
    if length.map({ received >= $0 }) ?? (lastBytes == Self.end) { endPage() }
  }

  private func endPage() {
    pages += 1
    isAsking = false
    timer?.set(max(asked + interval, loop.now))
  }

  private func fail(_ text: String) {
    failure = failure ?? BenchError(text)
    close()
  }
}

// MARK: - ByteStreamOwner

extension PageClient {
  func streamEstablished(_ stream: ByteStream) {}
  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { take($0) }
  }
  func streamEnded(_ stream: ByteStream, cleanly: Bool) { fail("the admin port hung up") }
  func streamPeerClosed(_ stream: ByteStream) {}
  func streamDrained(_ stream: ByteStream) {}
  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) { fail("\(failure)") }
}
