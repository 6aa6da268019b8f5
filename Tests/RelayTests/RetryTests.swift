// When a request may be sent again: while no byte went to the client and the request is still
// whole, and either no byte of it reached upstream or it does no harm to repeat it.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct RetryTests {
  /// Leaves one idle upstream connection behind.
  private func warmUp(_ stage: RelayHarness, _ upstream: ScriptedUpstream) {
    let client = stage.client(Get.asked("/", "Connection: close\r\n"))
    stage.settle()
    _ = upstream[0].takeText()
    upstream[0].send(ok(""))
    stage.settle()
    #expect(client.seenEnd == "fin")
    #expect(stage.relay.idleUpstreamCount == 1)
  }

  // Goal: a refused connection is tried again, whatever the method, after the backoff.
  // Method: upstream refuses, then listens; a POST arrives whole, once.
  @Test func refusedConnection() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    stage.world.setPath(NetworkPath(.refused), to: .loopback(port: 8000))
    let client = stage.client(Post.asked("body"))
    stage.run(for: .milliseconds(40))
    stage.world.setPath(NetworkPath(.open), to: .loopback(port: 8000))
    stage.run(for: .milliseconds(61))
    #expect(upstream.connections.count == 1)
    #expect(upstream[0].text == Post.forwarded("body"))
    upstream[0].send(ok(""))
    stage.settle()
    #expect(client.text == ok(""))
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.ledger.summaries[0].attempts == 2)
  }

  // Goal: a body that arrives while weir connects or waits to try again is held and sent behind
  // its head, in order; one larger than the buffer stops the client, and passes all the same.
  // Method: 300 KB against a buffer of 4 KB, while the first try is refused.
  @Test func bodyMeanwhile() throws {
    let stage = try RelayHarness(.scenario({ $0.requestBufferBytes = 4096 }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    stage.world.setPath(NetworkPath(.refused), to: .loopback(port: 8000))
    let body = String((0..<100_000).flatMap { "\($0 % 10)ab" })
    let client = stage.client(Post.asked(body))
    stage.settle()
    #expect(client.unsentByteCount > 300_000 - 5 * 65_536)
    stage.world.setPath(NetworkPath(.open), to: .loopback(port: 8000))
    stage.run(for: .milliseconds(101))
    #expect(upstream[0].text == Post.forwarded(body))
    upstream[0].send(ok(""))
    stage.settle()
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a kept connection that closes before it answers is replaced, for requests that may be
  // repeated.
  // Method: upstream takes the request on the kept connection and closes; GET and marked POST.
  @Test(arguments: [
    (Get.asked(), Get.forwarded()),
    (Post.asked("x", "Idempotency-Key: 1\r\n"), Post.forwarded("x", "Idempotency-Key: 1\r\n")),
  ])
  func idempotentOnKeptConnection(_ asked: String, _ forwarded: String) throws {
    for resets in [false, true] {
      let stage = try RelayHarness()
      defer { stage.close() }
      let upstream = try stage.upstream()
      warmUp(stage, upstream)
      let client = stage.client(asked)
      stage.settle()
      #expect(upstream[0].text == forwarded)
      if resets { upstream[0].reset() } else { upstream[0].close() }
      stage.settle()
      #expect(upstream[1].text == forwarded)
      upstream[1].send(ok("again"))
      stage.settle()
      #expect(client.text == ok("again"))
      #expect(stage.ledger.summaries[1].attempts == 2)
      #expect(!stage.ledger.summaries[1].reusedConnection)
    }
  }

  // Goal: others are not: nobody knows what upstream did with them.
  // Method: a plain POST in the same place gets 502.
  @Test func postOnKeptConnection() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    warmUp(stage, upstream)
    let client = stage.client(Post.asked("x"))
    stage.settle()
    #expect(upstream[0].text == Post.forwarded("x"))
    upstream[0].close()
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "reset")
    #expect(upstream.connections.count == 1)
  }

  // Goal: nor is anything whose answer has begun to reach the client.
  // Method: an interim answer, then the end, on a kept connection.
  @Test func notAfterAnInterimAnswer() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    warmUp(stage, upstream)
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send("HTTP/1.1 103 Early Hints\r\n\r\n")
    stage.settle()
    upstream[0].close()
    stage.run(for: .seconds(1))
    #expect(client.takeText().hasPrefix("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 502 "))
    #expect(upstream.connections.count == 1)
    #expect(stage.endings[1] == "upstream_reset reset upstream 502")
  }

  // Goal: statuses that the settings name are worth another try, while tries are left.
  // Method: 503 twice for two tries: the first is dropped, the second passed on.
  @Test func statuses() throws {
    let stage = try RelayHarness(.scenario(upstream: { $0.retryStatuses = [503] }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Post.asked("x"))
    stage.settle()
    upstream[0].send("HTTP/1.1 503 First\r\nContent-Length: 3\r\n\r\none")
    stage.run(for: .milliseconds(101))
    #expect(client.text == "")
    #expect(upstream[1].text == Post.forwarded("x"))
    let second = "HTTP/1.1 503 Second\r\nContent-Length: 3\r\n\r\ntwo"
    upstream[1].send(second)
    stage.settle()
    #expect(client.text == second)
    #expect(stage.endings == ["upstream_http_error overloaded upstream 503"])
  }

  // Goal: a request that is no longer whole in the buffer is not tried again.
  // Method: a body larger than the buffer; its 503 is passed on.
  @Test func notWhenForgotten() throws {
    let stage = try RelayHarness(
      .scenario({ $0.requestBufferBytes = 100 }, upstream: { $0.retryStatuses = [503] }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Post.asked(String(repeating: "x", count: 200)))
    stage.settle()
    let answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    upstream[0].send(answer)
    stage.run(for: .seconds(1))
    #expect(client.text == answer)
    #expect(upstream.connections.count == 1)
  }
}
