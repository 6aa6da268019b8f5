// Answers as they go over the wire: every cutting, framing and encoding brings the same bytes, and
// cuts them exactly as it says.

internal import FakeKernel
internal import IO
@testable internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite struct AnswerTests {
  private let chat = OpenAIRecordings.chat

  // Goal: a body is the same however it is cut, framed and encoded. Method: all combinations of a
  // recording, taken apart by weir's own strict readers.
  @Test(arguments: ["whole", "event", "byte", "random:3", "4-per-write"])
  func everyWayBringsTheSameBody(_ chunking: String) throws {
    for framing in ["chunked", "length", "close"] {
      for encoding in ["identity", "gzip"] {
        let stage = try ProviderStage()
        let client = stage.ask(
          Requests.post(
            "/v1/chat/completions",
            [
              "x-sim-chunking: \(chunking)", "x-sim-framing: \(framing)",
              "x-sim-encoding: \(encoding)",
            ]))
        let answer = try ReceivedAnswer(client.received)
        let body = encoding == "gzip" ? try inflate(answer.payload) : answer.payload
        #expect(body == chat.body, "\(chunking) \(framing) \(encoding)")
        #expect(answer.rest.isEmpty)
        #expect(answer.isWhole == (framing != "close"))
        #expect(client.hasEnded == (framing == "close"))
        #expect(answer.field("content-encoding") == (encoding == "gzip" ? "gzip" : nil))
        #expect(answer.field("content-type") == chat.contentType)
        #expect(answer.field("connection") == (framing == "close" ? "close" : nil))
      }
    }
  }

  // Goal: each chunking cuts where it says, in chunks and in writes.
  @Test func chunkingsCutWhereTheySay() throws {
    var sizes: [Int] = []
    for (index, end) in chat.ends.enumerated() {
      sizes.append(end - (index == 0 ? 0 : chat.ends[index - 1]))
    }
    let (byEvent, eventWrites) = try cut("event")
    #expect(byEvent == sizes)
    #expect(eventWrites == sizes.count)
    let (inFours, fourWrites) = try cut("4-per-write")
    #expect(inFours == sizes)
    #expect(fourWrites == (sizes.count + 3) / 4)
    let (whole, wholeWrites) = try cut("whole")
    #expect(whole == [chat.body.count])
    #expect(wholeWrites == 1)
    let (bytes, byteWrites) = try cut("byte")
    #expect(bytes == [Int](repeating: 1, count: chat.body.count))
    #expect(byteWrites == chat.body.count)
    let (random, randomWrites) = try cut("random:5")
    #expect(random.allSatisfy { (1...128).contains($0) } && random.count == randomWrites)
    #expect(try cut("random:5").chunks == random)
    #expect(try cut("random:6").chunks != random)
  }

  private func cut(_ chunking: String) throws -> (chunks: [Int], writes: Int) {
    let stage = try ProviderStage(traceDepth: 100_000)
    let answer = try stage.answer(
      Requests.post("/v1/chat/completions", ["x-sim-chunking: \(chunking)"]))
    return (answer.chunks, stage.writes.count)
  }

  // Goal: the wire form itself, for once without a reader of ours in between.
  @Test func chunkedAnswerByteForByte() throws {
    let stage = try ProviderStage()
    let client = stage.ask(
      Requests.events(1, ["x-sim-event-bytes: 200", "x-sim-trailers: 1"]))
    let text = String(decoding: client.received, as: UTF8.self)
    let event =
      #"data: {"id":"chatcmpl-sim-0000000000","object":"chat.completion.chunk","#
      + #""created":1735689600,"model":"sim-1","choices":[{"index":0,"delta":{"content":""#
    let filler = String("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz".prefix(43))
    let whole = event + filler + "\"}}]}\n\n"
    #expect(whole.utf8.count == 200)
    var checksum = CRC32()
    let body = Array((whole + "data: [DONE]\n\n").utf8)
    checksum.update(body.span)
    let digits = String(checksum.value, radix: 16)
    let padded = String(repeating: "0", count: 8 - digits.count) + digits
    #expect(
      text == "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        + "cache-control: no-cache\r\ntransfer-encoding: chunked\r\ntrailer: x-sim-crc32\r\n"
        + "x-request-id: req_simulated_1\r\n\r\n"
        + "c8\r\n" + whole + "\r\ne\r\ndata: [DONE]\n\n\r\n0\r\nx-sim-crc32: \(padded)\r\n\r\n")
  }

  // Goal: generated events have their exact size and number, and carry the time of sending.
  @Test func generatedEventsAreNumberedAndStamped() throws {
    let stage = try ProviderStage()
    let start = stage.world.now
    let answer = try stage.answer(
      Requests.events(
        30, ["x-sim-event-bytes: 260", "x-sim-stamp: 1", "x-sim-gap: 7ms", "x-sim-ttft: 100ms"]))
    #expect(answer.chunks == [Int](repeating: 260, count: 30) + [14])
    let events = answer.text.split(separator: "\n\n")
    #expect(events.count == 31 && events.last == "data: [DONE]")
    for (number, event) in events.dropLast().enumerated() {
      let sent = start.nanoseconds + 100_000_000 + UInt64(number) * 7_000_000
      let (digits, time) = ("\(number)", "\(sent)")
      let id = String(repeating: "0", count: 10 - digits.count) + digits
      let stamp = String(repeating: "0", count: 20 - time.count) + time
      #expect(event.contains(#""id":"chatcmpl-sim-\#(id)""#))
      #expect(event.contains(#""sent_ns":"\#(stamp)""#), "event \(number): \(event)")
    }
  }

  // Goal: an event too small for what it holds is refused, with the least size.
  @Test func leastEventSizeIsTold() throws {
    let stage = try ProviderStage()
    let refused = try stage.answer(Requests.events(1, ["x-sim-event-bytes: 10"]))
    #expect(refused.head.status == 400)
    let least = try #require(refused.text.split(separator: " ").last?.prefix { $0.isNumber })
    let served = try stage.answer(Requests.events(1, ["x-sim-event-bytes: \(least)"]))
    #expect(served.head.status == 200)
    #expect(served.chunks.first == Int(least))
  }

  // Goal: the head, the first event and the others come when they were asked for, to the
  // nanosecond of a clock that only the script moves.
  @Test func pacingIsExact() throws {
    let stage = try ProviderStage()
    let start = stage.world.now
    let client = stage.connect()
    var arrivals: [UInt64] = []
    client.onChange = { [world = stage.world] _ in
      arrivals.append(world.now.nanoseconds(since: start) / 1_000_000)
    }
    client.send(
      Requests.events(
        3, ["x-sim-head-delay: 50ms", "x-sim-ttft: 200ms", "x-sim-gap: 20ms"]))
    stage.world.run(for: .seconds(1))
    #expect(Array(arrivals.drop { $0 == 0 }) == [50, 200, 220, 240, 260])
  }

  private func inflate(_ bytes: [UInt8]) throws -> [UInt8] {
    let inflate = Inflate(.gzip)
    var out: [UInt8] = []
    try inflate.push(bytes.span) { out.append(copying: $0) }
    #expect(inflate.isComplete)
    return out
  }
}

