// Goal: a listener asks for a second connection only where one is likely to wait, and leaves nobody
// waiting. Method: clients on a fake kernel, and what each turn of a loop accepts.

import FakeKernel
import IO
import Testing

@Suite("A listener") struct ListenerTests {
  private static let address = SocketAddress.loopback(port: 80)
  private let world = FakeWorld(seed: 1, weather: .calm, traceDepth: 10_000)

  /// How many each turn accepted, without the turns that accepted none.
  private final class Turns {
    var accepted: [Int] = []
    var count = 0

    func end() {
      if count > 0 { accepted.append(count) }
      count = 0
    }
  }

  private func listen() throws -> (Listener, Turns) {
    let sockets = try ListeningSockets.open(
      Self.address, count: 1, backlog: 128, kernel: world.kernel)
    let loop = try EventLoop(kernel: world.kernel)
    let turns = Turns()
    let kernel = world.kernel
    let listener = try Listener(sockets.descriptors[0], on: loop) { descriptor, _ in
      turns.count += 1
      kernel.close(descriptor)
    }
    world.add {
      loop.turn()
      turns.end()
      return loop.nextWakeUp
    }
    _ = world.run(for: .milliseconds(10))
    return (listener, turns)
  }

  private var asked: Int { world.trace.lines.count { $0.contains(" accept4(") } }

  @Test("takes one connection of those that come often, and does not ask for another")
  func oneByOne() throws {
    let (listener, turns) = try listen()
    defer { listener.close() }
    _ = world.connect(to: Self.address)
    _ = world.run(for: .microseconds(200))
    let before = asked
    for _ in 0..<5 {
      _ = world.connect(to: Self.address)
      _ = world.run(for: .microseconds(200))
    }
    #expect(turns.accepted == [1, 1, 1, 1, 1, 1])
    #expect(asked - before == 5)
  }

  @Test("takes up to 32 of a queue that has grown, and the rest turn by turn")
  func queue() throws {
    let (listener, turns) = try listen()
    defer { listener.close() }
    for _ in 0..<40 { _ = world.connect(to: Self.address) }
    _ = world.run(for: .milliseconds(1))
    #expect(turns.accepted.reduce(0, +) == 40)
    #expect(turns.accepted.first == 32)
    #expect(turns.accepted.dropFirst().allSatisfy { $0 == 1 })
  }
}
