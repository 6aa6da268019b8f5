// What a client that lost its connection gets when it asks for the rest.

internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct ResumeTests {
  /// A stream of three events, still running, and its client.
  private func stage(
    _ options: RelayOptions = .keeping(), loopCount: Int = 1, request: String = Get.asked()
  ) throws -> (stage: RelayHarness, client: FakePeer, upstream: ScriptedUpstream) {
    let stage = try RelayHarness(options, loopCount: loopCount)
    let upstream = try stage.upstream()
    let client = stage.client(request)
    stage.settle()
    upstream[0].send(eventHead + chunk(events(3)))
    stage.settle()
    return (stage, client, upstream)
  }

  // Goal: the client's own answer is what upstream sent, but for the one field more.
  // Method: compare every byte.
  @Test func originalIsUntouched() throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    upstream[0].send(lastChunk)
    stage.settle()
    let id = client.streamID
    #expect(id.count == 32)
    let head = eventHead.replacing("\r\n\r\n", with: "\r\nx-weir-stream: \(id)\r\n\r\n")
    #expect(client.text == head + chunk(events(3)) + lastChunk)
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: what follows event n comes, then what is new, then the proper end; live and afterwards.
  // Method: one reader joins while the stream runs, one after its end, at every event.
  @Test(arguments: 0...5, [1, 2])
  func everyEvent(_ event: Int, _ loops: Int) throws {
    let (stage, client, upstream) = try stage(loopCount: loops)
    defer { stage.close() }
    let live = stage.resume(client.streamID, after: event)
    upstream[0].send(chunk(events(2, from: 4)))
    stage.settle()
    let rest = events(5 - event, from: event + 1)
    #expect(live.answer.body == rest)
    #expect(!live.answer.isWhole)
    upstream[0].send(lastChunk)
    stage.settle()
    #expect(live.answer.isWhole)
    #expect(live.answer.field("content-type") == "text/event-stream")
    let later = stage.resume(client.streamID, "Last-Event-ID: \(event)\r\n", query: "ids=0")
    #expect(later.answer.body == rest)
    #expect(later.answer.isWhole)
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: weir's ids are there where they are asked for, and a provider's stay.
  // Method: the same stream asked for in each way.
  @Test func numbers() throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    upstream[0].send(chunk(": ping\n\nid: theirs\ndata: 4\n\n: bye") + lastChunk)
    stage.settle()
    let numbered =
      "data: {\"n\":3}\nid: 3\n\n: ping\n\nid: theirs\ndata: 4\nid: 4\n\n: bye"
    let id = client.streamID
    #expect(stage.resume(id, "Last-Event-ID: 2\r\n").answer.body == numbered)
    #expect(stage.resume(id, after: 2, query: "ids=1").answer.body == numbered)
    let plain = numbered.replacing("\nid: 3", with: "").replacing("\nid: 4", with: "")
    #expect(stage.resume(id, after: 2).answer.body == plain)
    // A parameter outranks the field, which a browser sends by itself.
    #expect(stage.resume(id, after: 2, "Last-Event-ID: 0\r\n").answer.body == numbered)
  }

  // Goal: an event that has come in part is brought whole where it is numbered, and as it comes
  // where it is not.
  @Test func partOfAnEvent() throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    let (plain, numbered) = (
      stage.resume(client.streamID, after: 3), stage.resume(client.streamID, "Last-Event-ID: 3\r\n")
    )
    upstream[0].send(chunk("data: fo"))
    stage.settle()
    #expect(plain.answer.body == "data: fo")
    #expect(numbered.answer.body == "")
    upstream[0].send(chunk("ur\n\n"))
    stage.settle()
    #expect(plain.answer.body == "data: four\n\n")
    #expect(numbered.answer.body == "data: four\nid: 4\n\n")
  }

  // Goal: who has another credential gets nothing, and stops nothing.
  @Test(arguments: ["", "Authorization: Bearer b\r\n", "x-api-key: Bearer a\r\n"])
  func credential(_ other: String) throws {
    let mine = "Authorization: Bearer a\r\n"
    let (stage, client, upstream) = try stage(request: Get.asked("/", mine))
    defer { stage.close() }
    let id = client.streamID
    #expect(stage.resume(id, after: 0, other).answer.status == "403")
    let stopper = stage.client("DELETE /weir/streams/\(id) HTTP/1.1\r\nHost: weir\r\n\(other)\r\n")
    stage.settle()
    #expect(stopper.answer.status == "403")
    #expect(upstream[0].seenEnd == "open")
    #expect(stage.resume(id, after: 2, mine).answer.body == events(1, from: 3))
  }

  // Goal: each absence is told with its reason.
  @Test func absences() throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    func reason(_ id: String) -> String {
      let answer = stage.resume(id, after: 0).answer
      return "\(answer.status) \(answer.field("x-weir-error") ?? "-")"
    }
    #expect(reason("0123456789abcdef0123456789abcdef") == "410 unknown")
    #expect(reason("nonsense") == "410 unknown")
    upstream[0].send(lastChunk)
    stage.settle()
    #expect(reason(client.streamID) == "200 -")
    stage.run(for: .seconds(61))
    #expect(reason(client.streamID) == "410 expired")
  }

  // Goal: what is compressed is told apart; its answer passes as ever.
  @Test func encoded() throws {
    let stage = try RelayHarness(.keeping(continues: true))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(
      eventHead.replacing("text/event-stream", with: "text/event-stream\r\nContent-Encoding: gzip")
        + chunk("\u{1f}garbage"))
    stage.settle()
    #expect(client.answer.body == "\u{1f}garbage")
    #expect(stage.resume(client.streamID).answer.field("x-weir-error") == "encoded")
    // Nobody could read on, so nobody pays on.
    client.close()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.resume(client.streamID).answer.field("x-weir-error") == "encoded")
  }

  // Goal: a stream whose beginning had to go can be resumed from what is left alone.
  @Test func evicted() throws {
    let (stage, client, upstream) = try stage(.keeping { $0.hub.bounds.streamBytes = 20_000 })
    defer { stage.close() }
    upstream[0].send(chunk(events(3000, from: 4)))
    stage.settle()
    #expect(stage.resume(client.streamID, after: 3).answer.field("x-weir-error") == "evicted")
    #expect(stage.resume(client.streamID, after: 2990).answer.body == events(13, from: 2991))
    #expect(client.answer.body == events(3003))
  }

  // Goal: a stream that broke off ends for readers as it did for its client: so that they can tell.
  @Test(arguments: ["1.1", "1.0"])
  func brokenOff(_ version: String) throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    let target = "/weir/streams/\(client.streamID)?after=1"
    let live = stage.client(Get.asked(target, version: version))
    stage.settle()
    upstream[0].close()
    stage.settle()
    let later = stage.client(Get.asked(target, version: version))
    stage.settle()
    stage.run(for: .seconds(3))
    for reader in [live, later] {
      #expect(reader.answer.body == events(2, from: 2))
      #expect(!reader.answer.isWhole)
      #expect(reader.seenEnd == (version == "1.0" ? "reset" : "fin"))
    }
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: the connection of a reader serves its next request, of whatever kind.
  @Test func connectionGoesOn() throws {
    let (stage, client, upstream) = try stage()
    defer { stage.close() }
    upstream[0].send(lastChunk)
    stage.settle()
    let target = "/weir/streams/\(client.streamID)?after=3"
    let reader = stage.client(Get.asked(target) + Get.asked(target) + Get.asked("/other"))
    stage.settle()
    upstream[0].send(ok("other"))
    stage.settle()
    #expect(reader.text.contains("x-weir-stream: \(client.streamID)"))
    #expect(reader.text.hasSuffix(ok("other")))
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: answers that are no streams are not kept, and say so by their silence.
  @Test func otherAnswers() throws {
    let stage = try RelayHarness(.keeping())
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked() + Get.asked())
    stage.settle()
    let answer = ok("{}", "Content-Type: application/json\r\n")
    upstream[0].send(answer)
    stage.settle()
    let error = "HTTP/1.1 500 E\r\nContent-Type: text/event-stream\r\nContent-Length: 1\r\n\r\nx"
    upstream[0].send(error)
    stage.settle()
    #expect(client.text == answer + error)
    #expect(stage.streams.figures.streams == 0)
  }

  // Goal: where no route keeps streams, weir has no paths of its own.
  @Test func off() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/weir/streams/x"))
    stage.settle()
    #expect(upstream[0].text == Get.forwarded("/weir/streams/x"))
    upstream[0].send(eventHead + lastChunk)
    stage.settle()
    #expect(client.text == eventHead + lastChunk)
  }

  // Goal: requests that make no sense are refused, each with its status.
  @Test func refusals() throws {
    let (stage, client, _) = try stage()
    defer { stage.close() }
    func status(_ request: String) -> String {
      let client = stage.client(request)
      stage.settle()
      return client.answer.status
    }
    let id = client.streamID
    #expect(status(Get.asked("/weir/other")) == "404")
    #expect(status(Get.asked("/weir/streams/\(id)?after=x")) == "400")
    #expect(status(Get.asked("/weir/streams/\(id)?after=99999999999999999999")) == "400")
    #expect(status(Get.asked("/weir/streams/\(id)", "Last-Event-ID: -1\r\n")) == "400")
    #expect(status(Post.asked("x", path: "/weir/streams/\(id)")) == "405")
    // HEAD is answered without a body, so that the connection serves on.
    let asked = Get.asked("/weir/streams/\(id)?after=x")
    let head = stage.client(asked.replacing("GET", with: "HEAD") + asked)
    stage.settle()
    let answers = head.text.split(separator: "HTTP/1.1 ")
    #expect(answers.map { $0.prefix(3) } == ["405", "400"])
    #expect(answers[0].hasSuffix("\r\n\r\n"))
    #expect(status(Get.asked("/weir/streams/\(id)?after=&x")) == "200")
  }
}
