// Requests that find a limit reached: they wait, are refused, or go.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct LimitsQueueTests {
  /// A limit of one, which the first client's stream has taken.
  private func full(
    queue: Int, _ edit: (inout RelayOptions) -> Void = { _ in },
    upstream: (inout UpstreamOptions) -> Void = { _ in }
  ) throws -> (stage: RelayHarness, first: FakePeer, upstream: ScriptedUpstream) {
    let stage = try RelayHarness(.limited([.of(1, queue: queue)], edit, upstream: upstream))
    let upstream = try stage.upstream()
    let first = stage.client(Get.asked("/first"))
    stage.settle()
    stage.expect(inUse: 1)
    return (stage, first, upstream)
  }

  // Goal: who comes to a full limit waits, unseen upstream, and is served when the first has ended.
  // Method: two clients and a limit of one; the first answer ends.
  @Test func secondWaitsForFirst() throws {
    let (stage, first, upstream) = try full(queue: 1)
    defer { stage.close() }
    let second = stage.client(Get.asked("/second"))
    stage.run(for: .milliseconds(300))
    stage.expect(inUse: 1, queued: 1)
    #expect(upstream.connections.count == 1)
    #expect(second.text == "")
    upstream[0].send(ok("one"))
    stage.settle()
    #expect(first.text == ok("one"))
    #expect(upstream[0].text == Get.forwarded("/first") + Get.forwarded("/second"))
    stage.expect(inUse: 1)
    upstream[0].send(ok("two"))
    stage.settle()
    #expect(second.text == ok("two"))
    stage.expect(inUse: 0)
    #expect(stage.count(.immediate) == 1 && stage.count(.waited) == 1)
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: with the queue full the answer is 429 in the caller's dialect, says when to come again,
  // and names the limit; upstream hears nothing.
  // Method: a request of each dialect to a full limit without a queue.
  @Test(arguments: [
    ("/v1/chat/completions", ["error", "code"], "queue_full"),
    ("/v1/chat/completions", ["error", "type"], "rate_limit_error"),
    ("/v1/messages", ["error", "type"], "rate_limit_error"),
    ("/v1beta/models/gemini:generateContent", ["error", "status"], "RESOURCE_EXHAUSTED"),
  ])
  func queueFull(_ path: String, _ keys: [String], _ word: String) throws {
    let (stage, _, upstream) = try full(queue: 0)
    defer { stage.close() }
    let client = stage.client(Get.asked(path))
    stage.settle()
    expectError(client, "429 Too Many Requests", "queue_full")
    let answer = ErrorAnswer(client.text)
    #expect(answer?.text(keys[0], keys[1]) == word)
    #expect(answer?.body.contains("the limit total is reached") == true)
    #expect(answer?.fields["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
    #expect(answer?.closes == false)
    #expect(upstream.connections.count == 1)
    #expect(upstream[0].text == Get.forwarded("/first"))
    #expect(stage.endings == ["rejected queue_full relay 429"])
    stage.expect(inUse: 1)
    #expect(stage.count(.queueFull) == 1)
  }

  // Goal: a refused client's connection serves on.
  // Method: it asks again when there is room.
  @Test func refusedConnectionServesOn() throws {
    let (stage, _, upstream) = try full(queue: 0)
    defer { stage.close() }
    let client = stage.client(Get.asked())
    stage.settle()
    _ = client.takeText()
    upstream[0].send(ok(""))
    stage.settle()
    client.send(Get.asked("/again"))
    stage.settle()
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
    #expect(stage.count(.immediate) == 2)
  }

  // Goal: Retry-After says how long places have lately been held.
  // Method: a stream of not quite 40 s, then a full limit.
  @Test func retryAfterLearns() throws {
    let (stage, _, upstream) = try full(queue: 0, upstream: { $0.firstByteTimeout = .seconds(99) })
    defer { stage.close() }
    stage.run(for: .milliseconds(39_500))
    upstream[0].send(ok(""))
    stage.settle()
    let holder = stage.client(Get.asked())
    stage.settle()
    let refused = stage.client(Get.asked())
    stage.settle()
    #expect(ErrorAnswer(refused.text)?.fields["retry-after"] == "40")
    holder.close()
  }

  // Goal: who has waited for the queue's time gets 429 with `queue_timeout`, and leaves no trace.
  // Method: the limit stays full for longer; the clock tells which time it was.
  @Test func queueTimeout() throws {
    let (stage, _, upstream) = try full(queue: 1, upstream: { $0.firstByteTimeout = .seconds(99) })
    defer { stage.close() }
    let client = stage.client(Get.asked())
    stage.run(for: .milliseconds(6990))
    #expect(client.text == "")
    stage.run(for: .milliseconds(20))
    expectError(client, "429 Too Many Requests", "queue_timeout")
    #expect(ErrorAnswer(client.text)?.fields["retry-after"] != nil)
    #expect(upstream.connections.count == 1)
    #expect(stage.endings == ["rejected queue_timeout relay 429"])
    stage.expect(inUse: 1)
    #expect(stage.count(.timeout) == 1)
  }

  // Goal: a client that goes while it waits leaves its place to others within 10 ms, and the
  // stream that runs keeps its own.
  // Method: each way of going, with a whole request and with half a body; a queue of one.
  @Test(arguments: ["fin", "close", "reset"], [true, false])
  func goneWhileQueued(_ how: String, _ hasWholeRequest: Bool) throws {
    let (stage, _, upstream) = try full(queue: 1)
    defer { stage.close() }
    let half = "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 8\r\n\r\nhalf"
    let client = stage.client(hasWholeRequest ? Get.asked() : half)
    stage.run(for: .milliseconds(100))
    stage.expect(inUse: 1, queued: 1)
    switch how {
    case "fin": client.finish()
    case "close": client.close()
    default: client.reset()
    }
    stage.run(for: .milliseconds(10))
    stage.expect(inUse: 1, queued: 0)
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
    #expect(upstream.connections.count == 1)
    #expect(stage.count(.clientGone) == 1)
    _ = stage.client(Get.asked())
    stage.settle()
    stage.expect(inUse: 1, queued: 1)
  }

  // Goal: the same for one whose upload weir reads no further while it waits. A FIN would stand
  // behind bytes that nobody reads, so this is about a client that breaks off.
  // Method: a body larger than all buffers, then a reset.
  @Test func resetBehindUnreadUpload() throws {
    let (stage, _, upstream) = try full(queue: 1)
    defer { stage.close() }
    let client = stage.client(Post.asked(String(repeating: "x", count: 1_000_000)))
    stage.run(for: .milliseconds(100))
    stage.expect(inUse: 1, queued: 1)
    client.reset()
    stage.run(for: .milliseconds(10))
    stage.expect(inUse: 1, queued: 0)
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
    #expect(upstream.connections.count == 1)
  }

  // Goal: one that goes in the very moment of its grant gives the place on.
  // Method: the first answer ends and the waiter closes before the loop turns; a third waits.
  @Test func goneAtItsTurn() throws {
    let (stage, _, upstream) = try full(queue: 2)
    defer { stage.close() }
    let second = stage.client(Get.asked("/second"))
    stage.settle()
    _ = stage.client(Get.asked("/third"))
    stage.settle()
    stage.world.after(.milliseconds(1)) {
      upstream[0].send(ok(""))
      second.reset()
    }
    stage.run(for: .milliseconds(5))
    stage.expect(inUse: 1)
    #expect(upstream.connections.map(\.text).joined().contains("/third"))
    #expect(stage.endings.count == 2)
  }

  // Goal: waiting counts against no time of upstream's, neither to the first byte nor in all.
  // Method: a wait of 6 s, longer than both; then each time runs in full.
  @Test func waitingIsNotUpstreamsTime() throws {
    let (stage, _, upstream) = try full(
      queue: 1,
      upstream: {
        $0.firstByteTimeout = .seconds(2)
        $0.streamTimeout = .seconds(4)
      })
    defer { stage.close() }
    // The first one's answer lasts: what ends it is its own stream_timeout.
    upstream[0].send(chunkedHead)
    let second = stage.client(Get.asked("/second"))
    stage.run(for: .milliseconds(3900))
    stage.expect(inUse: 1, queued: 1)
    stage.run(for: .milliseconds(200))
    #expect(upstream[1].text == Get.forwarded("/second"))
    stage.run(for: .milliseconds(1800))
    upstream[1].send(chunkedHead)
    stage.run(for: .milliseconds(1900))
    #expect(second.seenEnd == "open")
    stage.run(for: .milliseconds(300))
    #expect(second.seenEnd == "fin")
    #expect(stage.endings.last == "upstream_timeout timeout upstream 200")
    stage.expect(inUse: 0)
  }

  // Goal: nor does a body's time run while weir does not let it come.
  // Method: a client that waits for 100 Continue, in the queue for longer than body timeout; upstream
  // gives the word when its turn has come.
  @Test func bodyTimeRestsInQueue() throws {
    let (stage, _, upstream) = try full(queue: 1)
    defer { stage.close() }
    let fields = "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    let client = stage.client("POST / HTTP/1.1\r\nHost: weir\r\n" + fields)
    stage.run(for: .seconds(4))
    #expect(client.text == "")
    stage.expect(inUse: 1, queued: 1)
    upstream[0].send(ok(""))
    stage.settle()
    _ = upstream[0].takeText()
    upstream[0].send("HTTP/1.1 100 Continue\r\n\r\n")
    stage.settle()
    #expect(client.takeText() == "HTTP/1.1 100 Continue\r\n\r\n")
    client.send("body")
    stage.settle()
    #expect(upstream[0].text == "body")
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
    stage.expect(inUse: 0)
  }

  // Goal: what a waiting client sends is bounded, and arrives whole when its turn has come.
  // Method: a large body behind a full limit.
  @Test func waitingUploadIsBounded() throws {
    let (stage, _, upstream) = try full(queue: 1)
    defer { stage.close() }
    let body = String((0..<100_000).flatMap { "\($0 % 10)2345678\n" })
    let client = stage.client(Post.asked(body))
    stage.run(for: .seconds(1))
    #expect(stage.relay.mostQueuedBytes.upstream <= 2 * 65_536)
    #expect(client.unsentByteCount > 500_000)
    upstream[0].send(ok(""))
    stage.run(for: .seconds(1))
    #expect(upstream[0].text == Get.forwarded("/first") + Post.forwarded(body))
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
  }

  // Goal: requests pipelined on one connection follow each other without a queue: each has ended
  // when the next one asks.
  // Method: three in one segment under a limit of one.
  @Test func pipelinedRequestsFollowEachOther() throws {
    let stage = try RelayHarness(.limited([.of(1)]))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/1") + Get.asked("/2") + Get.asked("/3"))
    for _ in 0..<3 {
      stage.settle()
      stage.expect(inUse: 1)
      upstream[0].send(ok("x"))
    }
    stage.settle()
    #expect(client.text == ok("x") + ok("x") + ok("x"))
    #expect(stage.count(.immediate) == 3)
    stage.expect(inUse: 0)
  }

  // Goal: a drain turns those who wait away at once with 503, and lets those who hold go on.
  // Method: one stream, two waiters.
  @Test func drainTurnsWaitersAway() throws {
    let (stage, first, upstream) = try full(queue: 2)
    defer { stage.close() }
    let waiters = [stage.client(Get.asked()), stage.client(Get.asked())]
    stage.settle()
    stage.expect(inUse: 1, queued: 2)
    stage.relay.drain(refusing: true) {}
    stage.settle()
    for waiter in waiters { expectError(waiter, "503 Service Unavailable", "draining") }
    stage.expect(inUse: 1, queued: 0)
    #expect(stage.count(.draining) == 2)
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(first.text.hasSuffix("\r\n\r\nx"))
    #expect(upstream.connections.count == 1)
    #expect(Set(stage.endings) == ["rejected draining relay 503", "completed - - 200"])
  }

  // Goal: a request that ends in the queue is booked there as what ended it.
  // Method: one whose body stands still, one whose body is larger than it may be, and one that the
  // drain's deadline finds.
  @Test func endsInTheQueueHaveTheirDecision() throws {
    let stage = try RelayHarness(
      .limited([.of(1, queue: 3)], { $0.requestBodyLimitBytes = 5 }))
    defer { stage.close() }
    _ = try stage.upstream()
    let first = stage.client(Get.asked())
    stage.settle()
    let head = "POST / HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"
    let slow = stage.client(head)
    let large = stage.client(head + "6\r\n123456\r\n")
    stage.settle()
    expectError(large, "413 Content Too Large", "too_large")
    #expect(stage.count(.clientGone) == 1)
    stage.run(for: .milliseconds(2100))
    expectError(slow, "408 Request Timeout", "timeout")
    #expect(stage.count(.timeout) == 1)
    _ = stage.client(Get.asked())
    stage.settle()
    stage.relay.drain(refusing: false) {}
    stage.relay.endDrain()
    stage.settle()
    #expect(stage.count(.draining) == 1)
    #expect(stage.count(.clientGone) == 1)
    #expect(first.seenEnd != "open")
    stage.expect(inUse: 0)
  }

  // Goal: after a takeover, which refuses nobody, the queue goes on.
  // Method: a drain without refusing, with one who waits.
  @Test func takeoverKeepsQueue() throws {
    let (stage, _, upstream) = try full(queue: 1)
    defer { stage.close() }
    let waiter = stage.client(Get.asked())
    stage.settle()
    stage.relay.drain(refusing: false) {}
    upstream[0].send(ok(""))
    stage.settle()
    upstream[1].send(ok("x"))
    stage.settle()
    #expect(waiter.text.hasSuffix("\r\n\r\nx"))
    stage.expect(inUse: 0)
  }

  // Goal: the drain's deadline ends waiters of another loop too, and nothing is left.
  // Method: two loops; the one that drains refuses for the whole process.
  @Test func otherLoopsRefuseToo() throws {
    let stage = try RelayHarness(.limited([.of(1, queue: 5)]), loopCount: 2)
    defer { stage.close() }
    _ = try stage.upstream()
    for _ in 0..<4 { _ = stage.client(Get.asked()) }
    stage.settle()
    stage.expect(inUse: 1, queued: 3)
    for relay in stage.relays { relay.drain(refusing: true) {} }
    stage.settle()
    stage.expect(inUse: 1, queued: 0)
    #expect(stage.endings == Array(repeating: "rejected draining relay 503", count: 3))
    for relay in stage.relays { relay.endDrain() }
    stage.settle()
    stage.expect(inUse: 0)
  }
}
