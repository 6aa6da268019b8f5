// Limits by model: the body is read until the model is known, and goes on as it came.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct LimitsModelTests {
  /// One stream for each model.
  private func stage(queue: Int = 0) throws -> (RelayHarness, ScriptedUpstream) {
    let stage = try RelayHarness(.limited([.of(1, by: .model, queue: queue)]))
    return (stage, try stage.upstream())
  }

  private func body(_ model: String) -> String { #"{"model":"\#(model)","stream":true}"# }

  // Goal: each model has its own count, and a body goes upstream as it came.
  // Method: two of one model, one of another.
  @Test func eachModelCountsAlone() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    _ = stage.client(Post.asked(body("a")))
    stage.settle()
    let refused = stage.client(Post.asked(body("a")))
    stage.settle()
    expectError(refused, "429 Too Many Requests", "queue_full")
    _ = stage.client(Post.asked(body("b")))
    stage.settle()
    #expect(upstream.connections.map(\.text) == ["a", "b"].map { Post.forwarded(body($0)) })
    stage.expect("model", inUse: 2)
    #expect(stage.limit("model").fullestKeyInUse == 1)
  }

  // Goal: nothing goes upstream, and no place is taken, before the model is known; then all goes,
  // from the first byte on.
  // Method: a body byte by byte.
  @Test func bodyIsReadUntilTheModel() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let request = Post.asked(#"{"n":1,"model":"a","x":[1,2,3]}"#)
    let known = request.firstRange(of: #""a""#)!.upperBound
    let client = stage.client()
    for index in request.indices {
      client.send(String(request[index]))
      stage.settle()
      let isKnown = index >= request.index(before: known)
      #expect(stage.limit("model").inUse == (isKnown ? 1 : 0), "\(request[...index])")
      #expect(upstream.connections.count == (isKnown ? 1 : 0))
    }
    #expect(upstream[0].text == Post.forwarded(#"{"n":1,"model":"a","x":[1,2,3]}"#))
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
  }

  // Goal: a model far behind is found, in a body larger than the request buffer; one beyond 1 MiB
  // is unknown. Either body arrives unchanged.
  // Method: a long text in front of the model, by length and by chunks.
  @Test(arguments: [500_000, 1_100_000], [true, false])
  func modelFarBehind(_ distance: Int, _ isChunked: Bool) throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let holders = ["a", "unknown"].map { stage.client(Post.asked(body($0))) }
    stage.settle()
    _ = holders
    // Of the holders one stands in the way: which one tells what key this body got.
    holders[distance < 1 << 20 ? 1 : 0].close()
    stage.settle()
    let text = #"{"t":"\#(String(repeating: "t", count: distance))","model":"a"}"#
    let length = String(text.utf8.count, radix: 16)
    let fields = "Transfer-Encoding: chunked\r\n\r\n\(length)\r\n\(text)\r\n0\r\n\r\n"
    let request = isChunked ? "POST / HTTP/1.1\r\nHost: weir\r\n" + fields : Post.asked(text)
    let client = stage.client(request)
    stage.run(for: .milliseconds(500))
    expectError(client, "429 Too Many Requests", "queue_full")
    holders[distance < 1 << 20 ? 0 : 1].close()
    stage.settle()
    _ = stage.client(request)
    stage.run(for: .milliseconds(500))
    let forwarded =
      isChunked ? "POST / HTTP/1.1\r\nHost: up.test\r\n" + fields : Post.forwarded(text)
    #expect(upstream.connections.last?.text == forwarded)
    stage.expect("model", inUse: 1)
  }

  // Goal: without a model the key is `unknown`, limited like any other.
  // Method: requests without a body, without JSON, without the member, and with another type of it.
  @Test(arguments: [
    Get.asked(), Post.asked("no JSON"), Post.asked(#"{"messages":[]}"#), Post.asked(""),
    Post.asked(#"{"model":7}"#), Post.asked(#"{"x":{"model":"a"}}"#),
  ])
  func unknown(_ request: String) throws {
    let (stage, _) = try stage()
    defer { stage.close() }
    _ = stage.client(Post.asked(body("unknown")))
    stage.settle()
    let client = stage.client(request)
    stage.settle()
    expectError(client, "429 Too Many Requests", "queue_full")
    stage.expect("model", inUse: 1)
  }

  // Goal: a model that the path names needs no body, and counts as the same one.
  // Method: Gemini's path, whose body has not come.
  @Test func modelInPath() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let path = "/v1beta/models/a:streamGenerateContent"
    let head = "POST \(path) HTTP/1.1\r\nHost: weir\r\nExpect: 100-continue\r\n"
    _ = stage.client(head + "Content-Length: 9\r\n\r\n")
    stage.settle()
    stage.expect("model", inUse: 1)
    // Nobody but upstream is waiting for the body, so upstream has to be asked for it.
    #expect(upstream[0].text.contains("Expect: 100-continue\r\n"))
    let second = stage.client(Post.asked(body("a")))
    stage.settle()
    expectError(second, "429 Too Many Requests", "queue_full")
  }

  // Goal: weir answers Expect itself where it needs the body, and upstream is not asked again.
  // Method: as such a client does it, under a full limit with a queue.
  @Test func expectIsAnswered() throws {
    let (stage, upstream) = try stage(queue: 1)
    defer { stage.close() }
    _ = stage.client(Post.asked(body("a")))
    stage.settle()
    let fields = "Content-Length: \(body("a").utf8.count)\r\n"
    let client = stage.client(
      "POST / HTTP/1.1\r\nHost: weir\r\nExpect: 100-continue\r\n\(fields)\r\n")
    stage.settle()
    #expect(client.takeText() == "HTTP/1.1 100 Continue\r\n\r\n")
    stage.expect("model", inUse: 1)
    client.send(body("a"))
    stage.settle()
    stage.expect("model", inUse: 1, queued: 1)
    upstream[0].send(ok(""))
    stage.settle()
    #expect(upstream[0].text == Post.forwarded(body("a")) + Post.forwarded(body("a")))
    upstream[0].send(ok("x"))
    stage.settle()
    #expect(client.text == ok("x"))
  }

  // Goal: a body that does not come is ended by its own time, and a client that goes meanwhile by
  // its going; neither has taken anything.
  // Method: half a member.
  @Test(arguments: [true, false]) func bodyThatDoesNotCome(_ goes: Bool) throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let client = stage.client(
      "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 99\r\n\r\n" + #"{"mod"#)
    stage.run(for: .milliseconds(1990))
    stage.expect("model", inUse: 0)
    #expect(stage.endings == [])
    if goes { client.finish() } else { stage.run(for: .milliseconds(20)) }
    stage.settle()
    let ending =
      goes
      ? "client_gone_before_first_token client_closed client -"
      : "invalid_request timeout client 408"
    #expect(stage.endings == [ending])
    #expect(upstream.connections.isEmpty)
  }

  // Goal: a request that is still being read when the drain begins is refused like a new one.
  // Method: the model comes after it has begun.
  @Test func drainWhilePeeking() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let client = stage.client(
      "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 13\r\n\r\n" + #"{"model""#)
    stage.settle()
    stage.relay.drain(refusing: true) {}
    client.send(#":"a"}"#)
    stage.settle()
    expectError(client, "503 Service Unavailable", "draining")
    #expect(upstream.connections.isEmpty)
    stage.expect("model", inUse: 0)
  }
}
