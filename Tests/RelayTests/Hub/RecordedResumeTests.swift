// Goal: recorded streams of each format, resumed through a relay at every event, live and after
// the end: prefix and resume are the original, byte for byte. Method: the smallest recording of
// each folder of the corpus, in chunks and over a network that cut it anywhere.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import TestSupport
internal import Testing

@Suite struct RecordedResumeTests {
  @Test(.enabled(if: !RecordedStream.sample.isEmpty), arguments: RecordedStream.sample)
  func everyEvent(_ recording: RecordedStream) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    let stage = try RelayHarness(
      .keeping { $0.server.slowClientTimeout = .seconds(600) }, loopCount: 2,
      seed: UInt64(body.count), weather: .drawn(from: UInt64(body.count), upTo: .breezy))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked(recording.path))
    stage.run(for: .seconds(5)) { upstream.connections.first?.received.isEmpty == false }
    upstream[0].send(
      eventHead.replacing("text/event-stream", with: recording.contentType))
    stage.run(for: .seconds(5)) { client.streamID != "none" }
    let cuts = [0] + ends(of: body, recording.framing)
    let stride = 1 + cuts.count / 40
    var random = SeededRandom(seed: UInt64(body.count))
    var live: [(FakePeer, Int)] = []
    for part in parts(of: body) {
      upstream[0].send(part)
      stage.run(for: .milliseconds(20))
      let event = Int.random(in: 0..<cuts.count, using: &random)
      if live.count < 30 { live.append((stage.resume(client.streamID, after: event), cuts[event])) }
    }
    upstream[0].send(lastChunk)
    stage.run(for: .seconds(30))
    let later = Swift.stride(from: 0, to: cuts.count, by: stride).map {
      (stage.resume(client.streamID, after: $0), cuts[$0])
    }
    stage.run(for: .seconds(30))
    #expect(client.answer.bytes == body)
    for (reader, cut) in live + later {
      #expect(body.prefix(cut) + reader.answer.bytes == body[...], "from byte \(cut)")
      #expect(reader.answer.isWhole)
    }
  }

  private func ends(of body: [UInt8], _ framing: EventFraming) -> [Int] {
    var cutter = EventCutter(framing)
    var cuts: [Int] = []
    cutter.read(body.span, cuts: &cuts)
    cutter.end(cuts: &cuts)
    return cuts
  }

  /// In up to thirty chunks.
  private func parts(of body: [UInt8]) -> [[UInt8]] {
    let size = max(1, body.count / 29)
    return stride(from: 0, to: body.count, by: size).map { start in
      let part = body[start..<min(body.count, start + size)]
      return Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
    }
  }
}
