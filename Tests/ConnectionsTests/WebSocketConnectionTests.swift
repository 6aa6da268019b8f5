// A WebSocket endpoint on a fake kernel: an echo server, and clients whose frames a script writes.

internal import Connections
internal import FakeKernel
internal import IO
internal import Testing
internal import WebSocketEcho
internal import Wire

@Suite struct WebSocketConnectionTests {
  private final class Stage {
    let world: FakeWorld
    let loop: EventLoop
    let server: EchoServer
    let address: SocketAddress
    private let listener: Listener
    var ends: [WebSocketEnd] = []
    var roundTrips: [UInt64] = []

    init(
      seed: UInt64 = 1, weather: Weather = .calm,
      _ change: (inout WebSocketOptions) -> Void = { _ in },
      server serverOptions: ServerOptions = ServerOptions()
    ) throws {
      world = FakeWorld(seed: seed, weather: weather)
      loop = try EventLoop(kernel: world.kernel)
      var options = WebSocketOptions()
      options.pingsAtOnce = false
      options.pingInterval = .seconds(3600)
      options.messageLimitBytes = 100_000
      change(&options)
      let server = EchoServer(on: loop, options: options)
      self.server = server
      let sockets = try ListeningSockets.open(
        .loopback(port: 0), count: 1, backlog: 16, kernel: world.kernel)
      address = sockets.address
      listener = try Listener(sockets.descriptors[0], on: loop) { descriptor, peer in
        server.serve(descriptor, from: peer, server: serverOptions)
      }
      server.socketEnded = { [unowned self] in ends.append($0) }
      server.roundTripMeasured = { [unowned self] in roundTrips.append($0) }
      world.add(loop)
    }

    /// A client behind its handshake.
    func open() -> Client {
      let client = Client(world.connect(to: address))
      client.peer.send(Client.handshake)
      settle()
      let head = client.takeHead()
      #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
      #expect(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
      return client
    }

    func settle(_ time: Duration = .milliseconds(100)) { world.run(for: time) }

    /// Connections, timers and descriptors that should not be there.
    func leftovers() -> [String] {
      settle(.seconds(5))
      var lines: [String] = []
      if server.connectionCount > 0 { lines.append("\(server.connectionCount) connections") }
      if loop.timers.count > 0 { lines.append("\(loop.timers.count) timers") }
      if loop.watchedCount > 1 { lines.append("\(loop.watchedCount - 1) watched") }
      return lines
    }
  }

  /// One client: writes masked frames, reads the server's.
  private final class Client {
    static let handshake =
      "GET / HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    let peer: FakePeer
    private var reader = MessageReader(from: .server, limitBytes: 1 << 26)
    private var received: [UInt8] = []

    init(_ peer: FakePeer) { self.peer = peer }

    func takeHead() -> String {
      received += peer.takeReceived()
      guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return "" }
      defer { received.removeFirst(end.upperBound) }
      return String(decoding: received[..<end.upperBound], as: UTF8.self)
    }

    func send(_ opcode: Opcode, _ text: String, isFinal: Bool = true) {
      peer.send(Self.frame(opcode, Array(text.utf8), isFinal: isFinal))
    }

    static func frame(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
      var bytes: [UInt8] = []
      FrameWriter.append(
        opcode, payload.span, isFinal: isFinal, mask: MaskingKey(0x0BAD_CAFE), to: &bytes)
      return bytes
    }

