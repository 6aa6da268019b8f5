// The hub's WebSocket: streams begun and read by messages, several on one socket.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing
internal import Wire

@Suite struct SocketTests {
  private static let start =
    #"{"type":"start","id":"a","path":"/v1/x","body":{"stream":true,"n":1.50},"headers":{"Authorization":"Bearer k"}}"#

  private func stage(
    _ options: RelayOptions = .keeping(), loopCount: Int = 1
  ) throws -> (stage: RelayHarness, upstream: ScriptedUpstream) {
    let stage = try RelayHarness(options, loopCount: loopCount)
    return (stage, try stage.upstream())
  }

  /// A socket with one stream, of which three events have come.
  private func streaming(
    _ options: RelayOptions = .keeping(), loopCount: Int = 1
  ) throws -> (stage: RelayHarness, socket: SocketClient, upstream: ScriptedUpstream, id: String) {
    let (stage, upstream) = try stage(options, loopCount: loopCount)
    let socket = SocketClient(stage)
    socket.say(Self.start)
    upstream[0].send(eventHead + chunk(events(3)))
    stage.settle()
    let messages = try socket.messages()
    #expect(messages.map(SocketClient.line) == ["started"] + chunkLines(1...3))
    let id = try #require(messages.first?["stream"] as? String)
    #expect(messages.first?["id"] as? String == "a")
    #expect(messages.dropFirst().allSatisfy { $0["stream"] as? String == id })
    return (stage, socket, upstream, id)
  }

