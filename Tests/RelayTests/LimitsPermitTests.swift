// A permit comes back whatever way its exchange ends, and not before the last byte.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct LimitsPermitTests {
  /// One way for an exchange that holds a permit to end.
  enum Exit: String, CaseIterable {
    case answered, errorStatus, inStreamError, upstreamReset, upstreamTruncates, malformedHead
    case malformedRequest, goneWaiting, goneMidStream, noHead, stalled, streamTimeout, bodyTimeout
    case bodyTooLarge, drainDeadline, badGateway, connectTimeout, brokenTLS, noDescriptor
    case goneWhileConnecting, retried
  }

  private static func options(_ exit: Exit) throws -> RelayOptions {
    let context = exit == .brokenTLS ? try TLSContext(client: TLSClientOptions()) : nil
    return .limited([.of(1)]) { options in
      if exit == .bodyTooLarge { options.requestBodyLimitBytes = 6 }
    } upstream: { upstream in
      if exit == .streamTimeout { upstream.streamTimeout = .seconds(3) }
      if exit == .retried { upstream.retryStatuses = [429] }
      upstream.endpoints[0].origin.tls = context
    }
  }

  private static let chunk =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"
    + "4\r\nhalf\r\n"

  // Goal: the limit is free again after each exit, at the moment of the exchange's one entry in the
  // books, and never before.
  // Method: a request for each exit under a limit of one; the limit is looked at in every round.
  // Then another request is admitted at once.
  @Test(arguments: Exit.allCases) func everyExit(_ exit: Exit) throws {
    let stage = try RelayHarness(try Self.options(exit))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = prepare(exit, stage)
    stage.settle()
    #expect(stage.count(.immediate) == 1)
    act(exit, stage, client, upstream)
    stage.run(for: .seconds(20)) {
      #expect(stage.limit("total").inUse == 1 - stage.endings.count)
      return !stage.endings.isEmpty
    }
    #expect(stage.endings.map { String($0.prefix { $0 != " " }) } == [Self.outcome(exit)])
    stage.expect(inUse: 0)
    guard exit != .drainDeadline else { return }
    _ = stage.client(Get.asked())
    stage.settle()
    #expect(stage.count(.immediate) == 2)
  }

  private func prepare(_ exit: Exit, _ stage: RelayHarness) -> FakePeer {
    let reach: NetworkPath.Reach? =
      switch exit {
      case .badGateway: .refused
      case .connectTimeout, .goneWhileConnecting: .silent
      default: nil
      }
    if let reach { stage.world.setPath(NetworkPath(reach), to: .loopback(port: 8000)) }
    let client = stage.client()
    stage.settle()
    if exit == .noDescriptor { stage.world.kernel.fail(.socket, with: 24) }
    switch exit {
    case .malformedRequest, .bodyTimeout, .bodyTooLarge: client.send(Self.chunk)
    default: client.send(Get.asked("/v1/chat/completions"))
    }
    return client
  }

  private func act(
    _ exit: Exit, _ stage: RelayHarness, _ client: FakePeer, _ upstream: ScriptedUpstream
  ) {
    let event = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\n"
    let error = #"data: {"error":{"message":"m","type":"server_error","code":null}}"# + "\n\n"
    switch exit {
    case .answered: upstream[0].send(ok("x"))
    case .errorStatus: upstream[0].send("HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n")
    case .inStreamError:
      upstream[0].send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
          + "Content-Length: \(error.utf8.count)\r\n\r\n" + error)
    case .upstreamReset: upstream[0].reset()
    case .upstreamTruncates:
      upstream[0].send(event + "data: {}\n\n")
      upstream[0].closeWhenSent()
    case .malformedHead: upstream[0].send("garbage\r\n\r\n")
    case .malformedRequest: client.send("zz\r\n")
    case .goneWaiting, .goneWhileConnecting: client.finish()
    case .goneMidStream:
      upstream[0].send(chunkedHead + "1\r\nx\r\n")
      stage.settle()
      client.finish()
    case .stalled, .streamTimeout: upstream[0].send(chunkedHead + "1\r\nx\r\n")
    case .bodyTooLarge: client.send("4\r\nmore\r\n")
    case .drainDeadline:
      stage.relay.drain(refusing: true) {}
      stage.relay.endDrain()
    case .brokenTLS: upstream[0].send("no TLS")
    case .retried:
      upstream[0].send("HTTP/1.1 429 Later\r\nContent-Length: 0\r\n\r\n")
      stage.run(for: .seconds(1))
      // Held while it backs off and tries again.
      stage.expect(inUse: 1)
      upstream.connections.last?.send(ok("x"))
    case .noHead, .bodyTimeout, .badGateway, .connectTimeout, .noDescriptor: break
    }
  }

  private static func outcome(_ exit: Exit) -> String {
    switch exit {
    case .answered, .retried: "completed"
    case .errorStatus: "upstream_http_error"
    case .inStreamError: "upstream_error"
    case .upstreamReset, .upstreamTruncates: "upstream_reset"
    case .malformedHead: "upstream_malformed"
    case .malformedRequest, .bodyTimeout, .bodyTooLarge: "invalid_request"
    case .goneWaiting, .goneWhileConnecting: "client_gone_before_first_token"
    case .goneMidStream: "client_gone_mid_stream"
    case .noHead, .streamTimeout: "upstream_timeout"
    case .stalled: "upstream_stalled"
    case .drainDeadline: "drained"
    case .badGateway, .connectTimeout, .brokenTLS: "connect_failed"
    case .noDescriptor: "relay_error"
    }
  }

  /// A client that takes nothing, under a limit of one, with a whole answer on its way to it.
  private func slowTail(_ answer: String) throws -> (RelayHarness, FakePeer, ScriptedUpstream) {
    var weather = Weather.calm
    weather.sendBufferBytes = 8192...8192
    weather.receiveBufferBytes = 8192...8192
    let stage = try RelayHarness(.limited([.of(1)]), weather: weather)
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    client.isReading = false
    upstream[0].send(answer)
    stage.run(for: .milliseconds(100))
    return (stage, client, upstream)
  }

  // Goal: a permit lasts until the client's socket has taken the last byte, though upstream is
  // done with long before.
  // Method: an answer larger than the sockets, smaller than weir's buffer; then the client reads.
  @Test func heldToTheLastByte() throws {
    let answer = ok(String(repeating: "x", count: 60_000))
    let (stage, client, _) = try slowTail(answer)
    defer { stage.close() }
    #expect(stage.relay.idleUpstreamCount == 1)
    stage.expect(inUse: 1)
    let refused = stage.client(Get.asked())
    stage.settle()
    expectError(refused, "429 Too Many Requests", "queue_full")
    client.isReading = true
    stage.settle()
    #expect(client.text == answer)
    stage.expect(inUse: 0)
    #expect(stage.endings.last == "completed - - 200")
  }

  // Goal: a client that never takes it loses its permit with its time.
  // Method: the same, and nobody reads.
  @Test func slowClientGivesBack() throws {
    let (stage, _, _) = try slowTail(ok(String(repeating: "x", count: 200_000)))
    defer { stage.close() }
    stage.run(for: .milliseconds(3800))
    stage.expect(inUse: 1)
    stage.run(for: .milliseconds(300))
    stage.expect(inUse: 0)
    #expect(stage.endings == ["slow_client slow_client client 200"])
  }

  // Goal: a tunnel holds its permit until it closes, by whichever side.
  // Method: a WebSocket's upgrade under a limit of one; silence longer than any other time.
  @Test(arguments: [true, false]) func tunnelHoldsUntilItCloses(_ byClient: Bool) throws {
    let stage = try RelayHarness(.limited([.of(1)]))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/", "Upgrade: websocket\r\nConnection: Upgrade\r\n"))
    stage.settle()
    upstream[0].send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    stage.run(for: .seconds(60))
    stage.expect(inUse: 1)
    if byClient { client.close() } else { upstream[0].close() }
    stage.settle()
    stage.expect(inUse: 0)
    #expect(stage.endings == ["completed - - 101"])
  }

  // Goal: a queue moves on at the moment of each exit, not at the next event of its own loop.
  // Method: a limit of one over two loops, eight requests, each answered in turn.
  @Test func queueMovesAcrossLoops() throws {
    let stage = try RelayHarness(.limited([.of(1, queue: 10)]), loopCount: 2)
    defer { stage.close() }
    let upstream = try stage.upstream()
    var clients: [FakePeer] = []
    for number in 0..<8 {
      clients.append(stage.client(Get.asked("/\(number)")))
      stage.settle()
    }
    for served in 0..<8 {
      stage.expect(inUse: 1, queued: 7 - served)
      let asked = upstream.connections.flatMap { $0.text.split(separator: "GET /").dropFirst(0) }
      #expect(asked.count == served + 1)
      for connection in upstream.connections where connection.text.contains("/\(served) ") {
        connection.send(ok("\(served)"))
      }
      stage.settle()
    }
    #expect(clients.map(\.text) == (0..<8).map { ok("\($0)") })
    stage.expect(inUse: 0)
  }
}