    /// What came since the last time: `text hello`, `ping 0000`, `close 1000`.
    func heard() throws -> [String] {
      let bytes = received + peer.takeReceived()
      received = []
      var (position, lines): (Int, [String]) = (0, [])
      while true {
        switch try reader.next(bytes.span, &position) {
        case .needMore: return lines
        case .text: lines.append("text " + String(decoding: reader.message, as: UTF8.self))
        case .binary: lines.append("binary \(reader.message.count)")
        case .ping: lines.append("ping \(reader.control)")
        case .pong: lines.append("pong " + String(decoding: reader.control, as: UTF8.self))
        case .close(let code): lines.append("close \(code?.rawValue ?? 0)")
        }
      }
    }
  }

  // Goal: messages and pings are answered in their order, whatever the network does to them.
  // Method: text, binary, fragments and a ping between them, in stormy weather of several seeds.
  @Test(arguments: 1...20)
  func conversation(_ seed: UInt64) throws {
    let stage = try Stage(seed: seed, weather: .drawn(from: seed))
    let client = Client(stage.world.connect(to: stage.address))
    client.peer.send(Client.handshake)
    client.send(.text, "hello")
    client.send(.text, "Hä", isFinal: false)
    client.send(.ping, "p")
    client.send(.continuation, "ß")
    client.peer.send(Client.frame(.binary, [UInt8](repeating: 7, count: 70_000)))
    client.peer.send(Client.frame(.close, [3, 232]))
    stage.settle(.seconds(300))
    if client.peer.failure != nil { return }
    _ = client.takeHead()
    #expect(
      try client.heard() == [
        "text hello", "pong p", "text Häß", "binary 70000", "close 1000",
      ], "\(stage.world)")
    #expect(stage.ends == [.closed(.normal)])
    #expect(stage.leftovers() == [])
  }

  // Goal: a request that is no handshake gets 400, one of another version 426 and the right one.
  // Method: a plain request, and version 8.
  @Test(arguments: [
    ("Upgrade: websocket\r\n", "", "400"), ("Version: 13", "Version: 8", "426"),
  ])
  func refusals(_ old: String, _ new: String, _ status: String) throws {
    let stage = try Stage()
    let peer = stage.world.connect(to: stage.address)
    peer.send(Client.handshake.replacing(old, with: new))
    stage.settle()
    let answer = String(decoding: peer.received, as: UTF8.self)
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(answer.contains("Sec-WebSocket-Version: 13\r\n") == (status == "426"))
    #expect(peer.hasEnded)
    #expect(stage.leftovers() == [])
  }

  // Goal: what breaks a rule gets the close code of RFC 6455, the connection ends, and its server
  // lives on.
  // Method: each kind of breach, with bytes behind it that are not to be read; then another client.
  @Test(arguments: [
    ("81 01 61", 1002),  // no mask
    ("83 80 00000000", 1002),  // an opcode that nothing defines
    ("c1 80 00000000", 1002),  // compressed, which was not agreed on
    ("09 80 00000000", 1002),  // a ping in fragments
    ("80 80 00000000", 1002),  // the continuation of nothing
    ("88 81 00000000 03", 1002),  // half a close code
    ("88 82 00000000 03ec", 1002),  // a close code that never travels
    ("81 82 00000000 c328", 1007),  // no UTF-8
    ("88 84 00000000 03e8 c328", 1007),  // a reason that is none
    ("82 ff 0000000000100000 00000000", 1009),  // a mebibyte, announced
  ])
  func breaches(_ frame: String, _ code: Int) throws {
    let stage = try Stage()
    let (client, other) = (stage.open(), stage.open())
    client.send(.text, "before")
    client.peer.send(hex(frame))
    client.send(.text, "behind")
    stage.settle()
    #expect(try client.heard() == ["text before", "close \(code)"])
    #expect(client.peer.hasEnded)
    #expect(client.peer.failure == nil)
    #expect(stage.ends.count == 1)
    other.send(.text, "still here")
    stage.settle()
    #expect(try other.heard() == ["text still here"])
    other.peer.close()
    client.peer.close()
    #expect(stage.leftovers() == [])
    #expect(stage.ends.last == .gone)
  }

  // Goal: a client that sends and never reads holds weir to its bound, and is cut in the end.
  // Method: two megabytes of messages, and of pings, to a server whose answers nobody reads.
  @Test(arguments: [Opcode.binary, .ping])
  func clientThatNeverReads(_ opcode: Opcode) throws {
    var options = ServerOptions()
    options.slowClientTimeout = .seconds(30)
    let stage = try Stage({ $0.queueLimitBytes = 50_000 }, server: options)
    let client = stage.open()
    client.peer.isReading = false
    let size = opcode == .ping ? 125 : 10_000
    for _ in 0..<2_000_000 / size {
      client.peer.send(Client.frame(opcode, [UInt8](repeating: 1, count: size)))
    }
    var most = 0
    stage.world.run(for: .seconds(29)) {
      most = max(most, stage.server.sockets.first?.queuedBytes ?? 0)
      return false
    }
    #expect(most > 0)
    // The limit, and the message that crossed it.
    #expect(most < 50_000 + size + 14)
    #expect(client.peer.unsentByteCount > 0)
    stage.settle(.seconds(10))
    #expect(stage.ends == [.tooSlow])
    #expect(stage.leftovers() == [])
  }

  // Goal: one that reads late gets all of it, in order.
  // Method: as before, and after ten seconds it reads.
  @Test func clientThatReadsLate() throws {
    let stage = try Stage { $0.queueLimitBytes = 20_000 }
    let client = stage.open()
    client.peer.isReading = false
    for number in 0..<300 {
      client.send(.text, "\(number) " + String(repeating: "x", count: 5_000))
    }
    stage.settle(.seconds(10))
    client.peer.isReading = true
    stage.settle(.seconds(10))
    let numbers = try client.heard().map { $0.split(separator: " ")[1] }
    #expect(numbers == (0..<300).map { "\($0)" })
    client.peer.close()
    #expect(stage.leftovers() == [])
  }

  // Goal: the heartbeat measures the way there and back, and ends what does not answer.
  // Method: two pings answered after known times, one with a wrong payload, and then silence.
  @Test func heartbeat() throws {
    let stage = try Stage {
      $0.pingsAtOnce = true
      $0.pingInterval = .seconds(20)
    }
    let client = stage.open()
    #expect(try client.heard() == ["ping [0, 0, 0, 1]"])
    client.peer.send(Client.frame(.pong, [0, 0, 0, 1]))
    stage.settle()
    #expect(stage.roundTrips.count == 1)
    #expect(stage.server.sockets[0].roundTrip == stage.roundTrips[0])
    stage.settle(.seconds(20))
    #expect(try client.heard() == ["ping [0, 0, 0, 2]"])
    client.peer.send(Client.frame(.pong, [9]))
    stage.settle(.seconds(5))
    #expect(stage.roundTrips.count == 1)
    client.peer.send(Client.frame(.pong, [0, 0, 0, 2]))
    stage.settle()
    #expect(stage.roundTrips.count == 2)
    #expect(stage.roundTrips[1] > 5_000_000_000 && stage.roundTrips[1] < 6_000_000_000)
    stage.settle(.seconds(20))
    #expect(try client.heard() == ["ping [0, 0, 0, 3]"])
    stage.settle(.seconds(20))
    #expect(stage.ends == [.silent])
    #expect(client.peer.hasEnded)
    #expect(stage.leftovers() == [])
  }

  // Goal: when weir closes, it says why, drops what still comes, and waits for the answer, though
  // not for ever.
  // Method: one client answers after more messages, another never does.
  @Test func closing() throws {
    let stage = try Stage { $0.closeTimeout = .seconds(5) }
    let (polite, mute) = (stage.open(), stage.open())
    for socket in stage.server.sockets {
      socket.close(.goingAway)
      let late = Array("too late".utf8)
      socket.send(.text, late.span)
    }
    polite.send(.text, "on its way")
    stage.settle()
    #expect(try polite.heard() == ["close 1001"])
    #expect(!polite.peer.hasEnded)
    polite.peer.send(Client.frame(.close, [3, 233]))
    stage.settle()
    #expect(stage.ends == [.closed(.goingAway)])
    #expect(polite.peer.hasEnded)
    stage.settle(.seconds(6))
    #expect(stage.ends == [.closed(.goingAway), .silent])
    #expect(try mute.heard() == ["close 1001"])
    #expect(mute.peer.hasEnded)
    #expect(stage.leftovers() == [])
  }

  // Goal: a client that goes, in whatever phase, leaves nothing behind.
  // Method: FIN and reset, before the handshake's answer, in a message, and while weir closes.
  @Test(arguments: [true, false], 0..<3)
  func gone(_ byReset: Bool, _ phase: Int) throws {
    let stage = try Stage()
    let client = stage.open()
    if phase == 1 { client.peer.send([0x81, 0xFE, 0x01, 0x00]) }
    if phase == 2 { stage.server.sockets[0].close(.normal) }
    stage.settle()
    if byReset { client.peer.reset() } else { client.peer.close() }
    stage.settle()
    #expect(stage.ends == [.gone])
    #expect(stage.leftovers() == [])
  }
}

private func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }.map { UInt8($0.hexDigitValue!) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