  // Goal: a request in a message goes upstream as one over HTTP would, body byte for byte, and its
  // stream comes back event by event, then its end; the books have one exchange.
  @Test func start() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    #expect(socket.head.hasPrefix("HTTP/1.1 101 "))
    socket.say(Self.start)
    #expect(
      upstream[0].takeText()
        == "POST /v1/x HTTP/1.1\r\nHost: up.test\r\nAuthorization: Bearer k\r\n"
        + "Content-Type: application/json\r\nAccept-Encoding: identity\r\nContent-Length: 24\r\n\r\n"
        + #"{"stream":true,"n":1.50}"#)
    upstream[0].send(eventHead + chunk(": ping\n\nevent: e\ndata: a\ndata: \"b\"\n\n"))
    stage.settle()
    let chunk1 = try #require(try socket.messages().last)
    #expect(chunk1["data"] as? String == "a\n\"b\"")
    #expect(chunk1["event"] as? String == "e")
    upstream[0].send(chunk(events(1, from: 2)) + lastChunk)
    stage.settle()
    #expect(try socket.heard() == chunkLines(2...2) + ["done 2"])
    #expect(stage.endings == ["completed - - 200"])
    socket.say(close: 1000)
    #expect(try socket.heard() == ["close 1000"])
  }

  // Goal: the first event of a stream may come while its socket has no room.
  // Method: two streams, of which one has filled the socket when the other one begins.
  @Test func firstEventForFullSocket() throws {
    var weather = Weather.calm
    weather.sendBufferBytes = 4096...4096
    weather.receiveBufferBytes = 4096...4096
    let options = RelayOptions.keeping { $0.hub.socket.queueLimitBytes = 1000 }
    let stage = try RelayHarness(options, weather: weather)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let socket = SocketClient(stage)
    socket.say(Self.start)
    socket.say(Self.start.replacing("\"a\"", with: "\"b\""))
    socket.peer.isReading = false
    let text = { (count: Int) in
      "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: count))\"}}]}\n\n"
    }
    for (index, count) in [30_000, 1].enumerated() {
      upstream[index].send(eventHead + chunk(text(count)))
      stage.settle()
    }
    socket.peer.isReading = true
    for index in 0...1 { upstream[index].send(chunk("data: [DONE]\n\n") + lastChunk) }
    stage.settle()
    let done = try socket.heard().filter { $0.hasPrefix("done") }
    #expect(done == ["done 2", "done 2"])
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: several streams share a socket, each in its own order.
  // Method: two requests, whose events come by turns.
  @Test func merged() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(Self.start)
    socket.say(Self.start.replacing("\"a\"", with: "\"b\""))
    for connection in [0, 1] { upstream[connection].send(eventHead) }
    stage.settle()
    let ids = try socket.messages().compactMap { $0["stream"] as? String }
    #expect(Set(ids).count == 2)
    for number in 1...3 {
      for connection in [1, 0] { upstream[connection].send(chunk(events(1, from: number))) }
      stage.settle()
    }
    let messages = try socket.messages()
    for id in ids {
      let own = messages.filter { $0["stream"] as? String == id }
      #expect(own.map(SocketClient.line) == chunkLines(1...3))
    }
  }

  // Goal: a lost socket loses nothing: another one, on any loop, goes on after the last event seen.
  @Test(arguments: 0...3)
  func resume(_ after: Int) throws {
    let (stage, socket, upstream, id) = try streaming(.keeping(continues: true), loopCount: 2)
    defer { stage.close() }
    socket.peer.reset()
    stage.settle()
    #expect(stage.endings == [])
    for _ in 0..<4 {
      let next = SocketClient(stage, "/weir/ws", "Authorization: Bearer k\r\n")
      next.say(#"{"type":"subscribe","stream":"\#(id)","after":\#(after)}"#)
      #expect(
        try next.heard() == ["subscribed \(after)"] + (after < 3 ? chunkLines(after + 1...3) : []))
    }
    upstream[0].send(chunk(events(1, from: 4)) + lastChunk)
    stage.settle()
    let last = SocketClient(stage)
    last.say(
      #"{"type":"subscribe","stream":"\#(id)","after":\#(after),"headers":{"authorization":"Bearer k"}}"#
    )
    #expect(try last.heard() == ["subscribed \(after)"] + chunkLines(after + 1...4) + ["done 4"])
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a socket that goes is a client that goes: its streams stop unless their route says no.
  @Test func socketGone() throws {
    let (stage, socket, upstream, _) = try streaming()
    defer { stage.close() }
    socket.peer.reset()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings.map { $0.hasPrefix("client_gone_") } == [true])
  }

  // Goal: a stream is its maker's; who else asks is told so, and nobody notices.
  @Test func credentials() throws {
    let (stage, socket, upstream, id) = try streaming()
    defer { stage.close() }
    let other = SocketClient(stage)
    other.say(#"{"type":"subscribe","stream":"\#(id)"}"#)
    other.say(#"{"type":"stop","stream":"\#(id)"}"#)
    other.say(#"{"type":"hello","headers":{"Authorization":"Bearer wrong"}}"#)
    other.say(#"{"type":"subscribe","stream":"\#(id)"}"#)
    other.say(#"{"type":"subscribe","stream":"00000000000000000000000000000000"}"#)
    other.say(#"{"type":"hello","headers":{"Authorization":"Bearer k"}}"#)
    other.say(#"{"type":"subscribe","stream":"\#(id)","after":2}"#)
    #expect(
      try other.heard() == [
        "error forbidden", "error forbidden", "ready", "error forbidden", "error unknown", "ready",
        "subscribed 2", "chunk 3 {\"n\":3}",
      ])
    upstream[0].send(chunk(events(1, from: 4)))
    stage.settle()
    #expect(try socket.heard() == chunkLines(4...4))
    #expect(stage.endings == [])
  }

  // Goal: `stop` ends the stream at the provider, for all who read it.
  @Test func stop() throws {
    let (stage, socket, upstream, id) = try streaming()
    defer { stage.close() }
    socket.say(#"{"type":"stop","id":"s","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["stopped", "error cut"])
    #expect(upstream[0].seenEnd != "open")
  }

  // Goal: a paused stream goes on into its log, and comes from there when it is wanted again.
  @Test func pause() throws {
    let (stage, socket, upstream, id) = try streaming()
    defer { stage.close() }
    socket.say(#"{"type":"pause","stream":"\#(id)"}"#)
    upstream[0].send(chunk(events(2, from: 4)))
    stage.settle()
    #expect(try socket.heard() == [])
    socket.say(#"{"type":"resume","stream":"\#(id)"}"#)
    #expect(try socket.heard() == chunkLines(4...5))
    socket.say(#"{"type":"pause"}"#)
    upstream[0].send(chunk(events(1, from: 6)) + lastChunk)
    stage.settle()
    socket.say(#"{"type":"resume"}"#)
    #expect(try socket.heard() == chunkLines(6...6) + ["done 6"])
  }

  // Goal: `unsubscribe` ends the messages of a stream; for its maker it is leaving.
  @Test(arguments: [true, false])
  func unsubscribe(_ continues: Bool) throws {
    let (stage, socket, upstream, id) = try streaming(.keeping(continues: continues))
    defer { stage.close() }
    socket.say(#"{"type":"unsubscribe","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["unsubscribed"])
    #expect((upstream[0].seenEnd == "open") == continues)
    socket.say(#"{"type":"unsubscribe","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["error unknown"])
  }

  // Goal: what is no command is answered as a message, and the socket lives on.
  @Test(arguments: [
    ("{", "error bad_json"), ("[]", "error invalid_request"), ("{}", "error invalid_request"),
    (#"{"type":"dance"}"#, "error unknown_command"),
    (#"{"type":"start"}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","what":1}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x y"}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"a":"b\r\nc: d"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"a: b\r\nc":"d"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"Content-Length":"5"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","method":"CONNECT"}"#, "error invalid_request"),
    (#"{"type":"subscribe","stream":"nonsense"}"#, "error unknown"),
    (#"{"type":"subscribe","after":1}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","format":"raw","pacing":{}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","pacing":{"chunk_chars":0}}"#, "error invalid_request"),
  ])
  func badCommands(_ text: String, _ answer: String) throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(text)
    #expect(try socket.heard() == [answer])
    #expect(upstream.connections.isEmpty)
    socket.say(#"{"type":"hello","id":"still here"}"#)
    #expect(try socket.messages().first?["id"] as? String == "still here")
    #expect(stage.endings == [])
  }

  // Goal: what `hello` brings can end no line either.
  @Test func badDefaults() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(#"{"type":"hello","headers":{"Authorization":"a\r\nTransfer-Encoding: chunked"}}"#)
    socket.say(#"{"type":"start","path":"/x","body":{}}"#)
    #expect(try socket.heard() == ["ready", "error invalid_request"])
    #expect(upstream.connections.isEmpty)
  }

  // Goal: a socket ends with the code of RFC 6455, and its neighbour does not notice.
  @Test func badFrames() throws {
    let (stage, socket, upstream, _) = try streaming(
      .keeping { $0.hub.socket.messageLimitBytes = 1_000 })
    defer { stage.close() }
    let (binary, long) = (SocketClient(stage), SocketClient(stage))
    binary.say("x", opcode: .binary)
    long.say(String(repeating: "x", count: 1_001))
    #expect(try binary.heard() == ["close 1003"])
    #expect(try long.heard() == ["close 1009"])
    upstream[0].send(chunk(events(1, from: 4)))
    stage.settle()
    #expect(try socket.heard() == chunkLines(4...4))
  }

  // Goal: an answer that is no stream arrives too: a refusal as an error with its status and body.
  @Test func otherAnswers() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(Self.start)
    upstream[0].send("HTTP/1.1 429 No\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
    stage.settle()
    let refusal = try #require(try socket.messages().first)
    #expect(SocketClient.line(refusal) == "error  429")
    #expect(refusal["body"] as? String == "{\"a\":1}")
    #expect(refusal["id"] as? String == "a")
    socket.say(Self.start)
    upstream[0].send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
    stage.settle()
    #expect(try socket.heard() == ["chunk 1 body", "done 1"])
    socket.say(Self.start)
    upstream[0].reset()
    stage.settle()
    #expect(try socket.heard() == ["error  502"])
  }

  // Goal: limits hold for messages as for requests.
  @Test func limits() throws {
    let limit = LimitOptions(name: "one", maxStreams: 1)
    let (stage, upstream) = try stage(
      .keeping {
        $0.limits = [limit]
        $0.routes[0].limits = ["one"]
      })
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(Self.start)
    upstream[0].send(eventHead)
    stage.settle()
    socket.say(Self.start)
    #expect(try socket.heard() == ["started", "error  429"])
  }

  // Goal: a client that does not read holds up its own streams and their providers, within bounds,
  // and nobody else.
  @Test func clientThatDoesNotRead() throws {
    let (stage, socket, upstream, id) = try streaming(
      .keeping {
        $0.hub.socket.queueLimitBytes = 32_768
        $0.hub.socket.pingInterval = .seconds(600)
        $0.server.slowClientTimeout = .seconds(60)
        $0.upstreams[0].idleTimeout = .seconds(600)
      })
    defer { stage.close() }
    let other = SocketClient(stage, "/weir/ws", "Authorization: Bearer k\r\n")
    other.say(#"{"type":"subscribe","stream":"\#(id)","after":3}"#)
    socket.peer.isReading = false
    let big = "data: \"" + String(repeating: "x", count: 1_000) + "\"\n\n"
    for _ in 0..<2_000 { upstream[0].send(chunk(big)) }
    var most = 0
    stage.run(for: .seconds(20)) {
      most = max(most, stage.relay.subscriberBytes)
      return false
    }
    #expect(most < 100_000)
    #expect(upstream[0].unsentByteCount > 0)
    socket.peer.isReading = true
    stage.run(for: .seconds(5))
    #expect(try socket.messages().count == 2_000)
    #expect(try other.messages().count == 2_001)
  }

  // Goal: text alone, where a client wants that, in steps of so many characters and so much time.
  @Test func pacing() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    let pacing = #","pacing":{"chunk_chars":4,"delay_ms":100}}"#
    socket.say(String(Self.start.dropLast()) + pacing)
    let texts = ["Grü", "ße, W", "elt \u{1F469}", "\u{200D}\u{1F680}!", ""]
    let body = texts.map { #"data: {"choices":[{"delta":{"content":"\#($0)"}}]}"# + "\n\n" }
      .joined()
    upstream[0].send(eventHead + chunk(body + "data: [DONE]\n\n") + lastChunk)
    stage.settle()
    #expect(try socket.heard() == ["started", "chunk 1 2 Grüß"])
    stage.run(for: .milliseconds(99))
    #expect(try socket.heard() == [])
    stage.run(for: .milliseconds(2))
    #expect(try socket.heard() == ["chunk 2 e, W"])
    stage.run(for: .milliseconds(300))
    let last = "chunk 6 \u{1F469}\u{200D}\u{1F680}!"
    #expect(try socket.heard() == ["chunk 2 4 elt ", last, "done 6"])
  }

  // Goal: text without pacing comes event by event, reasoning and format left out.
  @Test func text() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(String(Self.start.dropLast()) + #","format":"text"}"#)
    let events = [#"{"reasoning_content":"hm"}"#, #"{"content":"Hi"}"#, "{}"]
    let body = events.map { #"data: {"choices":[{"delta":\#($0)}]}"# + "\n\n" }.joined()
    upstream[0].send(eventHead + chunk(body) + lastChunk)
    stage.settle()
    #expect(try socket.heard() == ["started", "chunk 2 Hi", "done 3"])
  }

  // Goal: `raw` brings every byte.
  @Test func raw() throws {
    let (stage, upstream) = try stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(String(Self.start.dropLast()) + #","format":"raw"}"#)
    let body = ": a\n\nid: 7\r\ndata: 1\r\n\r\ndata: 2\n\n: end"
    upstream[0].send(eventHead + chunk(body) + lastChunk)
    stage.settle()
    let data = try socket.messages().compactMap { $0["data"] as? String }
    #expect(data.joined() == body)
    #expect(data.count == 3)
  }

  // Goal: the simple form: one body in, chunks, the end, and a proper close.
  @Test func simpleForm() throws {
    let (stage, upstream) = try stage(.keeping { $0.routes[0].hub?.takesMessages = true })
    defer { stage.close() }
    let socket = SocketClient(
      stage, "/v1/chat?x=1", "Authorization: Bearer k\r\nAccept-Encoding: gzip\r\n")
    socket.say(#"{"stream": true}"#)
    #expect(
      upstream[0].takeText()
        == "POST /v1/chat?x=1 HTTP/1.1\r\nHost: up.test\r\nAuthorization: Bearer k\r\n"
        + "Content-Type: application/json\r\nAccept-Encoding: identity\r\nContent-Length: 16\r\n\r\n"
        + #"{"stream": true}"#)
    upstream[0].send(eventHead + chunk(events(2)) + lastChunk)
    stage.settle()
    #expect(try socket.heard() == ["started"] + chunkLines(1...2) + ["done 2", "close 1000"])
    let refused = SocketClient(stage, "/v1/chat")
    refused.say("no json")
    #expect(try refused.heard() == ["error bad_json", "close 1008"])
  }

  // Goal: who may not, or asks wrongly, gets a status.
  @Test func refusedHandshakes() throws {
    let (stage, _) = try stage(
      .keeping { $0.hub.crossOrigin.origins = [Array("https://a.b".utf8)] })
    defer { stage.close() }
    let cases = [
      ("Origin: https://evil.example\r\n", "403"), ("Origin: https://a.b\r\n", "101"),
      ("Origin: http://weir\r\n", "101"), ("", "101"),
    ]
    for (fields, status) in cases {
      #expect(SocketClient(stage, "/weir/ws", fields).head.hasPrefix("HTTP/1.1 \(status) "))
    }
    let plain = stage.client(Get.asked("/weir/ws"))
    let old = stage.client(
      SocketClient.handshake().replacing("Version: 13", with: "Version: 8"))
    stage.settle()
    #expect(plain.text.hasPrefix("HTTP/1.1 400 "))
    #expect(old.text.hasPrefix("HTTP/1.1 426 "))
    #expect(old.text.contains("Sec-WebSocket-Version: 13\r\n"))
  }

  // Goal: a drain lets streams end, takes no new ones, and closes sockets with 1001.
  @Test func drain() throws {
    let (stage, socket, upstream, _) = try streaming()
    defer { stage.close() }
    let idle = SocketClient(stage)
    var isDrained = false
    stage.relay.drain(refusing: true) { isDrained = true }
    stage.settle()
    #expect(try idle.heard() == ["close 1001"])
    socket.say(Self.start)
    #expect(try socket.heard() == ["error draining"])
    upstream[0].send(lastChunk)
    stage.settle()
    #expect(try socket.heard() == ["done 3", "close 1001"])
    socket.say(close: 1001)
    idle.say(close: 1001)
    stage.run(for: .seconds(3))
    #expect(isDrained)
  }

  // Goal: the script and the page are there.
  @Test func pages() throws {
    let (stage, _) = try stage()
    defer { stage.close() }
    for (path, type) in [("/weir/weir.js", "text/javascript"), ("/weir/example", "text/html")] {
      let client = stage.client(Get.asked(path))
      stage.settle()
      #expect(client.answer.status == "200")
      #expect(client.answer.field("content-type")?.hasPrefix(type) == true)
      #expect(client.answer.isWhole)
      #expect(client.answer.body.contains("Weir"))
    }
  }
}
