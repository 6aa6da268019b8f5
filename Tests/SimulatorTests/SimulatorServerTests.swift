// Simulated providers on threads of their own, over real sockets and TLS.

internal import Foundation
internal import IO
@testable internal import Simulator
internal import Testing

@Suite(.timeLimit(.minutes(1))) struct SimulatorServerTests {
  // Goal: several loops serve one address, and stopping closes everything. Method: connections
  // until each has had its answer; then one more, which must be refused.
  @Test func loopsShareAnAddress() throws {
    let server = try SimulatorServer.start(listen: .loopback(port: 0), loops: 2)
    let loop = try EventLoop(kernel: LinuxKernel())
    let clients = try (0..<32).map { _ in
      try LoopbackClient(on: loop, to: server.address, tls: nil, Requests.post("/v1/messages"))
    }
    loop.turn { clients.allSatisfy(\.isAnswered) }
    for client in clients {
      #expect(try ReceivedAnswer(client.received).payload == AnthropicRecordings.messages.body)
    }
    #expect(server.counts.openConnections == 32 && server.counts.requestsTaken == 32)
    server.stop()
    #expect(server.counts.openConnections == 0)
    loop.turn { clients.allSatisfy(\.hasEnded) }
    let late = try LoopbackClient(on: loop, to: server.address, tls: nil, "")
    loop.turn { late.hasEnded }
    for client in clients + [late] { client.close() }
  }

  // Goal: a port that is taken is an error for the caller, not for a thread.
  @Test func takenPortsAreRefused() throws {
    let server = try SimulatorServer.start(listen: .loopback(port: 0))
    let error = #expect(throws: SystemError.self) {
      try SimulatorServer.start(listen: server.address)
    }
    #expect(error?.isAddressInUse == true)
    server.stop()
  }

  // Goal: the same bytes over TLS, and a clean end of it.
  @Test(.enabled(if: OwnCertificate.canBeMade, "needs the openssl command"))
  func tlsIsServed() throws {
    let certificate = try OwnCertificate()
    defer { certificate.remove() }
    let context = try TLSContext(
      server: TLSServerOptions(certificateFile: certificate.file, keyFile: certificate.key))
    let client = try TLSContext(client: TLSClientOptions(caFile: certificate.file))
    let server = try SimulatorServer.start(listen: .loopback(port: 0), tls: context)
    let loop = try EventLoop(kernel: LinuxKernel())
    let connection = try LoopbackClient(
      on: loop, to: server.address, tls: client,
      Requests.post("/v1/chat/completions", ["x-sim-framing: close"]))
    loop.turn { connection.hasEnded }
    #expect(connection.endedCleanly)
    #expect(try ReceivedAnswer(connection.received).payload == OpenAIRecordings.chat.body)
    connection.close()
    server.stop()
  }
}

extension EventLoop {
  /// Turns until `isDone`; a loop that wakes very often without getting there has a fault.
  fileprivate func turn(until isDone: () -> Bool) {
    var turns = 0
    while !isDone(), turns < 100_000 {
      turn()
      turns += 1
    }
  }
}

/// One connection that sends a request and keeps what comes back.
private final class LoopbackClient: ByteStreamOwner {
  private(set) var received: [UInt8] = []
  private(set) var hasEnded = false
  private(set) var endedCleanly = false
  private var stream: ByteStream?
  private var connector: Connector?

  /// An answer that is chunked, which all are that these tests wait for in this way.
  var isAnswered: Bool { received.suffix(5).elementsEqual("0\r\n\r\n".utf8) }

  init(
    on loop: EventLoop, to address: SocketAddress, tls context: TLSContext?, _ request: String
  ) throws {
    let session = try context.map {
      try TLSSession(
        client: $0, serverName: "127.0.0.1", cache: TLSSessionCache(), buffers: loop.buffers.tls)
    }
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      connector = nil
      guard case .success(let socket) = result else {
        hasEnded = true
        return
      }
      let stream = ByteStream(connected: socket, on: loop, tls: session)
      self.stream = stream
      stream.owner = self
      self.request = Array(request.utf8)
      if session == nil { streamEstablished(stream) }
      do {
        try stream.startHandshake()
      } catch {
        hasEnded = true
      }
    }
  }

  private var request: [UInt8] = []

  func close() { stream?.close() }

  func streamEstablished(_ stream: ByteStream) {
    let request = request
    stream.write(request.span)
  }

  func stream(_ stream: ByteStream, received bytes: Span<UInt8>) {
    for index in bytes.indices { received.append(bytes[index]) }
  }

  func streamEnded(_ stream: ByteStream, cleanly: Bool) {
    (hasEnded, endedCleanly) = (true, cleanly)
  }

  func streamFailed(_ stream: ByteStream, _ failure: StreamFailure) { hasEnded = true }
  func streamPeerClosed(_ stream: ByteStream) {}
  func streamDrained(_ stream: ByteStream) {}
}

/// A certificate for 127.0.0.1 that signed itself.
private struct OwnCertificate {
  let file: String
  let key: String
  private let folder: String

  static let canBeMade = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")

  struct Failed: Error {}

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/weir-sim-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    (file, key) = (folder + "/own.pem", folder + "/own.key")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = [
      "req", "-x509", "-days", "2", "-nodes", "-subj", "/CN=weir simulator", "-newkey",
      "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-addext", "subjectAltName=IP:127.0.0.1",
      "-keyout", key, "-out", file,
    ]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed() }
  }
}
