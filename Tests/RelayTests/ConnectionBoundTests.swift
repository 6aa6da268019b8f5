// How many clients may be connected at once.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct ConnectionBoundTests {
  private static let turnedAway = "relay_error other relay 503"

  // Goal: over all loops no more clients are connected than may be; who comes beyond that is told and
  // closed, and counted; whoever is there goes on.
  @Test(arguments: [1, 2])
  func bound(_ loops: Int) throws {
    let stage = try RelayHarness(loopCount: loops, maxConnections: 3)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let served = stage.client(Get.asked())
    stage.settle()
    let flood = (0..<7).map { _ in stage.client() }
    stage.settle()
    #expect(stage.connections.openCount == 3)
    let refused = flood.filter { $0.seenEnd != "open" }
    #expect(refused.count == 5)
    #expect(refused.allSatisfy { $0.text.hasPrefix("HTTP/1.1 503 ") })
    #expect(refused.allSatisfy { $0.text.contains("x-weir-error: other\r\n") })
    #expect(stage.endings == Array(repeating: Self.turnedAway, count: 5))
    upstream[0].send(ok("a"))
    stage.settle()
    #expect(served.text == ok("a"))
  }

  // Goal: a place serves again as soon as its client has gone.
  @Test func placesComeBack() throws {
    let stage = try RelayHarness(maxConnections: 1)
    defer { stage.close() }
    let upstream = try stage.upstream()
    for index in 0..<3 {
      let client = stage.client(Get.asked())
      stage.settle()
      upstream[index].send(ok("a"))
      stage.settle()
      #expect(client.text == ok("a"))
      let other = stage.client(Get.asked())
      stage.settle()
      #expect(other.seenEnd != "open")
      client.close()
      upstream[index].close()
      stage.settle()
    }
  }

  // Goal: a bound that is lowered cuts nobody off, and lets nobody in until there is room.
  @Test func lowered() throws {
    let stage = try RelayHarness(maxConnections: 3)
    defer { stage.close() }
    let clients = (0..<3).map { _ in stage.client() }
    stage.settle()
    stage.connections.apply(1)
    clients[0].close()
    stage.settle()
    #expect(stage.client().text.isEmpty)
    stage.settle()
    #expect(stage.connections.openCount == 2)
    #expect(clients.dropFirst().map(\.seenEnd) == ["open", "open"])
    #expect(stage.endings == [Self.turnedAway])
  }
}
