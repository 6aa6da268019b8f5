// How a relay ends and changes while it works: a drain loses no open stream before its deadline,
// a reload touches none.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct DrainTests {
  private final class Signal {
    var wasGiven = false
  }

  /// Begins a drain and hands over what tells of its end.
  private func drain(_ stage: RelayHarness, refusing: Bool = true) -> Signal {
    let signal = Signal()
    stage.relay.drain(refusing: refusing) {
      #expect(!signal.wasGiven, "a drain ends once")
      signal.wasGiven = true
    }
    return signal
  }

  // Goal: a relay without work is drained at once, connections that wait for a request included.
  // Method: one kept client, one idle upstream connection.
  @Test func idle() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(ok(""))
    stage.settle()
    let drained = drain(stage)
    stage.settle()
    #expect(drained.wasGiven)
    #expect(client.seenEnd == "fin")
    #expect(upstream[0].seenEnd == "fin")
  }

  // Goal: new requests get 503, on new connections and behind an open answer.
  // Method: a stream begun before the drain, a pipelined request behind it, a new client.
  @Test func refusesNewRequests() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let old = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(chunkedHead + "1\r\na\r\n")
    stage.settle()
    let drained = drain(stage)
    let new = stage.client(Get.asked())
    old.send(Get.asked())
    stage.run(for: .milliseconds(10))
    expectError(new, "503 Service Unavailable", "draining")
    #expect(new.seenEnd == "fin")
    #expect(!drained.wasGiven)
    upstream[0].send("1\r\nb\r\n0\r\n\r\n")
    stage.run(for: .seconds(3))
    #expect(old.text.hasPrefix(chunkedHead + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"))
    #expect(old.seenEnd == "fin")
    #expect(drained.wasGiven)
    #expect(
      Set(stage.endings) == ["rejected draining relay 503", "completed - - 200"])
  }

  // Goal: an answer whose head is still to come says that its connection closes.
  // Method: drain while waiting for upstream.
  @Test func announcesClose() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    let drained = drain(stage)
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    #expect(client.seenEnd == "fin")
    #expect(drained.wasGiven)
  }

  // Goal: a connection whose answer began before the drain does not hold it up once answered.
  // Method: the answer ends after the drain began; nothing waits for the client's idle time.
  @Test func closesKeptConnections() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(chunkedHead)
    stage.settle()
    let drained = drain(stage)
    upstream[0].send("0\r\n\r\n")
    stage.settle()
    #expect(client.text == chunkedHead + "0\r\n\r\n")
    #expect(client.seenEnd == "fin")
    #expect(drained.wasGiven)
  }

  // Goal: after a takeover requests on open connections are still served, each connection's last.
  // Method: a drain that does not refuse; a kept client asks once more.
  @Test func servesAfterTakeover() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(ok(""))
    stage.settle()
    _ = client.takeText()
    let drained = drain(stage, refusing: false)
    client.send(Get.asked())
    stage.settle()
    #expect(!drained.wasGiven)
    upstream[1].send(ok("x"))
    stage.settle()
    #expect(client.text == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    #expect(client.seenEnd == "fin")
    #expect(drained.wasGiven)
    #expect(stage.relay.idleUpstreamCount == 0)
  }

  // Goal: the deadline cuts what is left and books it as drained.
  // Method: one stream, one that waits for its head, one in its head; then the deadline.
  @Test func deadline() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let streaming = stage.client(Get.asked())
    stage.settle()
    let waiting = stage.client(Get.asked())
    let partial = stage.client("GET / HT")
    stage.settle()
    upstream[0].send(chunkedHead + "1\r\na\r\n")
    stage.settle()
    let drained = drain(stage)
    stage.relay.endDrain()
    stage.settle()
    #expect(drained.wasGiven)
    #expect(streaming.text == chunkedHead + "1\r\na\r\n")
    #expect(streaming.seenEnd != "open")
    expectError(waiting, "503 Service Unavailable", "draining")
    #expect(partial.seenEnd != "open")
    #expect(upstream.connections.allSatisfy { $0.seenEnd != "open" })
    #expect(
      stage.endings.sorted() == ["drained draining relay 200", "drained draining relay 503"])
  }
}

@Suite struct ReloadTests {
  // Goal: an open stream keeps its upstream and its settings; the next request finds the new ones.
  // Method: move the upstream to another port with a stream open.
  @Test func openStreamsAreUntouched() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (old, new) = (try stage.upstream(), try stage.upstream(port: 8001))
    let client = stage.client(Get.asked())
    stage.settle()
    old[0].send(chunkedHead + "1\r\na\r\n")
    stage.settle()
    stage.relay.apply(.scenario(upstream: { $0.endpoints = [.local(8001)] }))
    stage.settle()
    old[0].send("1\r\nb\r\n0\r\n\r\n")
    client.send(Get.asked())
    stage.settle()
    #expect(client.text == chunkedHead + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    #expect(old[0].seenEnd == "fin")
    #expect(new[0].text == Get.forwarded())
    new[0].send(ok(""))
    stage.settle()
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: no connection of the old settings is used for a request of the new ones.
  // Method: an idle connection, then a reload.
  @Test func idleConnectionsClose() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(ok(""))
    stage.settle()
    stage.relay.apply(.scenario())
    stage.settle()
    #expect(upstream[0].seenEnd == "fin")
    client.send(Get.asked())
    stage.settle()
    #expect(upstream[1].text == Get.forwarded())
  }

  // Goal: a request that waits to be tried again stays with the settings it began with.
  // Method: reload between two tries, to settings without its route and upstream.
  @Test func retriesAreUntouched() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    stage.world.setPath(NetworkPath(.refused), to: .loopback(port: 8000))
    let client = stage.client(Get.asked())
    stage.settle()
    stage.relay.apply(.scenario({ ($0.routes, $0.upstreams) = ([], []) }))
    stage.world.setPath(NetworkPath(.open), to: .loopback(port: 8000))
    stage.run(for: .milliseconds(101))
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
    client.send(Get.asked())
    stage.settle()
    #expect(stage.endings == ["completed - - 200", "invalid_request no_route client 404"])
  }
}

@Suite struct ListenerTests {
  // Goal: when descriptors run out, the next client is told and not left to wait, and weir goes
  // on when some are free again.
  // Method: a limit that is reached; the client gets 503.
  @Test func descriptorsRunOut() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let first = stage.client()
    stage.settle()
    stage.world.kernel.descriptorLimit = stage.world.kernel.openDescriptors.count
    let second = stage.client()
    stage.settle()
    #expect(second.text.hasPrefix("HTTP/1.1 503 Service Unavailable\r\nx-weir-error: other\r\n"))
    #expect(second.seenEnd == "fin")
    stage.world.kernel.descriptorLimit = 20_000
    #expect(first.seenEnd == "open")
    let upstream = try stage.upstream()
    first.send(Get.asked())
    stage.settle()
    upstream[0].send(ok(""))
    stage.settle()
    #expect(first.text == ok(""))
  }
}