@Suite struct ChoiceTests {
  // Goal: a request gets its provider's kind of answer, by path and by what its body says.
  @Test(arguments: [
    ("/v1/chat/completions", #"{"stream":true}"#, "openai-chat/text.sse"),
    (
      "/openai/v1/chat/completions", #"{"stream":true,"stream_options":{"include_usage":true}}"#,
      "openai-chat/text-usage.sse"
    ),
    ("/v1/chat/completions", #"{"tools":[{}],"stream":true}"#, "openai-chat/tool-call.sse"),
    ("/v1/chat/completions", "{}", "openai-chat/text.json"),
    ("/v1/responses", #"{"stream":true}"#, "openai-responses/text.sse"),
    ("/v1/responses", "{}", "openai-responses/text.json"),
    ("/v1/messages", #"{"stream":true}"#, "anthropic-messages/text.sse"),
    ("/v1/messages", #"{"stream":true,"tools":[]}"#, "anthropic-messages/tool-use.sse"),
    ("/v1/messages", #"{"stream":false}"#, "anthropic-messages/text.json"),
    ("/v1beta/models/g:streamGenerateContent?alt=sse", "{}", "gemini/text.sse"),
    ("/v1beta/models/g:streamGenerateContent?key=1", "{}", "gemini/text-array.json"),
    ("/v1beta/models/g:generateContent", "{}", "gemini/text.json"),
    ("/api/chat", "{}", "ollama-chat/text.ndjson"),
    ("/api/chat", #"{"stream":false}"#, "ollama-chat/text.json"),
  ])
  func pathAndBodyChoose(_ path: String, _ body: String, _ name: String) throws {
    let stage = try ProviderStage()
    let answer = try stage.answer(Requests.post(path, body: body))
    let recording = try #require(BuiltInRecordings.named(name))
    #expect(answer.payload == recording.body)
    #expect(answer.field("content-type") == recording.contentType)
    #expect(answer.isWhole && answer.head.status == 200)
    #expect((answer.head.framing == .chunked) == recording.isStream)
  }

  // Goal: errors have the shape of the provider whose path was asked, and the status asked for.
  @Test(arguments: [
    ("/v1/chat/completions", 429, #""code":"rate_limit_exceeded""#),
    ("/v1/messages", 529, #"{"type":"error","error":{"type":"overloaded_error""#),
    ("/v1beta/models/g:generateContent", 503, #""status":"UNAVAILABLE""#),
    ("/api/chat", 500, #"{"error":"The server had an error"#),
  ])
  func errorsHaveTheProvidersShape(_ path: String, _ status: Int, _ part: String) throws {
    let stage = try ProviderStage()
    let answer = try stage.answer(Requests.post(path, ["x-sim-status: \(status)"]))
    #expect(answer.head.status == status)
    #expect(answer.text.contains(part), "\(answer.text)")
    #expect(answer.field("content-type") == "application/json")
    #expect((answer.field("retry-after") != nil) == (status != 500))
  }

  // Goal: what cannot be answered is told, and the connection serves the next request.
  @Test func refusalsLeaveTheConnectionOpen() throws {
    let stage = try ProviderStage()
    let client = stage.ask(Requests.post("/v1/messages", ["x-sim-fault: explode"]))
    let refusal = try ReceivedAnswer(client.takeReceived())
    #expect(refusal.head.status == 400)
    #expect(refusal.text.hasPrefix(#"{"type":"error","error":{"type":"invalid_request_error""#))
    #expect(refusal.text.contains("x-sim-fault: 'explode' is not allowed; allowed: "))
    client.send(Requests.get("/nowhere"))
    stage.world.run(for: .seconds(1))
    let missing = try ReceivedAnswer(client.takeReceived())
    #expect(missing.head.status == 404 && missing.text.contains("/nowhere"))
    client.send(Requests.get("/x", ["x-sim-replay: none.sse"]))
    stage.world.run(for: .seconds(1))
    #expect(try ReceivedAnswer(client.takeReceived()).text.contains("none.sse"))
    client.send(Requests.get("/"))
    stage.world.run(for: .seconds(1))
    #expect(try ReceivedAnswer(client.takeReceived()).text == SimulatorHelp.text)
    #expect(client.isOpen && !client.hasEnded)
  }

  // Goal: a folder's recordings are replayed with the index's type and status.
  @Test(.enabled(if: Corpus.folder != nil, "needs the recordings beside the package"))
  func foldersAreReplayed() throws {
    let folder = try RecordingFolder(path: try #require(Corpus.folder))
    let stage = try ProviderStage(folder: folder)
    let name = "anthropic-messages/cache-read.sse"
    let answer = try stage.answer(Requests.get("/x", ["x-sim-replay: \(name)"]))
    #expect(answer.payload == Corpus.bytes(of: name))
    #expect(answer.field("content-type") == "text/event-stream; charset=utf-8")
    #expect(answer.chunks.count == 16)
  }
}
