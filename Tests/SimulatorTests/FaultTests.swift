// Each fault does what its name says, where it says, and leaves nothing behind.

internal import FakeKernel
internal import Glibc
internal import IO
@testable internal import Simulator
internal import Testing
internal import Wire

@Suite struct FaultTests {
  private let chat = OpenAIRecordings.chat

  private func ask(
    _ stage: ProviderStage, _ fault: String, after: Int? = nil, _ more: [String] = [],
    path: String = "/v1/chat/completions"
  ) -> FakePeer {
    let position = after.map { ["x-sim-fault-after: \($0)"] } ?? []
    return stage.ask(Requests.post(path, ["x-sim-fault: \(fault)"] + position + more))
  }

  private func prefix(_ events: Int) -> [UInt8] {
    events == 0 ? [] : Array(chat.body[..<chat.ends[events - 1]])
  }

  // Goal: nothing of an answer, and the connection ends as asked.
  @Test func faultsBeforeTheHead() throws {
    let stage = try ProviderStage()
    let reset = ask(stage, "reset-before-head")
    #expect(reset.received.isEmpty && reset.failure?.code == ECONNRESET)
    let closed = ask(stage, "close-before-head")
    #expect(closed.received.isEmpty && closed.failure == nil && closed.hasEnded)
    let garbage = ask(stage, "garbage-head")
    #expect(garbage.hasEnded && !garbage.received.isEmpty)
    #expect(throws: HTTP1Error.self) {
      try ResponseHead(parsing: garbage.received, answeringHEAD: false)
    }
    #expect(stage.provider.counts.activeRequests == 0)
    #expect(stage.provider.counts.openConnections == 0)
  }

  // Goal: exactly so many events, then the end that was asked for, in every framing that can have
  // it. The length that was announced is the whole body's, so that the cut shows.
  @Test(arguments: [0, 1, 5])
  func faultsInsideTheBody(_ events: Int) throws {
    for framing in ["chunked", "length"] {
      let stage = try ProviderStage()
      for fault in ["reset", "close", "stall"] {
        let client = ask(stage, fault, after: events, ["x-sim-framing: \(framing)"])
        let answer = try ReceivedAnswer(client.received)
        #expect(answer.payload == prefix(events), "\(fault) \(framing)")
        #expect(!answer.isWhole)
        #expect(client.failure?.code == (fault == "reset" ? ECONNRESET : nil))
        #expect(client.hasEnded == (fault == "close"))
        if framing == "length" {
          #expect(answer.field("content-length") == "\(chat.body.count)")
        }
      }
      #expect(stage.provider.counts.activeRequests == 1, "the stalled one")
    }
  }

  // Goal: a truncated body ends properly and is short; the connection lives on.
  @Test func truncatedBodiesEndProperly() throws {
    for framing in ["chunked", "length"] {
      let stage = try ProviderStage()
      let client = ask(stage, "truncate", after: 3, ["x-sim-framing: \(framing)"])
      let answer = try ReceivedAnswer(client.received)
      #expect(answer.payload == prefix(3))
      #expect(answer.isWhole && client.isOpen && !client.hasEnded)
    }
  }

  // Goal: a head that dribbles comes one byte at each gap, and is then followed by a whole body.
  @Test func headsDribble() throws {
    let stage = try ProviderStage()
    let client = ask(stage, "dribble-head", ["x-sim-gap: 1ms"])
    let answer = try ReceivedAnswer(client.received)
    #expect(answer.payload == chat.body && answer.isWhole)
    let headBytes = answer.head.headers.bytes.count
    #expect(Array(stage.writes.prefix(headBytes)) == [Int](repeating: 1, count: headBytes))
    #expect(stage.writes.count == headBytes + chat.ends.count)
  }

  // Goal: a chunk without a size, behind whole ones.
  @Test func chunksTurnToGarbage() throws {
    let stage = try ProviderStage()
    let client = ask(stage, "garbage-chunk", after: 2)
    let answer = try ReceivedAnswer(client.received)
    #expect(answer.payload == prefix(2))
    #expect(answer.rest.starts(with: "no size".utf8) && client.hasEnded)
  }

  // Goal: each provider's own error event stands behind the events, and the framing ends well.
  @Test(arguments: [
    ("/v1/chat/completions", "data: {\"error\":{\"message\":\"Overloaded\""),
    ("/v1/responses", "event: error\ndata: {\"type\":\"error\""),
    (
      "/v1/messages",
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\""
    ),
    ("/v1beta/models/g:streamGenerateContent?alt=sse", "data: {\"error\":{\"code\":529"),
    ("/v1beta/models/g:streamGenerateContent", ",\r\n{\"error\":{\"code\":529"),
    ("/api/chat", "{\"error\":\"Overloaded\"}\n"),
  ])
  func errorsInsideStreams(_ path: String, _ event: String) throws {
    let stage = try ProviderStage()
    let whole = try stage.answer(Requests.post(path)).payload
    let answer = try ReceivedAnswer(ask(stage, "in-stream-error", after: 2, path: path).received)
    #expect(answer.isWhole && answer.head.status == 200)
    let start = try #require(answer.payload.lastRange(of: Array(event.utf8))?.lowerBound)
    #expect(answer.payload[..<start].elementsEqual(whole[..<start]))
    #expect(answer.chunks.count == 3)
  }

  @Test func plainBodiesHaveNoErrorEvents() throws {
    let stage = try ProviderStage()
    let answer = try stage.answer(
      Requests.post("/v1/messages", ["x-sim-fault: in-stream-error"], body: "{}"))
    #expect(answer.head.status == 400 && answer.text.contains("in-stream-error needs a stream"))
  }

  // Goal: a stream without end goes on until its client goes, and that is noticed at once.
  @Test func endlessStreamsEndWithTheirClients() throws {
    for request in [
      Requests.post("/v1/messages", ["x-sim-fault: never-ends", "x-sim-gap: 10ms"]),
      Requests.events(0, ["x-sim-gap: 10ms"]),
    ] {
      let stage = try ProviderStage()
      let client = stage.ask(request, for: .seconds(60))
      let count = try ReceivedAnswer(client.received).chunks.count
      #expect(count == 6001)
      #expect(stage.provider.counts.activeRequests == 1)
      client.close()
      stage.world.run(for: .milliseconds(1))
      #expect(stage.provider.counts.activeRequests == 0)
      #expect(stage.provider.counts.cancelledRequests == 1)
      #expect(stage.provider.counts.openConnections == 0)
    }
  }

  // Goal: the client's leaving is noticed in every phase. Method: clients that go while the
  // provider waits with the head, with the first event, is stalled, or leaves the body unread.
  @Test(arguments: [
    "x-sim-head-delay: 1m", "x-sim-ttft: 1m", "x-sim-gap: 1m", "x-sim-fault: stall",
    "x-sim-fault: dribble-head\r\nx-sim-gap: 1s", "x-sim-delay-body-read: 1m",
  ])
  func leavingIsNoticed(_ header: String) throws {
    let stage = try ProviderStage()
    let client = stage.connect()
    let request = Requests.post("/v1/messages", [header])
    client.send(header.contains("body") ? String(request.dropLast()) : request)
    stage.world.run(for: .seconds(2))
    #expect(stage.provider.counts.activeRequests == 1)
    client.reset()
    stage.world.run(for: .milliseconds(1))
    #expect(stage.provider.counts.activeRequests == 0)
    #expect(stage.provider.counts.cancelledRequests == 1)
    #expect(stage.loop.timers.count == 0)
    stage.end()
    #expect(stage.world.leftovers.count == 1, "\(stage.world)")
  }
}
