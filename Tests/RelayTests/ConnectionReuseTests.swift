// Connections that serve more than one exchange: keep-alive and pipelining towards clients, the
// pool towards upstream, and when either must not be used again.

internal import Connections
internal import FakeKernel
internal import Foundation
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct KeepAliveTests {
  // Goal: both connections serve request after request.
  // Method: three in a row; one client connection, one upstream connection.
  @Test func bothSides() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client()
    for index in 0..<3 {
      client.send(Get.asked("/\(index)"))
      stage.settle()
      #expect(upstream[0].takeText() == Get.forwarded("/\(index)"))
      upstream[0].send(ok("\(index)"))
      stage.settle()
      #expect(client.takeText() == ok("\(index)"))
      stage.run(for: .seconds(2))
    }
    #expect(upstream.connections.count == 1)
    #expect(stage.ledger.summaries.map(\.reusedConnection) == [false, true, true])
    #expect(stage.relay.idleUpstreamCount == 1)
  }

  // Goal: pipelined requests are answered in order, one exchange after the other.
  // Method: three in one segment, with bodies; upstream never has two at once.
  @Test func pipelining() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Post.asked("one") + Get.asked("/2") + Post.asked("three"))
    for (request, answer) in [
      (Post.forwarded("one"), ok("1")), (Get.forwarded("/2"), chunkedHead + "0\r\n\r\n"),
      (Post.forwarded("three"), ok("3")),
    ] {
      stage.settle()
      #expect(upstream[0].takeText() == request)
      upstream[0].send(answer)
      stage.settle()
      #expect(client.takeText() == answer)
    }
    #expect(client.seenEnd == "open")
    #expect(stage.endings.count == 3)
  }

  // Goal: a client that pipelines without end holds no more of weir's memory than reads' worth.
  // Method: a megabyte of small requests; after many answers most of it still waits in the
  // client, because weir has stopped reading.
  @Test func pipeliningIsBounded() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let request = Get.asked("/")
    let count = (1 << 20) / request.utf8.count
    let client = stage.client(String(repeating: request, count: count))
    let answered = 50
    for _ in 0..<answered {
      stage.settle()
      upstream[0].send(ok(""))
    }
    stage.settle()
    let taken =
      count * request.utf8.count - client.unsentByteCount - stage.world.kernel.bytesInFlight
    #expect(taken < 2 * 65_536 + answered * request.utf8.count)
    #expect(stage.endings.count == answered)
  }

  // Goal: `Connection: close` is honoured after the answer.
  // Method: a request that says so.
  @Test func clientAsksToClose() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/", "Connection: close\r\n"))
    stage.settle()
    #expect(upstream[0].text == Get.forwarded())
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    #expect(client.seenEnd == "fin")
    #expect(stage.relay.idleUpstreamCount == 1)
  }

  // Goal: a client of HTTP/1.0 keeps its connection only if it asks, and is told.
  // Method: with and without `keep-alive`.
  @Test(arguments: [true, false])
  func oldClients(_ asks: Bool) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(
      Get.asked("/", asks ? "Connection: keep-alive\r\n" : "", version: "1.0"))
    stage.settle()
    upstream[0].send(ok("x"))
    stage.settle()
    // To say nothing means close in HTTP/1.0.
    let said = asks ? "Connection: keep-alive\r\n" : ""
    #expect(client.text == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\(said)\r\nx")
    #expect(client.seenEnd == (asks ? "open" : "fin"))
  }

  // Goal: a client of HTTP/1.0 gets chunked bodies unchunked and delimited by close.
  // Method: chunks with extensions and trailers; what it gets is the payload alone.
  @Test func oldClientsGetNoChunks() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/", "Connection: keep-alive\r\n", version: "1.0"))
    stage.settle()
    upstream[0].send(
      "HTTP/1.1 103 Early Hints\r\n\r\n" + chunkedHead
        + "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n")
    stage.settle()
    let split = client.text.components(separatedBy: "\r\n\r\n")
    #expect(split.count == 2)
    #expect(split[1] == "abcde")
    #expect(!split[0].lowercased().contains("transfer-encoding"))
    #expect(!split[0].lowercased().contains("keep-alive"))
    #expect(client.seenEnd == "fin")
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a truncated one ends in a reset, because a FIN would look like the proper end.
  // Method: upstream closes inside a chunk.
  @Test func oldClientsSeeTruncation() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked(version: "1.0"))
    stage.settle()
    upstream[0].send(chunkedHead + "9\r\nhalf")
    stage.settle()
    upstream[0].close()
    stage.settle()
    #expect(client.text.hasSuffix("\r\n\r\nhalf"))
    #expect(client.seenEnd == "reset")
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: a kept connection is closed when it has waited long enough, without a word.
  // Method: the idle time after an answer, and the head time before the first request.
  @Test func idleClients() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let fresh = stage.client()
    let kept = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(ok(""))
    stage.run(for: .milliseconds(990))
    #expect(fresh.seenEnd == "open")
    stage.run(for: .milliseconds(20))
    #expect(fresh.seenEnd == "fin")
    #expect(fresh.text == "")
    stage.run(for: .milliseconds(1980))
    #expect(kept.seenEnd == "open")
    stage.run(for: .milliseconds(20))
    #expect(kept.seenEnd == "fin")
    #expect(kept.text == ok(""))
    #expect(stage.endings.count == 1)
  }
}

