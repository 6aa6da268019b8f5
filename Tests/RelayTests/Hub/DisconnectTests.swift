// What becomes of a kept stream whose client goes, and of its place in the books.

internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct DisconnectTests {
  private func stage(
    _ options: RelayOptions, request: String = Get.asked()
  ) throws -> (stage: RelayHarness, client: FakePeer, upstream: ScriptedUpstream) {
    let stage = try RelayHarness(options)
    let upstream = try stage.upstream()
    let client = stage.client(request)
    stage.settle()
    upstream[0].send(eventHead + chunk(events(3)))
    stage.settle()
    return (stage, client, upstream)
  }

  /// Whether a token had reached it is not what these tests are about.
  private func expectGone(_ stage: RelayHarness, _ location: SourceLocation = #_sourceLocation) {
    #expect(stage.endings.count == 1, sourceLocation: location)
    #expect(
      stage.endings.allSatisfy {
        $0.hasPrefix("client_gone_") && $0.hasSuffix(" client_closed client 200")
      }, sourceLocation: location)
  }

  // Goal: without a word in the settings, upstream is closed when the client goes; what had come
  // can be resumed, and ends as something that broke off.
  @Test func cancel() throws {
    let (stage, client, upstream) = try stage(.keeping())
    defer { stage.close() }
    client.close()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    expectGone(stage)
    let reader = stage.resume(client.streamID, after: 1)
    #expect(reader.answer.body == events(2, from: 2))
    #expect(reader.seenEnd == "fin")
    #expect(!reader.answer.isWhole)
  }

  // Goal: with `continue` the stream goes on: one exchange, one outcome, one permit, until the
  // provider has finished; however many read.
  @Test(arguments: ["close", "reset", "finish"])
  func goesOn(_ how: String) throws {
    var limit = LimitOptions(name: "one", by: .none, maxStreams: 1)
    limit.queueMax = 0
    let (stage, client, upstream) = try stage(
      .keeping(continues: true) {
        $0.limits = [limit]
        $0.routes[0].limits = ["one"]
      })
    defer { stage.close() }
    switch how {
    case "close": client.close()
    case "reset": client.reset()
    default: client.finish()
    }
    stage.settle()
    #expect(stage.relay.activeCount == 1)
    #expect(stage.relay.connectionCount == 0)
    #expect(stage.admission.states[0].inUse == 1)
    let readers = [0, 2, 3].map { stage.resume(client.streamID, after: $0) }
    upstream[0].send(chunk(events(2, from: 4)))
    stage.settle()
    upstream[0].send(lastChunk)
    stage.settle()
    for (reader, event) in zip(readers, [0, 2, 3]) {
      #expect(reader.answer.body == events(5 - event, from: event + 1))
      #expect(reader.answer.isWhole)
    }
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.admission.states[0].inUse == 0)
    // What the client got, and no byte that nobody took.
    #expect(stage.ledger.summaries[0].responseBodyBytes == UInt64(events(3).utf8.count))
    #expect(stage.resume(client.streamID, after: 4).answer.body == events(1, from: 5))
  }

  // Goal: before the client can know the stream's name, its going is the end.
  @Test func beforeTheHead() throws {
    let stage = try RelayHarness(.keeping(continues: true))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    client.close()
    stage.settle()
    #expect(upstream[0].seenEnd != "open")
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
  }

  // Goal: a failure after the client has gone is the provider's.
  @Test func failureAfterwards() throws {
    let (stage, client, upstream) = try stage(.keeping(continues: true))
    defer { stage.close() }
    client.close()
    stage.settle()
    upstream[0].close()
    stage.settle()
    #expect(stage.endings == ["upstream_reset reset upstream 200"])
  }

  // Goal: silence is measured as ever.
  @Test func stallAfterwards() throws {
    let (stage, client, _) = try stage(.keeping(continues: true))
    defer { stage.close() }
    client.close()
    stage.run(for: .milliseconds(6010))
    #expect(stage.endings == ["upstream_stalled stalled upstream 200"])
  }

  // Goal: DELETE stops the stream, whoever still reads it; readers can tell that it broke off.
  @Test(arguments: [true, false])
  func delete(_ hasClient: Bool) throws {
    let (stage, client, upstream) = try stage(.keeping(continues: true))
    defer { stage.close() }
    if !hasClient { client.close() }
    let reader = stage.resume(client.streamID, after: 0)
    for _ in 0..<2 {
      let stopper = stage.client(
        "DELETE /weir/streams/\(client.streamID) HTTP/1.1\r\nHost: weir\r\n\r\n")
      stage.settle()
      #expect(stopper.answer.status == "204")
    }
    #expect(upstream[0].seenEnd != "open")
    #expect(reader.answer.body == events(3))
    #expect(!reader.answer.isWhole)
    #expect(reader.seenEnd == "fin")
    if hasClient { #expect(client.seenEnd == "fin") }
    expectGone(stage)
    #expect(stage.resume(client.streamID, after: 2).answer.body == events(1, from: 3))
  }

  // Goal: a client that takes nothing is cut, and the stream goes on; its reading is not paused
  // for a client that is no more.
  @Test func slowClient() throws {
    var weather = Weather.calm
    weather.sendBufferBytes = 8192...8192
    weather.receiveBufferBytes = 8192...8192
    let stage = try RelayHarness(.keeping(continues: true), weather: weather)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(eventHead)
    stage.settle()
    let id = client.streamID
    client.isReading = false
    let text = events(20_000)
    upstream[0].send(chunk(text) + lastChunk)
    stage.run(for: .milliseconds(3990))
    #expect(upstream[0].unsentByteCount > 0)
    stage.run(for: .milliseconds(100))
    #expect(upstream[0].unsentByteCount == 0)
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.resume(id, after: 19_990).answer.body == events(10, from: 19_991))
  }

  // Goal: a drain waits for a stream that nobody's connection stands for, then cuts it.
  @Test(arguments: [true, false])
  func drain(_ ends: Bool) throws {
    let (stage, client, upstream) = try stage(.keeping(continues: true))
    defer { stage.close() }
    client.close()
    stage.settle()
    var isDrained = false
    stage.relay.drain(refusing: true) { isDrained = true }
    stage.settle()
    #expect(!isDrained)
    if ends { upstream[0].send(lastChunk) } else { stage.relay.endDrain() }
    stage.settle()
    #expect(isDrained)
    #expect(stage.endings == [ends ? "completed - - 200" : "drained draining relay 200"])
  }

  // Goal: readers count as streams in a drain; logs do not.
  @Test func drainWithReaders() throws {
    let (stage, client, upstream) = try stage(.keeping(continues: true))
    defer { stage.close() }
    let reader = stage.resume(client.streamID, after: 2)
    var isDrained = false
    stage.relay.drain(refusing: true) { isDrained = true }
    #expect(stage.resume(client.streamID, after: 2).seenEnd != "open")
    upstream[0].send(chunk(events(1, from: 4)) + lastChunk)
    stage.settle()
    #expect(reader.answer.body == events(2, from: 3))
    #expect(isDrained)
    #expect(stage.streams.figures.streams == 1)
  }
}
