// Interim answers (1xx), `Expect`, and connections that leave HTTP: `Upgrade`.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct InterimAnswerTests {
  // Goal: `Expect: 100-continue` and its answer pass as they are, and the body follows.
  // Method: step by step, as such a client does it.
  @Test func expectContinue() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let fields = "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    let client = stage.client("POST / HTTP/1.1\r\nHost: weir\r\n" + fields)
    stage.settle()
    #expect(upstream[0].takeText() == "POST / HTTP/1.1\r\nHost: up.test\r\n" + fields)
    upstream[0].send("HTTP/1.1 100 Continue\r\n\r\n")
    stage.settle()
    #expect(client.takeText() == "HTTP/1.1 100 Continue\r\n\r\n")
    client.send("body")
    stage.settle()
    #expect(upstream[0].takeText() == "body")
    upstream[0].send(ok("done"))
    stage.settle()
    #expect(client.text == ok("done"))
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: any number of interim answers pass, in front of the final one.
  // Method: three of them, in one segment with the final one.
  @Test func earlyHints() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    let answer =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
      + "HTTP/1.1 103 \r\nlink: </b>\r\n\r\n" + ok("x")
    upstream[0].send(answer)
    stage.settle()
    #expect(client.text == answer)
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.relay.idleUpstreamCount == 1)
  }
}

@Suite struct FailureBehindInterimTests {
  // Goal: an interim answer is no answer yet: what fails behind it is told with an error.
  // Method: 103, then upstream closes, and one that stays silent.
  @Test(arguments: [true, false])
  func isToldInWords(_ closes: Bool) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n"
    upstream[0].send(interim)
    stage.settle()
    #expect(client.takeText() == interim)
    if closes { upstream[0].close() }
    stage.run(for: .seconds(6))
    let answer = try #require(ErrorAnswer(client.text))
    #expect(
      answer.statusLine == (closes ? "HTTP/1.1 502 Bad Gateway" : "HTTP/1.1 504 Gateway Timeout"))
    #expect(answer.type == (closes ? "reset" : "timeout"))
    #expect(
      stage.endings == [
        closes ? "upstream_reset reset upstream 502" : "upstream_timeout timeout upstream 504"
      ])
  }
}

@Suite struct TunnelTests {
  private static let asked =
    "GET /ws HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    + "Sec-WebSocket-Key: k\r\n\r\n"
  private static let answer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

