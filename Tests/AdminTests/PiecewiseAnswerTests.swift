// Goal: an answer that is made while it is sent arrives whole, in the framing that the client's version
// allows, no faster than the client takes it, and ends with the client. Method: a page of numbered pieces
// on a fake kernel, asked for by clients of all kinds.

import Connections
import FakeKernel
import IO
import Testing
import Wire

@testable import Admin

/// Makes numbered pieces, and counts them.
private final class Numbers: PieceMaker {
  let count: Int
  private(set) var made = 0

  init(_ count: Int) { self.count = count }

  func next(into piece: inout [UInt8]) -> Bool {
    piece.removeAll(keepingCapacity: true)
    // An empty piece in between must not end the body.
    if made % 5 != 3 { piece += Numbers.text(made) }
    made += 1
    return made < count
  }

  static func text(_ number: Int) -> [UInt8] {
    Array("piece \(number) \(String(repeating: "x", count: 4000))\n".utf8)
  }

  var whole: [UInt8] { (0..<count).filter { $0 % 5 != 3 }.flatMap(Numbers.text) }
}

@Suite struct PiecewiseAnswerTests {
  /// An admin port whose one page is made in pieces.
  private final class Stage {
    let world: FakeWorld
    let loop: EventLoop
    let numbers: Numbers
    let server: AdminServer
    private var listener: Listener?

    init(pieces: Int, _ weather: Weather = .calm) throws {
      world = FakeWorld(seed: 3, weather: weather)
      loop = try EventLoop(kernel: world.kernel)
      let numbers = Numbers(pieces)
      self.numbers = numbers
      let page = AdminPage(
        "/n", .anyHost,
        deferred: { _, reply in reply(AdminReply(contentType: "text/plain", pieces: numbers)) })
      let server = AdminServer(
        on: loop, pages: [page, AdminPage("/healthz", .anyHost) { .text("ok") }])
      self.server = server
      let sockets = try ListeningSockets.open(
        AdminStage.address, count: 1, backlog: 8, kernel: world.kernel)
      listener = try Listener(sockets.descriptors[0], on: loop) { server.serve($0, from: $1) }
      world.add(loop)
    }

    func ask(_ request: String) -> FakePeer {
      let client = world.connect(to: AdminStage.address)
      client.send(request)
      return client
    }

    func run(for duration: Duration) { #expect(world.run(for: duration) != .livelock) }
  }

  private func get(_ version: String, method: String = "GET", path: String = "/n") -> String {
    "\(method) \(path) HTTP/\(version)\r\nHost: localhost\r\n\r\n"
  }

  @Test(arguments: 1...20)
  func chunksForHTTP11AndTheConnectionGoesOn(_ pieces: Int) throws {
    let stage = try Stage(pieces: pieces, pieces % 2 == 0 ? .calm : .stormy)
    let client = stage.ask(get("1.1"))
    stage.run(for: .seconds(30))
    #expect(client.text.contains("Transfer-Encoding: chunked\r\n"))
    #expect(!client.text.contains("Content-Length"))
    #expect(Dechunked(client.received).body == stage.numbers.whole)
    let before = client.received.count
    client.send(get("1.1", path: "/healthz"))
    stage.run(for: .seconds(5))
    #expect(client.received.dropFirst(before).starts(with: Array("HTTP/1.1 200".utf8)))
  }

  @Test func theConnectionsEndForHTTP10() throws {
    let stage = try Stage(pieces: 9)
    let client = stage.ask(get("1.0"))
    stage.run(for: .seconds(5))
    #expect(!client.text.contains("chunked"))
    #expect(client.hasEnded)
    #expect(Array(client.body.utf8) == stage.numbers.whole)
  }

  @Test func onlyAHeadForHEAD() throws {
    let stage = try Stage(pieces: 9)
    let client = stage.ask(get("1.1", method: "HEAD"))
    stage.run(for: .seconds(1))
    #expect(client.status == 200 && client.body.isEmpty)
    #expect(client.text.contains("Transfer-Encoding: chunked\r\n"))
    #expect(stage.numbers.made == 0)
  }

  @Test func noPieceIsMadeForAClientThatTakesNone() throws {
    let stage = try Stage(pieces: 1000)
    let client = stage.world.connect(to: AdminStage.address)
    client.isReading = false
    client.send(get("1.1"))
    stage.run(for: .seconds(2))
    let made = stage.numbers.made
    #expect(made < 1000)
    // Others have their turn meanwhile.
    let other = stage.ask(get("1.1", path: "/healthz"))
    stage.run(for: .seconds(1))
    #expect(other.status == 200)
    #expect(stage.numbers.made == made)
    client.isReading = true
    stage.run(for: .seconds(60))
    #expect(Dechunked(client.received).body == stage.numbers.whole)
  }

  @Test func aClientThatLeavesEndsIt() throws {
    let stage = try Stage(pieces: 1000)
    let client = stage.world.connect(to: AdminStage.address)
    client.isReading = false
    client.send(get("1.1"))
    stage.run(for: .seconds(1))
    let made = stage.numbers.made
    client.close()
    stage.run(for: .seconds(5))
    #expect(stage.numbers.made <= made + 1)
    #expect(stage.loop.watchedCount == 1)
  }
}
