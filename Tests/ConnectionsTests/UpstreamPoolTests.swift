// The pool by itself: connections in the making can be given up in each of their phases, and none
// that is known to be dead is given out.

internal import Connections
internal import FakeKernel
internal import IO
internal import Synchronization
internal import Testing
internal import Wire

@Suite struct UpstreamPoolTests {
  /// Answers when told.
  private final class Names: NameService {
    private let asked = Mutex<[@Sendable (Resolution) -> Void]>([])

    var replies: [@Sendable (Resolution) -> Void] { asked.withLock { $0 } }

    func resolve(
      _ host: String, port: UInt16, reply: @escaping @Sendable (Resolution) -> Void
    ) {
      asked.withLock { $0.append(reply) }
    }
  }

  private final class Stage {
    let world = FakeWorld(seed: 1, weather: .calm)
    let loop: EventLoop
    let names = Names()
    let pool: UpstreamPool
    var results: [Result<ClientConnection, ConnectFailure>] = []

    init(host: String = "127.0.0.1", delaysAcknowledgements: Bool = true) throws {
      loop = try EventLoop(kernel: world.kernel)
      var options = PoolOptions()
      options.connectTimeout = .seconds(1)
      options.delaysAcknowledgements = delaysAcknowledgements
      pool = UpstreamPool(
        to: Origin(host: host, port: 8000), options: options, on: loop,
        resolver: try Resolver(on: loop, service: names), supplies: ConnectionSupplies())
      world.add(loop)
    }

    func connect() -> PendingConnection {
      pool.connect { [unowned self] in results.append($0) }
    }

    /// What is registered and timed, the resolver's mailbox apart.
    var leftovers: [Int] { [loop.watchedCount - 1, loop.timers.count] }
  }

  // Goal: giving up leaves nothing behind, and the completion is not called.
  // Method: cancel while the name is asked for, and while the address is silent.
  @Test(arguments: [true, false])
  func cancel(_ whileResolving: Bool) throws {
    let stage = try Stage(host: whileResolving ? "up.test" : "127.0.0.1")
    stage.world.setPath(NetworkPath(.silent), to: .loopback(port: 8000))
    let pending = stage.connect()
    stage.world.run(for: .milliseconds(1))
    #expect(stage.names.replies.count == (whileResolving ? 1 : 0))
    pending.cancel()
    for reply in stage.names.replies { reply(.addresses([.loopback(port: 8000)])) }
    stage.world.run(for: .seconds(5))
    #expect(stage.results.isEmpty)
    #expect(stage.leftovers == [0, 0])
  }

  // Goal: connect_timeout is about name and address together.
  // Method: a name that takes 700 ms, then a silent address: the end comes after one second.
  @Test func timeout() throws {
    let stage = try Stage(host: "up.test")
    stage.world.setPath(NetworkPath(.silent), to: .loopback(port: 8000))
    let pending = stage.connect()
    stage.world.run(for: .milliseconds(700))
    stage.names.replies[0](.addresses([.loopback(port: 8000)]))
    stage.world.run(for: .milliseconds(299))
    #expect(stage.results.isEmpty)
    stage.world.run(for: .milliseconds(2))
    guard case .failure(.timeout)? = stage.results.first else {
      Issue.record("\(stage.results)")
      return
    }
    #expect(pending.phase == .done)
    #expect(stage.leftovers == [0, 0])
  }

  // Goal: two who want a name ask once.
  // Method: two connections to one name; then a third finds the answer remembered.
  @Test func nameIsAskedOnce() throws {
    let stage = try Stage(host: "up.test")
    let listener = try stage.world.listen(on: .loopback(port: 8000))
    let pending = [stage.connect(), stage.connect()]
    stage.world.run(for: .milliseconds(1))
    #expect(stage.names.replies.count == 1)
    stage.names.replies[0](.addresses([.loopback(port: 8000)]))
    stage.world.run(for: .milliseconds(1))
    #expect(stage.results.count == 2)
    #expect(pending.allSatisfy { $0.phase == .done })
    let third = stage.connect()
    stage.world.run(for: .milliseconds(1))
    #expect(third.phase == .done)
    #expect(stage.names.replies.count == 1)
    #expect(listener.accepted.count == 3)
    for case .success(let connection) in stage.results { connection.close() }
  }

  /// Takes an answer and does nothing with it.
  private final class Reader: ResponseHandler {
    var bytes = 0
    func responseHead(_ head: ResponseHead) {}
    func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) { bytes += wire.count }
    func responseEnded() {}
    func responseReadEnded() {}
    func responseFailed(_ failure: ResponseFailure) {}
    func upstreamDrained() {}
  }

  // Goal: a provider that is seen to send without waiting is acknowledged less often, unless the
  // options say not to.
  // Method: an answer whose small parts come every 20 ms, and the socket option in the kernel's trace.
  @Test(arguments: [true, false])
  func acknowledgements(_ areDelayed: Bool) throws {
    let stage = try Stage(delaysAcknowledgements: areDelayed)
    let listener = try stage.world.listen(on: .loopback(port: 8000))
    let pending = stage.connect()
    stage.world.run(for: .milliseconds(1))
    #expect(pending.phase == .done)
    let connection = try #require(try stage.results.first?.get())
    let reader = Reader()
    connection.begin(reader, isHEAD: false)
    let provider = try #require(listener.accepted.first)
    provider.send("HTTP/1.1 200 OK\r\n\r\n".utf8)
    for _ in 0..<10 {
      stage.world.run(for: .milliseconds(20))
      provider.send("data: {}\n\n".utf8)
    }
    stage.world.run(for: .milliseconds(20))
    #expect(reader.bytes == 100)
    let delays = stage.world.trace.lines.filter { $0.contains("TCP_QUICKACK") }
    #expect(delays.count == (areDelayed ? 1 : 0))
    connection.close()
  }
}