  /// A tunnel that stands.
  private func tunnel(
    _ options: RelayOptions = .scenario()
  ) throws -> (stage: RelayHarness, client: FakePeer, upstream: FakePeer) {
    let stage = try RelayHarness(options)
    let upstream = try stage.upstream()
    let client = stage.client(Self.asked)
    stage.settle()
    #expect(
      upstream[0].takeText()
        == "GET /ws HTTP/1.1\r\nHost: up.test\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"
        + "Connection: Upgrade\r\n\r\n")
    upstream[0].send(Self.answer)
    stage.settle()
    #expect(client.takeText() == Self.answer)
    return (stage, client, upstream[0])
  }

  // Goal: after 101 bytes pass both ways as they are, whatever they look like.
  // Method: bytes that are no HTTP, and some that are.
  @Test func bothWays() throws {
    let (stage, client, upstream) = try tunnel()
    defer { stage.close() }
    for bytes in ["\0\r\n\u{1}", Get.asked(), String(repeating: "z", count: 200_000)] {
      client.send(bytes)
      upstream.send(bytes)
      stage.settle()
      #expect(upstream.takeText() == bytes)
      #expect(client.takeText() == bytes)
    }
    #expect(stage.endings == [])
  }

  // Goal: what came in the same segments as the heads is not lost.
  // Method: bytes right behind the request and right behind the 101.
  @Test func bytesBehindHeads() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Self.asked + "early")
    stage.settle()
    #expect(!upstream[0].takeText().contains("early"))
    upstream[0].send(Self.answer + "too")
    stage.settle()
    #expect(client.text == Self.answer + "too")
    #expect(upstream[0].text == "early")
  }

  // Goal: either side's end ends the tunnel, properly, after what that side had sent.
  // Method: last words and a FIN.
  @Test(arguments: [true, false])
  func endsByEitherSide(_ byClient: Bool) throws {
    let (stage, client, upstream) = try tunnel()
    defer { stage.close() }
    let (one, other) = byClient ? (client, upstream) : (upstream, client)
    one.send("last words")
    one.finish()
    stage.settle()
    #expect(other.text == "last words")
    #expect(other.seenEnd == "fin")
    #expect(one.seenEnd == "fin")
    #expect(stage.endings == ["completed - - 101"])
  }

  // Goal: when one side ends a tunnel, what is queued for either side still arrives.
  // Method: both sides read nothing until both ways are full; one ends; then they read.
  @Test(arguments: [true, false])
  func endDeliversWhatIsQueued(_ byClient: Bool) throws {
    let (stage, client, upstream) = try tunnel()
    defer { stage.close() }
    let words = String(repeating: "z", count: 150_000)
    client.isReading = false
    upstream.isReading = false
    client.send(words)
    upstream.send(words)
    stage.settle()
    let queued = stage.relay.mostQueuedBytes
    #expect(queued.downstream > 0 && queued.upstream > 0)
    (byClient ? client : upstream).finish()
    stage.settle()
    client.isReading = true
    stage.settle()
    #expect(stage.endings == [])
    upstream.isReading = true
    stage.settle()
    #expect(client.text == words)
    #expect(upstream.text == words)
    #expect(client.seenEnd == "fin")
    #expect(upstream.seenEnd == "fin")
    #expect(stage.endings == ["completed - - 101"])
  }

  // Goal: a side that takes nothing of it does not hold an ended tunnel up for good.
  // Method: upstream reads nothing; the client ends. It is over after slow_client_timeout.
  @Test func endIsBounded() throws {
    let (stage, client, upstream) = try tunnel()
    defer { stage.close() }
    upstream.isReading = false
    client.send(String(repeating: "z", count: 150_000))
    client.finish()
    stage.run(for: .milliseconds(3900))
    #expect(stage.endings == [])
    stage.run(for: .milliseconds(200))
    #expect(stage.endings == ["completed - - 101"])
  }

  // Goal: an answer other than 101 is an ordinary one.
  // Method: upstream declines, and the connection serves on.
  @Test func declined() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Self.asked)
    stage.settle()
    upstream[0].send(ok("no"))
    stage.settle()
    #expect(client.takeText() == ok("no"))
    client.send(Get.asked())
    stage.settle()
    upstream[0].send(ok("yes"))
    stage.settle()
    #expect(client.text == ok("yes"))
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: only silence both ways for tunnel_idle_timeout ends a tunnel; the times of requests and
  // streams do not apply to it, nor does the limit of request bodies.
  // Method: words one way at a time, under short limits; then silence.
  @Test func idleTime() throws {
    let (stage, client, upstream) = try tunnel(
      .scenario(
        {
          $0.tunnelIdleTimeout = .seconds(30)
          $0.requestBodyLimitBytes = 3
        }, upstream: { $0.streamTimeout = .seconds(40) }))
    defer { stage.close() }
    for _ in 0..<3 {
      stage.run(for: .seconds(29))
      client.send("up")
    }
    for _ in 0..<3 {
      stage.run(for: .seconds(29))
      upstream.send("down")
    }
    stage.run(for: .seconds(29))
    #expect(upstream.text == "upupup")
    #expect(client.text == "downdowndown")
    #expect(stage.endings == [])
    stage.run(for: .seconds(2))
    #expect(client.seenEnd != "open")
    #expect(upstream.seenEnd != "open")
    #expect(stage.endings.count == 1)
  }
}
