// What weir holds for a side that does not read: as much as the relay buffer, then the other side
// has to wait. And which clocks run meanwhile.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct FlowControlTests {
  /// A client that reads nothing, in a world whose sockets hold 8 KiB each way.
  private func stall(
    _ options: RelayOptions = .scenario(), _ request: String = Get.asked(),
    upstreamReads: Bool = true
  ) throws -> (stage: RelayHarness, client: FakePeer, upstream: ScriptedUpstream) {
    var weather = Weather.calm
    weather.sendBufferBytes = 8192...8192
    weather.receiveBufferBytes = 8192...8192
    let stage = try RelayHarness(options, weather: weather)
    let upstream = try stage.upstream()
    upstream.readsAtOnce = upstreamReads
    let client = stage.client(request)
    stage.settle()
    client.isReading = false
    return (stage, client, upstream)
  }

  // Goal: weir holds no more than the relay buffer, whatever its size, and loses nothing.
  // Method: a megabyte to a client that reads nothing; what upstream could send beyond what the
  // sockets hold is what weir holds. Then the client reads.
  @Test(arguments: [4096, 20_000, 65_536, 200_000])
  func answerIsBounded(_ limit: Int) throws {
    let (stage, client, upstream) = try stall(.scenario({ $0.relayBufferBytes = limit }))
    defer { stage.close() }
    let answer = ok(String((0..<100_000).flatMap { "\($0 % 10)12345678\n" }))
    upstream[0].send(answer)
    stage.run(for: .seconds(1))
    let held =
      answer.utf8.count - upstream[0].unsentByteCount - stage.world.kernel.bytesInFlight
    #expect(held <= limit)
    #expect(held > limit / 2)
    #expect(stage.relay.mostQueuedBytes.downstream == held)
    // Odd amounts, so that reading goes on with something left in the buffer.
    client.pace = FakePeer.Pace(bytes: 3001, every: .milliseconds(1))
    client.isReading = true
    var most = 0
    stage.run(for: .seconds(5)) {
      most = max(most, stage.relay.mostQueuedBytes.downstream)
      return false
    }
    #expect(most <= limit)
    #expect(client.text == answer)
    #expect(stage.ledger.summaries[0].pausesOfUpstream > 0)
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: each pause is counted once; reading goes on below half of the buffer.
  // Method: let the client take a little more than half of what waits, twice.
  @Test func pausesAreCounted() throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    let answer = ok(String(repeating: "x", count: 250_000))
    upstream[0].send(answer)
    stage.run(for: .milliseconds(10))
    let unsent = upstream[0].unsentByteCount
    // The sockets between weir and the client hold 16 KiB, half of the buffer is 32 KiB.
    client.pace = FakePeer.Pace(bytes: 8192, every: .milliseconds(10))
    client.isReading = true
    stage.run(for: .milliseconds(25))
    #expect(upstream[0].unsentByteCount == unsent)
    stage.run(for: .milliseconds(40))
    #expect(upstream[0].unsentByteCount < unsent)
    client.pace = nil
    stage.run(for: .seconds(1))
    #expect(client.text == answer)
    #expect(stage.ledger.summaries[0].pausesOfUpstream >= 2)
  }

  // Goal: a client that takes nothing for slow_client_timeout is cut off.
  // Method: more than fits; the clock tells which limit it was.
  @Test func slowClient() throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    upstream[0].send(ok(String(repeating: "x", count: 250_000)))
    stage.run(for: .milliseconds(3990))
    #expect(stage.endings == [])
    stage.run(for: .milliseconds(20))
    #expect(stage.endings == ["slow_client slow_client client 200"])
    #expect(stage.relay.connectionCount == 0)
    #expect(upstream[0].seenEnd != "open")
    client.isReading = true
    stage.run(for: .seconds(5))
    #expect(client.seenEnd != "open")
    #expect(client.received.count < 250_000)
  }

  // Goal: one that takes a little now and then is not.
  // Method: 8 KiB every 3 s of a limit of 4 s.
  @Test func steadyClient() throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    upstream[0].send(ok(String(repeating: "x", count: 150_000)))
    client.pace = FakePeer.Pace(bytes: 8192, every: .seconds(3))
    client.isReading = true
    stage.run(for: .seconds(120))
    #expect(client.received.count > 150_000)
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: upstream's silence does not count while weir does not read it; it counts again after.
  // Method: a client slower than idle_timeout, then quiet upstream.
  @Test func idleTimeRests() throws {
    let (stage, client, upstream) = try stall(
      .scenario({ $0.server.slowClientTimeout = .seconds(60) }))
    defer { stage.close() }
    upstream[0].send(chunkedHead + "30000\r\n" + String(repeating: "x", count: 0x2ffff))
    stage.run(for: .seconds(30))
    #expect(stage.endings == [])
    client.isReading = true
    stage.run(for: .milliseconds(5990))
    #expect(stage.endings == [])
    stage.run(for: .milliseconds(20))
    #expect(stage.endings == ["upstream_stalled stalled upstream 200"])
  }

  // Goal: stream_timeout does not rest.
  // Method: the same with a limit on the whole.
  @Test func streamTimeRuns() throws {
    let (stage, _, upstream) = try stall(
      .scenario(
        { $0.server.slowClientTimeout = .seconds(60) },
        upstream: { $0.streamTimeout = .seconds(20) }))
    defer { stage.close() }
    upstream[0].send(ok(String(repeating: "x", count: 250_000)))
    stage.run(for: .seconds(19))
    #expect(stage.relay.activeCount == 1)
    stage.run(for: .milliseconds(1010))
    #expect(upstream[0].seenEnd != "open")
  }

  // Goal: a client that goes while weir does not read upstream is noticed at once.
  // Method: FIN with a full buffer.
  @Test func goneWhilePaused() throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    upstream[0].send(ok(String(repeating: "x", count: 250_000)))
    stage.settle()
    client.finish()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings == ["client_gone_mid_stream client_closed client 200"])
  }

  // Goal: what came before upstream's failure reaches a slow client before it is cut off, and the
  // failure stays the reason even if the client goes meanwhile or takes too long.
  // Method: a truncated body with weir's buffer half full; then the client reads, goes, or waits.
  @Test(arguments: ["reads", "goes", "waits"])
  func failureBehindQueue(_ then: String) throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    let sent =
      "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + String(repeating: "x", count: 40_000)
    upstream[0].send(sent)
    upstream[0].closeWhenSent()
    stage.settle()
    #expect(stage.endings == [])
    switch then {
    case "reads":
      client.isReading = true
      stage.settle()
      #expect(client.text == sent)
      #expect(client.seenEnd == "fin")
    case "goes":
      client.finish()
      stage.settle()
    default: stage.run(for: .seconds(5))
    }
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: interim answers are bounded too.
  // Method: upstream sends them without end to a client that reads nothing.
  @Test func interimAnswersAreBounded() throws {
    let (stage, client, upstream) = try stall()
    defer { stage.close() }
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
    upstream[0].send(String(repeating: interim, count: 10_000) + ok("final"))
    stage.settle()
    #expect(stage.relay.mostQueuedBytes.downstream <= 2 * 65_536)
    client.isReading = true
    stage.settle()
    #expect(client.text == String(repeating: interim, count: 10_000) + ok("final"))
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: the way up is bounded likewise: relay buffer, request buffer and one read of each.
  // Method: a megabyte to an upstream that reads nothing. Then it reads.
  @Test func requestIsBounded() throws {
    let body = String((0..<100_000).flatMap { "\($0 % 10)12345678\n" })
    let (stage, client, upstream) = try stall(
      .scenario(), Post.asked(body), upstreamReads: false)
    defer { stage.close() }
    stage.run(for: .seconds(1))
    #expect(stage.relay.mostQueuedBytes.upstream <= 2 * 65_536)
    #expect(client.unsentByteCount > 700_000)
    upstream[0].isReading = true
    stage.run(for: .seconds(1))
    #expect(upstream[0].text == Post.forwarded(body))
    client.isReading = true
    upstream[0].send(ok(""))
    stage.settle()
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.ledger.summaries[0].pausesOfClient > 0)
  }

  // Goal: the client's body timeout rests while weir does not read it.
  // Method: an upstream that reads nothing for longer than that, and shorter than its own limit.
  @Test func bodyTimeRests() throws {
    let (stage, _, upstream) = try stall(
      .scenario(), Post.asked(String(repeating: "x", count: 1_000_000)), upstreamReads: false)
    defer { stage.close() }
    stage.run(for: .milliseconds(4500))
    #expect(stage.endings == [])
    upstream[0].isReading = true
    stage.run(for: .seconds(1))
    upstream[0].send(ok(""))
    stage.settle()
    #expect(upstream[0].received.count > 1_000_000)
  }
}
