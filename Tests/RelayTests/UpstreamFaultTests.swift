// How an exchange ends when upstream, the network or weir itself is at fault: further rows of the
// table of outcomes.

internal import Connections
internal import FakeKernel
internal import Glibc
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct ConnectFailureTests {
  // Goal: a name without an address is 502 with `dns`.
  // Method: an upstream by name, a name service that knows none; two attempts are made.
  @Test func unknownName() throws {
    let stage = try RelayHarness(.scenario(upstream: { $0.endpoints = [.named("nowhere.test")] }))
    defer { stage.close() }
    let client = stage.client(Get.asked())
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "dns")
    #expect(stage.endings == ["connect_failed dns network 502"])
    #expect(stage.ledger.summaries[0].attempts == 2)
  }

  // Goal: a name is resolved off the loop, and its addresses are tried in turn.
  // Method: a name with a dead address first.
  @Test func knownName() throws {
    let dead = SocketAddress(host: .v4([10, 9, 9, 9]), port: 8000)
    let names = FakeNames(known: ["up.test": [dead, .loopback(port: 8000)]])
    let stage = try RelayHarness(
      .scenario(upstream: { $0.endpoints = [.named("up.test")] }), names: names)
    defer { stage.close() }
    stage.world.setPath(NetworkPath(.silent), to: dead)
    let upstream = try stage.upstream()
    _ = stage.client(Get.asked())
    stage.run(for: .milliseconds(251))
    #expect(upstream[0].text == Get.forwarded())
    upstream[0].send(ok(""))
    stage.settle()
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: refused and unreachable addresses are 502 with `connect_refused`.
  // Method: paths that refuse in the three ways that there are.
  @Test(arguments: [NetworkPath.Reach.refused, .noRoute, .hostUnreachable])
  func refused(_ reach: NetworkPath.Reach) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    stage.world.setPath(NetworkPath(reach), to: .loopback(port: 8000))
    let client = stage.client(Get.asked())
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "connect_refused")
    #expect(stage.endings == ["connect_failed connect_refused network 502"])
  }

  // Goal: an address that answers nothing is 504 with `connect_timeout`.
  // Method: a silent path, and one attempt.
  @Test func silence() throws {
    let stage = try RelayHarness(.scenario(upstream: { $0.attempts = 1 }))
    defer { stage.close() }
    stage.world.setPath(NetworkPath(.silent), to: .loopback(port: 8000))
    let client = stage.client(Get.asked())
    stage.run(for: .milliseconds(1499))
    #expect(client.text == "")
    stage.run(for: .milliseconds(2))
    expectError(client, "504 Gateway Timeout", "connect_timeout")
    #expect(stage.endings == ["connect_failed connect_timeout network 504"])
  }

  // Goal: a failed TLS handshake is 502 with `tls`, and is not tried again.
  // Method: upstream answers the ClientHello in plain text.
  @Test func brokenTLS() throws {
    let context = try TLSContext(client: TLSClientOptions())
    let stage = try RelayHarness(
      .scenario(upstream: { $0.endpoints[0].origin.tls = context }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send("HTTP/1.1 400 Speak plainly\r\n\r\n")
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "tls")
    #expect(upstream.connections.count == 1)
    #expect(stage.endings == ["connect_failed tls network 502"])
  }

  // Goal: when weir has no descriptor for upstream, the fault is its own: 503.
  // Method: the kernel refuses the next socket with EMFILE.
  @Test func noDescriptor() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let client = stage.client()
    stage.settle()
    stage.world.kernel.fail(.socket, with: EMFILE)
    client.send(Get.asked())
    stage.run(for: .seconds(1))
    expectError(client, "503 Service Unavailable", "other")
    #expect(stage.endings == ["relay_error other relay 503"])
  }
}