@Suite struct PoolTests {
  /// One exchange, answered; upstream's connections afterwards.
  private func exchange(
    _ stage: RelayHarness, _ upstream: ScriptedUpstream, _ answer: String, on index: Int = 0
  ) {
    let client = stage.client(Get.asked("/", "Connection: close\r\n"))
    stage.settle()
    upstream[index].send(answer)
    stage.settle()
    #expect(client.seenEnd != "open")
  }

  // Goal: an idle upstream connection is closed after its time.
  // Method: ten seconds of quiet.
  @Test func idleTime() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    exchange(stage, upstream, ok(""))
    stage.run(for: .milliseconds(9990))
    #expect(stage.relay.idleUpstreamCount == 1)
    stage.run(for: .milliseconds(20))
    #expect(stage.relay.idleUpstreamCount == 0)
    #expect(upstream[0].seenEnd == "fin")
  }

  // Goal: one that upstream closes while idle is noticed, and nothing is sent on it.
  // Method: FIN, reset or stray bytes; the next request, a POST too, gets a fresh connection.
  @Test(arguments: ["fin", "reset", "bytes"])
  func watchedWhileIdle(_ event: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    exchange(stage, upstream, ok(""))
    switch event {
    case "fin": upstream[0].finish()
    case "reset": upstream[0].reset()
    default: upstream[0].send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    }
    stage.settle()
    #expect(stage.relay.idleUpstreamCount == 0)
    let client = stage.client(Post.asked("x"))
    stage.settle()
    #expect(upstream[1].text == Post.forwarded("x"))
    upstream[1].send(ok("mine"))
    stage.settle()
    #expect(client.text == ok("mine"))
  }

  // Goal: an answer after which the connection cannot be trusted ends it.
  // Method: bytes behind the end, `Connection: close`, HTTP/1.0, no length.
  @Test(arguments: [
    ok("x") + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ok("x") + "x",
    ok("x", "Connection: close\r\n"), "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    chunkedHead + "0\r\n\r\nx", "HTTP/1.1 204 No Content\r\n\r\nx",
  ])
  func unusableAfter(_ answer: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    exchange(stage, upstream, answer)
    #expect(stage.relay.idleUpstreamCount == 0)
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings.allSatisfy { $0.hasPrefix("completed") })
  }

  // Goal: an early answer is passed on, and the rest of the request goes nowhere.
  // Method: upstream answers half a body; neither connection is used again.
  @Test func earlyAnswer() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client("POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 9\r\n\r\nhalf")
    stage.settle()
    upstream[0].send("HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")
    stage.settle()
    client.send("other")
    stage.run(for: .seconds(3))
    #expect(client.text == "HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")
    #expect(client.seenEnd == "fin")
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["upstream_http_error context_length upstream 413"])
  }

  // Goal: no more idle connections are kept than the settings say, the oldest leave first.
  // Method: three at once under a limit of two.
  @Test func idleLimit() throws {
    let stage = try RelayHarness(.scenario(upstream: { $0.pool.idleLimit = 2 }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for _ in 0..<3 { _ = stage.client(Get.asked()) }
    stage.settle()
    for index in 0..<3 {
      upstream[index].send(ok(""))
      stage.settle()
    }
    #expect(stage.relay.idleUpstreamCount == 2)
    #expect(upstream.connections.map(\.seenEnd) == ["fin", "open", "open"])
  }

  // Goal: several endpoints share the load, and one that fails is avoided on the next try.
  // Method: two endpoints with open streams on each; then one of them refuses.
  @Test func severalEndpoints() throws {
    let stage = try RelayHarness(
      .scenario(upstream: { $0.endpoints = [.local(8000), .local(8001)] }))
    defer { stage.close() }
    let upstreams = [try stage.upstream(), try stage.upstream(port: 8001)]
    for _ in 0..<4 {
      _ = stage.client(Get.asked())
      stage.settle()
    }
    #expect(upstreams.map(\.connections.count) == [2, 2])
    stage.world.setPath(NetworkPath(.refused), to: .loopback(port: 8000))
    for _ in 0..<4 {
      _ = stage.client(Get.asked())
      stage.run(for: .milliseconds(300))
    }
    #expect(upstreams.map(\.connections.count) == [2, 6])
    #expect(stage.endings == [])
  }
}
