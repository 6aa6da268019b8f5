// One connection to the provider. Requests are compared with what the clients send: a proxy that
// changes a body on its way up fails the run too.

import Glibc
import IO

final class ProviderConnection: ByteStreamOwner {
  private let stream: ByteStream
  private unowned let provider: Provider
  /// A request of which only a part has come.
  private var pending: [UInt8] = []
  private var shortAnswer = ShortAnswer.kept
  private var lastAnswer = ShortAnswer.last

  init(_ stream: ByteStream, of provider: Provider) {
    self.stream = stream
    self.provider = provider
    stream.owner = self
  }

  /// Whether the kernel has taken all that was sent.
  var canSend: Bool { stream.isOpen && stream.queuedBytes == 0 }

  func send(_ bytes: UnsafeRawBufferPointer) {
    guard stream.isOpen else { return }
    stream.write(bytes.assumingMemoryBound(to: UInt8.self).span)
  }

  func close() { stream.close() }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      guard let head = MessageHead(rest), let length = head.contentLength,
        rest.count >= head.end + length
      else { break }
      let body = UnsafeRawBufferPointer(rebasing: rest[head.end..<head.end + length])
      answer(UnsafeRawBufferPointer(rebasing: rest[..<head.end]), body)
      rest = UnsafeRawBufferPointer(rebasing: rest[(head.end + length)...])
      // Only clients without a proxy between ask for this.
      if head.closes { stream.finishSending() }
    }
    pending = Array(rest)
  }

  private func answer(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
    if let number = Messages.streamNumber(in: head) {
      guard body.elementsEqual(Messages.streamBody), number < provider.records.count else {
        return refuse()
      }
      provider.records[number].asked = provider.now
      write(Messages.streamHead)
      provider.records[number].connection = self
    } else {
      guard let number = ShortRequest.body.number(in: body) else { return refuse() }
      guard provider.closesAfterAnswer else {
        shortAnswer.set(number)
        return write(shortAnswer.message.bytes)
      }
      lastAnswer.set(number)
      write(lastAnswer.message.bytes)
      stream.finishSending()
    }
  }

  private func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { send($0) } }

  private func refuse() {
    provider.failure = provider.failure ?? BenchError("a request reached the provider changed")
    close()
    provider.closed(self)
  }
}

// MARK: - ByteStreamOwner

extension ProviderConnection {
  func streamEstablished(_ stream: ByteStream) {
    provider.established(isResumed: stream.isResumed)
  }

  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { raw in
      guard !pending.isEmpty else { return take(raw) }
      pending += raw
      let whole = pending
      whole.withUnsafeBytes { take($0) }
    }
  }

  func streamEnded(_ stream: ByteStream, cleanly: Bool) {
    close()
    provider.closed(self)
  }

  func streamPeerClosed(_ stream: ByteStream) {}

  func streamDrained(_ stream: ByteStream) { provider.drained() }

  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {
    close()
    provider.closed(self)
  }
}
