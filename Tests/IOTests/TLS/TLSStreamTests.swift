// Goal: what ends a client's handshake leaves together with the request that waited for it, and who
// wrote that request hears that it is gone. Method: a stream on a real loopback connection, whose other
// end is a session that the test feeds by hand.

import CSystem
import Testing

@testable import IO

@Suite(.enabled(if: TestCertificates.shared != nil, "\(TestCertificates.absence)"))
struct TLSStreamTests {
  let certificates: TestCertificates
  let loop: EventLoop

  init() throws {
    certificates = try TestCertificates.require()
    loop = try EventLoop(kernel: LinuxKernel())
  }

  @Test(arguments: TLSVersion.allCases)
  func theRequestLeavesWithTheEndOfTheHandshake(version: TLSVersion) throws {
    let (stream, server) = try connect(version)
    let owner = Requester(size: 300)
    stream.owner = owner
    try stream.startHandshake()
    while !owner.isEstablished || stream.queuedBytes > 0 { exchange(stream, server) }
    // The last flight of the client's was held back; TLS 1.2 has none after the server's Finished.
    #expect((owner.queuedAtEstablishment > 0) == (version == .v13))
    #expect(owner.drained == [0])
    exchange(stream, server)
    #expect(server.peer.received == owner.request)
    stream.close()
    loop.kernel.close(server.descriptor)
  }

  @Test func aRequestThatTheSocketRefusesDrainsLater() throws {
    let (stream, server) = try connect(.v13)
    let owner = Requester(size: 8 << 20)
    stream.owner = owner
    try stream.startHandshake()
    while !owner.isEstablished { exchange(stream, server) }
    #expect(stream.queuedBytes > 0)
    while server.peer.received.count < owner.request.count { exchange(stream, server) }
    #expect(server.peer.received == owner.request)
    #expect(owner.drained.last == 0)
    stream.close()
    loop.kernel.close(server.descriptor)
  }

  private struct Server {
    let descriptor: Int32
    let peer: TLSPeer
  }

  /// A client's stream, not yet shaken hands, and the other end.
  private func connect(_ version: TLSVersion) throws -> (ByteStream, Server) {
    let sockets = try ListeningSockets.open(
      .loopback(port: 0), count: 1, backlog: 1, kernel: loop.kernel)
    defer { loop.kernel.close(sockets.descriptors[0]) }
    var connected: ConnectedSocket?
    let connector = Connector(to: [sockets.address], on: loop) { connected = try? $0.get() }
    while connected == nil { loop.turn() }
    connector.cancel()
    guard case .accepted(let descriptor, _) = loop.kernel.accept(sockets.descriptors[0]) else {
      throw SystemError("accept4", code: 0)
    }
    let session = try TLSSession(
      client: certificates.clientContext(), serverName: "weir.test", cache: nil,
      buffers: loop.buffers.tls)
    let buffers = TLSBuffers()
    let peer = TLSPeer(
      try TLSSession(server: certificates.serverContext(version: version), buffers: buffers),
      buffers: buffers)
    let stream = ByteStream(connected: try #require(connected), on: loop, tls: session)
    return (stream, Server(descriptor: descriptor, peer: peer))
  }

  /// Lets the server take what has come and answer it, and the client look once.
  private func exchange(_ stream: ByteStream, _ server: Server) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { buffer in
      if case .bytes(let count) = loop.kernel.receive(server.descriptor, into: buffer) {
        let answer = server.peer.take(Array(buffer[..<count]))
        answer.withUnsafeBytes { bytes in
          if !bytes.isEmpty { _ = loop.kernel.send(server.descriptor, bytes) }
        }
      }
    }
    let timer = LoopTimer(on: loop, owner: NoOwner())
    timer.set(loop.kernel.now() + .milliseconds(1))
    loop.turn()
    timer.invalidate()
  }
}

private final class NoOwner: TimerOwner {
  func timerFired(_ timer: LoopTimer) {}
}

/// Writes its request as soon as it may.
private final class Requester: ByteStreamOwner {
  let request: [UInt8]
  private(set) var isEstablished = false
  private(set) var queuedAtEstablishment = 0
  /// What was still queued, each time that some was told to be gone.
  private(set) var drained: [Int] = []

  init(size: Int) { request = Array(repeating: 7, count: size) }

  func streamEstablished(_ stream: ByteStream) {
    isEstablished = true
    queuedAtEstablishment = stream.queuedBytes
    // A span of the stored array would borrow the whole owner.
    let bytes = request
    stream.write(bytes.span)
  }

  func streamDrained(_ stream: ByteStream) { drained.append(stream.queuedBytes) }
  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {}
  func streamEnded(_ stream: ByteStream, cleanly: Bool) {}
  func streamPeerClosed(_ stream: ByteStream) {}
  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) {}
}
