// Ends that meet in one turn of a loop, and what is still to be delivered when one of them wins.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Telemetry
internal import Testing

@Suite struct RaceTests {
  // Goal: upstream's end comes before the client's, in whichever order the kernel tells of them:
  // product §5.
  // Method: an answer's last bytes and the client's FIN arrive while the loop does not look; the
  // client's connection, the older one, is told of first.
  @Test(arguments: ["length", "close", "reset"])
  func upstreamsEndBeforeTheClients(_ how: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(
      "HTTP/1.1 200 OK\r\n\(how == "length" ? "Content-Length: 8\r\n" : "")\r\nhalf")
    stage.settle()
    client.finish()
    switch how {
    case "length": upstream[0].send("half")
    case "close": upstream[0].closeWhenSent()
    default: upstream[0].reset()
    }
    stage.settle()
    #expect(
      stage.endings == [how == "reset" ? "upstream_reset reset upstream 200" : "completed - - 200"])
    #expect(client.text.hasSuffix(how == "length" ? "halfhalf" : "half"))
  }

  // Goal: an answer that comes whole together with the client's FIN is one.
  // Method: the same before the head.
  @Test func wholeAnswerBeforeTheClientsEnd() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    client.finish()
    upstream[0].send(ok("all"))
    stage.settle()
    #expect(client.text == ok("all"))
    #expect(client.seenEnd == "fin")
    #expect(stage.endings == ["completed - - 200"])
  }
}

@Suite struct LastBytesTests {
  /// Reads so slowly that most of an answer waits in the kernels for a while.
  private func slowClient(_ stage: RelayHarness, _ request: String) -> FakePeer {
    let client = stage.client(request)
    client.pace = FakePeer.Pace(bytes: 1000, every: .milliseconds(100))
    return client
  }

  // Goal: a cut that only a reset can tell of loses nothing of what came before it.
  // Method: a slow reader; a whole answer, and behind it one that breaks off and has no framing. What
  // weir had of both arrives, then the reset.
  @Test func resetComesBehindTheBytes() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = slowClient(stage, Get.asked("/1") + Get.asked("/2"))
    let first = ok(String(repeating: "a", count: 40_000))
    stage.settle()
    upstream[0].send(first)
    stage.settle()
    let second = "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "b", count: 4000)
    let connection = upstream.connections.last!
    connection.send(second)
    stage.settle()
    connection.reset()
    stage.run(for: .seconds(8))
    #expect(stage.endings == ["completed - - 200", "upstream_reset reset upstream 200"])
    #expect(client.seenEnd == "reset")
    #expect(client.text.hasPrefix(first))
    #expect(client.text.hasSuffix("b"))
    #expect(client.received.count == first.utf8.count + second.utf8.count + 19)
  }

  // Goal: nor does a client that reads slowly lose an answer's end to the time that a connection
  // lingers for.
  // Method: an answer after which the connection closes, read in four seconds; lingering takes two.
  @Test func slowReaderOutlastsLingering() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    // A request that is refused in its body: weir closes gently because more may come.
    let client = slowClient(stage, Get.asked("/", "Connection: close\r\n") + "unread")
    stage.settle()
    let answer = ok(String(repeating: "a", count: 40_000))
    upstream[0].send(answer)
    stage.run(for: .seconds(8))
    #expect(client.received.count > 40_000)
    #expect(client.seenEnd == "fin")
    #expect(stage.relay.connectionCount == 0)
  }

  // Goal: a client that takes nothing does not hold an ending connection for good.
  // Method: it stops reading before the cut; after slow_client_timeout nothing is left of it.
  @Test func waitingForItIsBounded() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    client.isReading = false
    stage.settle()
    upstream[0].send("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "b", count: 70_000))
    stage.settle()
    #expect(stage.relay.mostQueuedBytes.downstream == 0)
    upstream[0].reset()
    stage.run(for: .milliseconds(3900))
    #expect(stage.relay.connectionCount == 1)
    stage.run(for: .milliseconds(200))
    #expect(stage.relay.connectionCount == 0)
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }
}

@Suite struct TurnedAwayTests {
  // Goal: clients for whom there is no descriptor are told so, and are in the books: one request,
  // accepted and ended, of no route.
  // Method: no descriptor is left when the second client comes.
  @Test func isCounted() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    _ = stage.client()
    stage.settle()
    stage.world.kernel.descriptorLimit = stage.world.kernel.openDescriptors.count
    let client = stage.client(Get.asked())
    stage.settle()
    #expect(client.text.hasPrefix("HTTP/1.1 503 Service Unavailable\r\nx-weir-error: other\r\n"))
    #expect(stage.endings == ["relay_error other relay 503"])
    #expect(stage.ledger.summaries[0].record.route == "none")
    #expect(stage.relay.acceptedCount == 1 && stage.relay.endedCount == 1)
    stage.world.kernel.descriptorLimit = 20_000
  }
}
