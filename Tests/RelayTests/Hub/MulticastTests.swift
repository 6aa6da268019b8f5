// Several readers of one stream: each at its own pace, none at the others' cost.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct MulticastTests {
  /// A stream that has begun, in a world whose sockets hold 8 KiB each way.
  private func stage(
    _ action: LagPolicy.Action, loopCount: Int = 1, relayBufferBytes: Int = 8192
  ) throws -> (stage: RelayHarness, client: FakePeer, upstream: ScriptedUpstream) {
    var weather = Weather.calm
    weather.sendBufferBytes = 8192...8192
    weather.receiveBufferBytes = 8192...8192
    let options = RelayOptions.keeping {
      $0.relayBufferBytes = relayBufferBytes
      $0.server.slowClientTimeout = .seconds(1000)
      $0.upstreams[0].idleTimeout = .seconds(1000)
      $0.hub.lag.action = action
      $0.hub.lag.limitBytes = 50_000
      $0.hub.lag.waitNanoseconds = 3_000_000_000
    }
    let stage = try RelayHarness(options, loopCount: loopCount, weather: weather)
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(eventHead)
    stage.settle()
    return (stage, client, upstream)
  }

  // Goal: every reader on every loop gets every byte, wherever it begins, and all end together.
  // Method: a dozen readers who join one after the other while the stream grows.
  @Test(arguments: [1, 3])
  func manyReaders(_ loops: Int) throws {
    let (stage, client, upstream) = try stage(.drop, loopCount: loops)
    defer { stage.close() }
    var readers: [(FakePeer, Int)] = []
    for number in 0..<12 {
      upstream[0].send(chunk(events(5, from: 1 + number * 5)))
      stage.settle()
      for event in [0, number * 3] {
        readers.append((stage.resume(client.streamID, after: event), event))
      }
    }
    upstream[0].send(lastChunk)
    stage.settle()
    for (reader, event) in readers {
      #expect(reader.answer.body == events(60 - event, from: event + 1))
      #expect(reader.answer.isWhole)
    }
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a reader that takes nothing changes nothing for the others, and is cut off once it lags
  // too far; what it has got is right, and it can resume.
  @Test func stalledReaderIsDropped() throws {
    let (stage, client, upstream) = try stage(.drop)
    defer { stage.close() }
    let (stalled, other) = (stage.resume(client.streamID), stage.resume(client.streamID))
    stalled.isReading = false
    var sent = 0
    for _ in 0..<60 {
      upstream[0].send(chunk(events(100, from: sent + 1)))
      sent += 100
      stage.settle()
      #expect(other.answer.body == events(sent))
      #expect(client.answer.body == events(sent))
      #expect(stage.relay.subscriberBytes <= 2 * 8192)
    }
    stalled.isReading = true
    stage.settle()
    #expect(stalled.seenEnd != "open")
    #expect(!stalled.answer.isWhole)
    let got = stalled.answer.body
    #expect(events(sent).hasPrefix(got))
    let event = got.split(separator: "\n\n", omittingEmptySubsequences: false).count - 1
    let resumed = stage.resume(client.streamID, after: event)
    #expect(resumed.answer.body == events(sent - event, from: event + 1))
  }

  // Goal: nobody lags behind an event that has not ended, however long it gets: who has all events
  // before it is neither dropped nor waited for, since the wait would keep the event from ending.
  // Method: an event of more bytes than a reader may lag, bit by bit, to a reader of whole events.
  @Test(arguments: [LagPolicy.Action.drop, .skip, .wait])
  func longEvent(_ action: LagPolicy.Action) throws {
    let (stage, client, upstream) = try stage(action)
    defer { stage.close() }
    let reader = stage.resume(client.streamID, after: 0, query: "ids=1")
    let part = String(repeating: "x", count: 6000)
    upstream[0].send(chunk(events(1) + "data: "))
    for _ in 0..<20 {
      upstream[0].send(chunk(part))
      stage.settle()
    }
    upstream[0].send(chunk("\n\n") + lastChunk)
    stage.settle()
    let long = "data: " + String(repeating: part, count: 20)
    #expect(reader.answer.body == "data: {\"n\":1}\nid: 1\n\n\(long)\nid: 2\n\n")
    #expect(reader.answer.isWhole)
    #expect(stage.endings == ["completed - - 200"])
  }

  /// An owner that takes nothing, and counts how often it is asked.
  private final class Stalled: StreamReaderOwner {
    var asked = 0
    var end: ReaderEnd?
    var room: Int {
      asked += 1
      return 0
    }

    func reader(_ reader: StreamReader, brought run: StreamRun) {}
    func reader(_ reader: StreamReader, leftOut events: Range<Int>) {}
    func reader(_ reader: StreamReader, ended end: ReaderEnd) { self.end = end }
  }

  // Goal: a reader that takes nothing is not even asked while the stream grows, until it lags too far.
  @Test func stalledReaderCostsNothing() throws {
    let (stage, client, upstream) = try stage(.drop)
    defer { stage.close() }
    let name = Array(client.streamID.utf8)
    let found = StreamID(name.span)
    let id = try #require(found)
    let owner = Stalled()
    var policy = LagPolicy()
    policy.limitBytes = 10_000
    let nobody: [UInt8] = []
    let reader = try stage.relay.hub.follow(
      id, as: StreamCredential(keys: nobody.span, cookie: nobody.span), after: 0, unit: .bytes,
      policy: policy, for: owner)
    reader.pump()
    var sent = 0
    for number in 1...1000 where owner.end == nil {
      upstream[0].send(chunk(events(1, from: number)))
      stage.settle()
      sent += events(1, from: number).utf8.count
      #expect(owner.asked < 6)
    }
    #expect(owner.end == .dropped)
    #expect((10_001..<10_100).contains(sent))
  }

  // Goal: with `skip` a reader that lags misses whole events, is told which, and goes on.
  @Test func stalledReaderSkips() throws {
    let (stage, client, upstream) = try stage(.skip)
    defer { stage.close() }
    let stalled = stage.resume(client.streamID)
    stalled.isReading = false
    for round in 0..<60 {
      upstream[0].send(chunk(events(100, from: round * 100 + 1)))
      stage.settle()
    }
    stalled.isReading = true
    stage.settle()
    upstream[0].send(chunk(events(3, from: 6001)) + lastChunk)
    stage.settle()
    let body = stalled.answer.body
    #expect(stalled.answer.isWhole)
    let pieces = body.split(separator: "event: weir.gap\ndata: ", omittingEmptySubsequences: false)
    #expect(pieces.count == 2)
    let numbers = pieces[1].prefix { $0 != "\n" }.split { !$0.isNumber }.compactMap { Int($0) }
    let (first, last) = (numbers[0], numbers[1])
    #expect(pieces[0] == events(first - 1))
    #expect(pieces[1].drop { $0 != "\n" } == "\n\n" + events(6003 - last, from: last + 1))
    #expect(last - first > 1000)
  }

  // Goal: with `wait` upstream waits for a reader, for so long and no longer; nothing is lost.
  @Test(arguments: [true, false])
  func stalledReaderIsWaitedFor(_ comesBack: Bool) throws {
    let (stage, client, upstream) = try stage(.wait, loopCount: 2)
    defer { stage.close() }
    let stalled = stage.resume(client.streamID)
    stalled.isReading = false
    upstream[0].send(chunk(events(20_000)) + lastChunk)
    stage.run(for: .seconds(1))
    #expect(upstream[0].unsentByteCount > 0)
    #expect(client.answer.body.utf8.count < 150_000)
    #expect(stage.endings == [])
    stage.run(for: .milliseconds(1900))
    #expect(upstream[0].unsentByteCount > 0)
    if comesBack { stalled.isReading = true }
    stage.run(for: .milliseconds(500))
    #expect(upstream[0].unsentByteCount == 0)
    #expect(client.answer.body == events(20_000))
    stalled.isReading = true
    stage.settle()
    #expect(stalled.answer.isWhole == comesBack)
    #expect(events(20_000).hasPrefix(stalled.answer.body))
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a stream that goes on after waiting for a reader brings its client no more at once than
  // the relay buffer holds. Found by seed 180945 of the simulation.
  @Test func goesOnWithinTheRelayBuffer() throws {
    let (stage, client, upstream) = try stage(.wait, relayBufferBytes: 1024)
    defer { stage.close() }
    stage.resume(client.streamID).isReading = false
    upstream[0].send(chunk(events(20_000)) + lastChunk)
    stage.run(for: .seconds(1))
    #expect(upstream[0].unsentByteCount > 0)
    client.isReading = false
    var most = 0
    for _ in 0..<4000 {
      stage.run(for: .milliseconds(1))
      most = max(most, stage.relay.mostQueuedBytes.downstream)
    }
    #expect(most > 0 && most <= 1024)
  }

  // Goal: a slow reader who keeps within the limit gets all, also behind the stream's end.
  @Test func slowReader() throws {
    let (stage, client, upstream) = try stage(.drop)
    defer { stage.close() }
    let slow = stage.resume(client.streamID)
    slow.pace = FakePeer.Pace(bytes: 1000, every: .milliseconds(10))
    for round in 0..<20 {
      upstream[0].send(chunk(events(100, from: round * 100 + 1)))
      stage.run(for: .milliseconds(10))
    }
    upstream[0].send(lastChunk)
    stage.run(for: .seconds(10))
    #expect(slow.answer.body == events(2000))
    #expect(slow.answer.isWhole)
  }

  // Goal: no more readers than the bounds say; one too many is told why, at once, and who reads
  // already does not notice; who leaves makes room.
  @Test(arguments: [true, false])
  func tooManyReaders(_ ofOneStream: Bool) throws {
    let stage = try RelayHarness(
      .keeping {
        $0.hub.bounds.subscribers = ofOneStream ? 3 : 2
        $0.hub.bounds.streamSubscribers = 2
        if !ofOneStream { $0.hub.bounds.streamSubscribers = .max }
      }, loopCount: 2)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(eventHead + chunk(events(1)))
    stage.settle()
    let readers = [stage.resume(client.streamID), stage.resume(client.streamID)]
    let refused = stage.resume(client.streamID)
    #expect(refused.answer.status == (ofOneStream ? "429" : "503"))
    #expect(refused.answer.field("x-weir-error") == (ofOneStream ? "stream_full" : "hub_full"))
    #expect(refused.answer.field("retry-after") == "1")
    #expect(
      refused.answer.body.contains(ofOneStream ? "hub.stream_subscribers" : "hub.subscribers"))
    readers[0].close()
    stage.settle()
    let next = stage.resume(client.streamID)
    upstream[0].send(chunk(events(1, from: 2)) + lastChunk)
    stage.settle()
    for reader in [readers[1], next] { #expect(reader.answer.body == events(2)) }
    let last = stage.resume(client.streamID, after: 1)
    #expect(last.answer.body == events(1, from: 2))
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: readers who leave, in whatever state, leave nothing behind.
  // Method: the accounts at the end of every scenario.
  @Test(arguments: [LagPolicy.Action.wait, .skip, .drop])
  func leaving(_ action: LagPolicy.Action) throws {
    let (stage, client, upstream) = try stage(action)
    defer { stage.close() }
    let readers = (0..<4).map { _ in stage.resume(client.streamID) }
    for reader in readers { reader.isReading = false }
    upstream[0].send(chunk(events(8000)))
    stage.settle()
    readers[0].close()
    readers[1].reset()
    stage.settle()
    upstream[0].send(lastChunk)
    stage.settle()
    #expect(stage.relay.activeCount == (action == .wait ? 1 : 0))
    for reader in readers { reader.isReading = true }
    stage.run(for: .seconds(5))
    #expect(client.answer.body == events(8000))
    #expect(stage.endings == ["completed - - 200"])
  }
}
