// Requests and connections: keep-alive, bodies, interim heads, echoes and tunnels; readers that
// stop, and networks that dawdle.

internal import Connections
internal import FakeKernel
internal import Foundation
@testable internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite struct ConversationTests {
  // Goal: requests on one connection are answered in order, those sent ahead too.
  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let stage = try ProviderStage()
    let client = stage.ask(
      Requests.post("/v1/messages") + Requests.post("/v1/chat/completions", body: "{}")
        + Requests.get("/x", ["x-sim-replay: gemini/text.sse"]))
    let first = try ReceivedAnswer(client.received)
    let second = try ReceivedAnswer(first.rest)
    let third = try ReceivedAnswer(second.rest)
    #expect(first.payload == AnthropicRecordings.messages.body)
    #expect(second.payload == OpenAIRecordings.chatPlain.body)
    #expect(third.payload == GeminiRecordings.events.body)
    #expect(third.rest.isEmpty && !client.hasEnded)
    #expect(stage.provider.counts.requestsTaken == 3)
    #expect(stage.provider.counts.activeRequests == 0)
  }

  // Goal: answers without a body have none, and HTTP/1.0 gets no chunks.
  @Test func bodilessAndOldAnswers() throws {
    let stage = try ProviderStage()
    let headRequest = Requests.get("/any", ["x-sim-events: 3"])
      .replacingOccurrences(of: "GET", with: "HEAD")
    let head = try ReceivedAnswer(stage.ask(headRequest).received, answeringHEAD: true)
    #expect(head.head.status == 200 && head.field("transfer-encoding") == "chunked")
    #expect(head.rest.isEmpty)
    for status in [204, 304, 302] {
      let answer = try stage.answer(Requests.events(3, ["x-sim-status: \(status)"]))
      #expect(answer.head.status == status && answer.payload.isEmpty && answer.rest.isEmpty)
    }
    let old = stage.ask(Requests.get("/any", ["x-sim-events: 3"], version: "1.0"))
    let answer = try ReceivedAnswer(old.received)
    #expect(answer.head.framing == .untilClose && old.hasEnded)
    #expect(answer.payload.count == 3 * 230 + 14)
  }

  // Goal: an interim head comes first, and 100 only when the client waits for it.
  @Test func interimHeads() throws {
    let stage = try ProviderStage()
    let hinted = try stage.answer(Requests.events(1, ["x-sim-interim: 103"]))
    #expect(hinted.interim.map(\.status) == [103])
    #expect(hinted.head.status == 200 && hinted.isWhole)
    let client = stage.connect()
    let request = Requests.post("/v1/messages", ["expect: 100-continue"], body: "{}")
    client.send(String(request.dropLast(2)))
    stage.world.run(for: .seconds(1))
    #expect(client.takeReceived() == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    client.send("{}")
    stage.world.run(for: .seconds(1))
    #expect(try ReceivedAnswer(client.received).head.status == 200)
  }

  // Goal: a body is left unread for the time asked, and read to its end afterwards. Method: a body
  // larger than all buffers on the way, of which a part stays with the client meanwhile.
  @Test func bodiesAreReadLate() throws {
    let stage = try ProviderStage()
    let body = "{\"a\":\"" + String(repeating: "x", count: 1 << 20) + "\"}"
    let client = stage.connect()
    client.send(Requests.post("/v1/messages", ["x-sim-delay-body-read: 3s"], body: body))
    stage.world.run(for: .milliseconds(2900))
    #expect(client.unsentByteCount > 1 << 19)
    #expect(client.received.isEmpty)
    stage.world.run(for: .milliseconds(200))
    #expect(client.unsentByteCount == 0)
    #expect(try ReceivedAnswer(client.received).payload == AnthropicRecordings.plain.body)
  }

  // Goal: an echo is the request, byte for byte, chunk framing included.
  @Test func echoesAreExact() throws {
    let stage = try ProviderStage()
    let request =
      "PUT /a%20b?c HTTP/1.1\r\nHOST: sim\r\nX-Odd:   spaces  \r\nx-sim-echo: 1\r\n"
      + "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nx-sum: t\r\n\r\n"
    let answer = try stage.answer(request)
    #expect(answer.text == request)
    #expect(answer.field("content-type") == "message/http")
  }

  // Goal: after a WebSocket handshake every byte comes back, those that came with it too, also
  // when the client does not read for a while.
  @Test func tunnelsEcho() throws {
    let stage = try ProviderStage()
    let client = stage.connect()
    let upgrade = [
      "connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    client.send(Requests.get("/v1/realtime", upgrade) + "early")
    stage.world.run(for: .seconds(1))
    // The key and its proof are those of RFC 6455 §1.3.
    let text = String(decoding: client.takeReceived(), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
    #expect(text.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
    #expect(text.hasSuffix("\r\n\r\nearly"))
    var random = SeededRandom(seed: 4)
    let bytes = random.bytes(1 << 20)
    client.isReading = false
    client.send(bytes)
    stage.world.run(for: .seconds(1))
    #expect(client.unsentByteCount > 0)
    client.isReading = true
    stage.world.run(for: .seconds(10))
    #expect(client.received == bytes)
    client.finish()
    stage.world.run(for: .seconds(1))
    #expect(client.hasEnded)
    #expect(stage.provider.counts.activeRequests == 0)
    #expect(stage.provider.counts.cancelledRequests == 0)
    let wrong = try stage.answer(Requests.get("/", Array(upgrade.prefix(2))))
    #expect(wrong.head.status == 400 && wrong.text.contains("Sec-WebSocket-Key"))
  }

  // Goal: what two parsers could read differently is refused, and the connection closed.
  @Test func malformedRequestsAreRefused() throws {
    let stage = try ProviderStage()
    for request in [
      "GET / HTTP/1.1\r\nhost : sim\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: sim\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
      let client = stage.ask(request)
      let answer = try ReceivedAnswer(client.received)
      #expect(answer.head.status == 400 && answer.field("connection") == "close")
      #expect(answer.isWhole && client.hasEnded)
    }
    #expect(stage.provider.counts.activeRequests == 0)
  }

  // Goal: for a client that does not read, no more than about one write waits, and the provider
  // rests; when it reads again, every event is there.
  @Test(arguments: ["event", "32-per-write", "whole", "random", "byte"])
  func slowReadersHoldTheStreamUp(_ chunking: String) throws {
    let stage = try ProviderStage()
    let client = stage.connect()
    client.isReading = false
    client.send(Requests.events(2_000, ["x-sim-chunking: \(chunking)"]))
    #expect(stage.world.run(for: .seconds(1)) == .deadline)
    let exchange = try #require(stage.provider.exchanges.members.first)
    #expect(exchange.connection.queuedBytes > 0)
    #expect(exchange.connection.queuedBytes <= 2 * BodyStream.writeBytes)
    let calls = stage.world.trace.count
    stage.world.run(for: .seconds(1))
    #expect(stage.world.trace.count <= calls + 4)
    client.isReading = true
    stage.world.run(for: .seconds(100)) { stage.provider.counts.activeRequests == 0 }
    stage.world.run(for: .seconds(1))
    let answer = try ReceivedAnswer(client.received)
    #expect(answer.isWhole && answer.payload.count == 2_000 * 230 + 14)
    #expect(answer.payload == EventsMadeAgain.body(2_000))
  }

  // Goal: the same bytes over networks that cut, delay and refuse. Method: many seeds, each with
  // weather and a scenario of its own; what was received is compared with the recording.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func bytesArriveInAnyWeather(_ seed: UInt64) throws {
    let stage = try ProviderStage(seed: seed, weather: .drawn(from: seed, upTo: .breezy))
    var random = SeededRandom(seed: seed)
    let chunkings = ["whole", "event", "byte", "random:\(seed)", "5-per-write"]
    let chunking = chunkings.randomElement(using: &random)!
    let framing = ["chunked", "length", "close"].randomElement(using: &random)!
    let gap = ["0ms", "1ms", "30us"].randomElement(using: &random)!
    let client = stage.connect()
    client.send(
      Requests.post(
        "/v1/messages",
        ["x-sim-chunking: \(chunking)", "x-sim-framing: \(framing)", "x-sim-gap: \(gap)"]))
    stage.world.run(for: .seconds(300))
    let answer = try ReceivedAnswer(client.received)
    #expect(
      answer.payload == AnthropicRecordings.messages.body,
      "\(chunking) \(framing) \(gap)\n\(stage.world)")
    #expect(stage.provider.counts.activeRequests == 0)
    client.close()
    stage.end()
    stage.world.run(for: .seconds(300))
    #expect(stage.provider.counts.openConnections == 0)
    #expect(stage.world.kernel.misuses.isEmpty)
  }
}

/// Generated events, made without the code under test.
private enum EventsMadeAgain {
  static func body(_ count: Int) -> [UInt8] {
    var body: [UInt8] = []
    let members =
      #"","object":"chat.completion.chunk","created":1735689600,"model":"sim-1","#
      + #""choices":[{"index":0,"delta":{"content":""#
    let letters = Array("abcdefghijklmnopqrstuvwxyz".utf8)
    for number in 0..<count {
      let digits = "\(number)"
      let id = String(repeating: "0", count: 10 - digits.count) + digits
      let start = Array((#"data: {"id":"chatcmpl-sim-"# + id + members).utf8)
      let end = Array("\"}}]}\n\n".utf8)
      body += start + (0..<230 - start.count - end.count).map { letters[$0 % 26] } + end
    }
    return body + Array("data: [DONE]\n\n".utf8)
  }
}