@Suite struct UpstreamFaultTests {
  /// Sends one request, lets upstream act, and hands over both sides.
  private func exchange(
    _ stage: RelayHarness, _ request: String = Get.asked(), act: (FakePeer) -> Void
  ) throws -> (client: FakePeer, upstream: ScriptedUpstream) {
    let upstream = try stage.upstream()
    let client = stage.client(request)
    stage.settle()
    act(upstream[0])
    stage.settle()
    return (client, upstream)
  }

  // Goal: upstream's end before its head is 502.
  // Method: a FIN or a reset, before a byte and inside the head; the request is sent once only.
  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nX"], [true, false])
  func endsBeforeHead(_ sent: String, _ resets: Bool) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, upstream) = try exchange(stage) { peer in
      peer.send(sent)
      stage.settle()
      if resets { peer.reset() } else { peer.close() }
    }
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "reset")
    #expect(client.seenEnd == "open")
    #expect(upstream.connections.count == 1)
    #expect(stage.endings == ["upstream_reset reset upstream 502"])
  }

  // Goal: upstream's end inside its framing cuts the client off: what came is passed on, no byte
  // is invented, and the client can tell.
  // Method: a FIN or a reset inside a body of each framing that has an end of its own.
  @Test(
    arguments: [
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", chunkedHead + "4\r\nhalf\r\n",
      chunkedHead + "9\r\nhalf", chunkedHead + "4\r\nhalf\r\n0\r\n",
    ], [true, false])
  func endsInsideFraming(_ sent: String, _ resets: Bool) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, _) = try exchange(stage) { peer in
      peer.send(sent)
      stage.settle()
      if resets { peer.reset() } else { peer.close() }
    }
    #expect(client.text == sent)
    #expect(client.seenEnd == "fin")
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: a reset is no proper end of an answer that only the connection's end ends.
  // Method: the client must see a reset too.
  @Test func resetOfCloseDelimited() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, _) = try exchange(stage) { peer in
      peer.send("HTTP/1.1 200 OK\r\n\r\nhalf")
      stage.settle()
      peer.reset()
    }
    #expect(client.text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
    #expect(client.seenEnd == "reset")
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: the same where weir learns of the reset by a write that fails, as it does while a
  // request is still going up under an early answer.
  // Method: upstream answers before the body is whole and resets; the client sends more of the
  // body in the same moment.
  @Test func resetUnderUpload() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, _) = try exchange(
      stage, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 9\r\n\r\nhalf"
    ) { peer in
      peer.send("HTTP/1.1 200 OK\r\n\r\nearly")
      stage.settle()
      stage.clients[0].send("more")
      // When those bytes have arrived, so that weir hears of them first.
      stage.world.at(stage.world.now) { stage.world.at(stage.world.now) { peer.reset() } }
    }
    #expect(client.text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nearly")
    #expect(client.seenEnd == "reset")
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: an answer whose head breaks a rule is 502, whatever it says.
  // Method: heads with one fault each; the connection is not used again.
  @Test(arguments: [
    "garbage\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n", "HTTP/2 200\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n fold\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
  ])
  func malformedHead(_ head: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, upstream) = try exchange(stage) { $0.send(head) }
    expectError(client, "502 Bad Gateway", "malformed_response")
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings == ["upstream_malformed malformed_response upstream 502"])
  }

  // Goal: a head over its limit is 502, and is not kept in memory.
  // Method: more than 64 KiB of head.
  @Test func largeHead() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, _) = try exchange(stage) {
      $0.send("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000))
    }
    expectError(client, "502 Bad Gateway", "malformed_response")
    #expect(stage.endings == ["upstream_malformed malformed_response upstream 502"])
  }

  // Goal: a chunk that breaks a rule cuts the answer at the byte before it.
  // Method: a good chunk, then bad framing.
  @Test(arguments: ["zz\r\n", "1\r\nab\r\n", "1;=\r\n", "0\r\nbad trailer\r\n\r\n"])
  func malformedChunk(_ bad: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let good = chunkedHead + "4\r\ngood\r\n"
    let (client, upstream) = try exchange(stage) { $0.send(good + bad) }
    #expect((good + bad).hasPrefix(client.text))
    #expect(client.text.hasPrefix(good))
    #expect(!client.text.hasSuffix("\r\n\r\n0\r\n\r\n"))
    #expect(client.seenEnd == "fin")
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings == ["upstream_malformed malformed_response upstream 200"])
  }

  // Goal: no head in first_byte_timeout is 504.
  // Method: silence; the clock tells which limit it was.
  @Test func noHeadInTime() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, upstream) = try exchange(stage) { _ in }
    stage.run(for: .milliseconds(4990))
    #expect(client.text == "")
    stage.run(for: .milliseconds(20))
    expectError(client, "504 Gateway Timeout", "timeout")
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["upstream_timeout timeout upstream 504"])
  }

  // Goal: an interim answer does not stop that clock.
  // Method: 103 after three seconds; the client has it, and weir's answer after five.
  @Test func interimAnswerIsNoHead() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    let (client, upstream) = try exchange(stage) { _ in }
    stage.run(for: .seconds(3))
    upstream[0].send(early)
    stage.run(for: .milliseconds(2001))
    #expect(client.text.hasPrefix(early + "HTTP/1.1 504 Gateway Timeout\r\n"))
    #expect(stage.endings == ["upstream_timeout timeout upstream 504"])
  }

  // Goal: silence inside an answer for idle_timeout cuts it.
  // Method: a chunk every 5.9 s of 6, then none.
  @Test func stalled() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let (client, upstream) = try exchange(stage) { $0.send(chunkedHead) }
    for _ in 0..<3 {
      stage.run(for: .milliseconds(5900))
      upstream[0].send("1\r\nx\r\n")
    }
    stage.run(for: .milliseconds(5900))
    #expect(client.seenEnd == "open")
    stage.run(for: .milliseconds(200))
    #expect(client.text == chunkedHead + "1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n")
    #expect(client.seenEnd == "fin")
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["upstream_stalled stalled upstream 200"])
  }

  // Goal: the whole exchange has its limit, wherever it is.
  // Method: stream_timeout of 3 s before the head, and in a lively body.
  @Test(arguments: [false, true])
  func streamTimeout(_ hasHead: Bool) throws {
    let stage = try RelayHarness(.scenario(upstream: { $0.streamTimeout = .seconds(3) }))
    defer { stage.close() }
    let (client, upstream) = try exchange(stage) { if hasHead { $0.send(chunkedHead) } }
    for _ in 0..<2 {
      stage.run(for: .seconds(1))
      if hasHead { upstream[0].send("1\r\nx\r\n") }
    }
    stage.run(for: .milliseconds(990))
    #expect(stage.endings == [])
    stage.run(for: .milliseconds(20))
    #expect(upstream[0].seenEnd == "fin")
    if hasHead {
      #expect(client.text == chunkedHead + "1\r\nx\r\n1\r\nx\r\n")
      #expect(client.seenEnd == "fin")
    } else {
      expectError(client, "504 Gateway Timeout", "timeout")
    }
    #expect(stage.endings == ["upstream_timeout timeout upstream \(hasHead ? 200 : 504)"])
  }

  // Goal: when upstream's end and the client's fall on one moment, upstream's end counts.
  // Method: both arrive before the loop turns.
  @Test func endBeatsClientsEnd() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(chunkedHead + "1\r\na\r\n")
    stage.settle()
    let world = stage.world
    world.after(.milliseconds(1)) {
      upstream[0].send("0\r\n\r\n")
      client.finish()
    }
    stage.run(for: .milliseconds(2))
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: when upstream's end and a timeout fall on one moment, upstream's end counts.
  // Method: the last byte arrives at the very instant of idle_timeout.
  @Test func endBeatsTimeout() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    stage.world.after(.milliseconds(1)) {
      upstream[0].send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
    }
    stage.world.after(.milliseconds(6001)) { upstream[0].send("x") }
    stage.run(for: .seconds(7))
    #expect(client.text == ok("x"))
    #expect(stage.endings == ["completed - - 200"])
  }
}
