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
  // Goal: a request in a message goes upstream as one over HTTP would, body byte for byte, and its
  // stream comes back event by event, then its end; the books have one exchange.
  @Test func start() throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    #expect(socket.head.hasPrefix("HTTP/1.1 101 "))
    socket.say(SocketScenario.start)
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
    socket.say(SocketScenario.start)
    socket.say(SocketScenario.start.replacing("\"a\"", with: "\"b\""))
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
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(SocketScenario.start)
    socket.say(SocketScenario.start.replacing("\"a\"", with: "\"b\""))
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
    let (stage, socket, upstream, id) = try SocketScenario.streaming(
      .keeping(continues: true), loopCount: 2)
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
    let (stage, socket, upstream, _) = try SocketScenario.streaming()
    defer { stage.close() }
    socket.peer.reset()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings.map { $0.hasPrefix("client_gone_") } == [true])
  }

  // Goal: `stop` ends the stream at the provider, for all who read it.
  @Test func stop() throws {
    let (stage, socket, upstream, id) = try SocketScenario.streaming()
    defer { stage.close() }
    socket.say(#"{"type":"stop","id":"s","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["stopped", "error cut"])
    #expect(upstream[0].seenEnd != "open")
  }

  // Goal: a paused stream goes on into its log, and comes from there when it is wanted again.
  @Test func pause() throws {
    let (stage, socket, upstream, id) = try SocketScenario.streaming()
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
    let (stage, socket, upstream, id) = try SocketScenario.streaming(.keeping(continues: continues))
    defer { stage.close() }
    socket.say(#"{"type":"unsubscribe","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["unsubscribed"])
    #expect((upstream[0].seenEnd == "open") == continues)
    socket.say(#"{"type":"unsubscribe","stream":"\#(id)"}"#)
    #expect(try socket.heard() == ["error unknown"])
  }

  // Goal: an answer that is no stream arrives too: a refusal as an error with its status and body.
  @Test func otherAnswers() throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(SocketScenario.start)
    upstream[0].send("HTTP/1.1 429 No\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
    stage.settle()
    let refusal = try #require(try socket.messages().first)
    #expect(SocketClient.line(refusal) == "error  429")
    #expect(refusal["body"] as? String == "{\"a\":1}")
    #expect(refusal["id"] as? String == "a")
    socket.say(SocketScenario.start)
    upstream[0].send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
    stage.settle()
    #expect(try socket.heard() == ["chunk 1 body", "done 1"])
    socket.say(SocketScenario.start)
    upstream[0].reset()
    stage.settle()
    #expect(try socket.heard() == ["error  502"])
  }

  // Goal: limits hold for messages as for requests.
  @Test func limits() throws {
    let limit = LimitOptions(name: "one", maxStreams: 1)
    let (stage, upstream) = try SocketScenario.stage(
      .keeping {
        $0.limits = [limit]
        $0.routes[0].limits = ["one"]
      })
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(SocketScenario.start)
    upstream[0].send(eventHead)
    stage.settle()
    socket.say(SocketScenario.start)
    #expect(try socket.heard() == ["started", "error  429"])
  }

  // Goal: text alone, where a client wants that, in steps of so many characters and so much time.
  @Test func pacing() throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    let pacing = #","pacing":{"chunk_chars":4,"delay_ms":100}}"#
    socket.say(String(SocketScenario.start.dropLast()) + pacing)
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
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(String(SocketScenario.start.dropLast()) + #","format":"text"}"#)
    let events = [#"{"reasoning_content":"hm"}"#, #"{"content":"Hi"}"#, "{}"]
    let body = events.map { #"data: {"choices":[{"delta":\#($0)}]}"# + "\n\n" }.joined()
    upstream[0].send(eventHead + chunk(body) + lastChunk)
    stage.settle()
    #expect(try socket.heard() == ["started", "chunk 2 Hi", "done 3"])
  }

  // Goal: `raw` brings every byte.
  @Test func raw() throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(String(SocketScenario.start.dropLast()) + #","format":"raw"}"#)
    let body = ": a\n\nid: 7\r\ndata: 1\r\n\r\ndata: 2\n\n: end"
    upstream[0].send(eventHead + chunk(body) + lastChunk)
    stage.settle()
    let data = try socket.messages().compactMap { $0["data"] as? String }
    #expect(data.joined() == body)
    #expect(data.count == 3)
  }

  // Goal: the simple form: one body in, chunks, the end, and a proper close.
  @Test func simpleForm() throws {
    let (stage, upstream) = try SocketScenario.stage(
      .keeping { $0.routes[0].hub?.takesMessages = true })
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

  // Goal: a drain lets streams end, takes no new ones, and closes sockets with 1001.
  @Test func drain() throws {
    let (stage, socket, upstream, _) = try SocketScenario.streaming()
    defer { stage.close() }
    let idle = SocketClient(stage)
    var isDrained = false
    stage.relay.drain(refusing: true) { isDrained = true }
    stage.settle()
    #expect(try idle.heard() == ["close 1001"])
    socket.say(SocketScenario.start)
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
    let (stage, _) = try SocketScenario.stage()
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
