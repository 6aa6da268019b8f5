// Goal: a status page reads of an open exchange what it is doing and how it goes, in every phase, and
// nothing that is private.
// Method: one exchange is led through its life on the fake kernel and read at each step.

internal import FakeKernel
internal import IO
internal import RelayWorld
internal import Testing

@testable import Relay

@Suite struct StreamReadingTests {
  private static let request = Post.asked(
    #"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"my secret"}]}"#,
    "authorization: Bearer key\r\n", path: "/v1/chat/completions?key=hidden")
  private static let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

  private func event(_ text: String, model: String = "gpt-4o-2024") -> String {
    let data =
      #"data: {"object":"chat.completion.chunk","model":"\#(model)","#
      + #""choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"# + "\n\n"
    return String(data.utf8.count, radix: 16) + "\r\n" + data + "\r\n"
  }

  private func readings(_ stage: RelayHarness) -> [StreamReading] {
    var readings: [StreamReading] = []
    var place: Int? = 0
    while let start = place {
      place = stage.relay.readStreams(from: start, count: 2, into: &readings)
    }
    return readings
  }

  @Test func aStreamFromItsRequestToItsEnd() throws {
    let stage = try RelayHarness(.scenario())
    defer { stage.close() }
    let upstream = try stage.upstream()
    #expect(readings(stage).isEmpty)
    _ = stage.client(Self.request)
    stage.run(for: .milliseconds(100))
    var reading = try #require(readings(stage).first)
    #expect(reading.state == .waiting)
    #expect(reading.isStream == nil)
    #expect(reading.model == Array("gpt-4o".utf8))
    #expect(reading.operation == "chat")
    #expect(reading.age == Duration.milliseconds(100).wholeNanoseconds)

    upstream[0].send(Self.head)
    stage.run(for: .milliseconds(50))
    upstream[0].send(event("Hello"))
    stage.run(for: .milliseconds(20))
    upstream[0].send(event(" there") + event("!"))
    stage.run(for: .milliseconds(30))
    reading = try #require(readings(stage).first)
    #expect(reading.state == .streaming)
    #expect(reading.isStream == true)
    #expect(reading.model == Array("gpt-4o-2024".utf8))
    #expect(reading.contentEvents == 3)
    #expect(reading.firstToken == Duration.milliseconds(150).wholeNanoseconds)
    #expect(reading.silence == Duration.milliseconds(30).wholeNanoseconds)
    #expect(reading.longestGap == Duration.milliseconds(20).wholeNanoseconds)
    #expect(reading.bytesDown > 200)
    #expect(reading.paused == nil)
    let words = "\(reading) \(String(decoding: reading.model, as: UTF8.self))"
    for secret in ["my secret", "Bearer", "hidden", "Hello", "127.0.0.1"] {
      #expect(!words.contains(secret))
    }
    upstream[0].send("0\r\n\r\n")
    stage.settle()
    #expect(readings(stage).isEmpty)
  }

  @Test func aClientThatTakesNothingPausesIt() throws {
    var weather = Weather.calm
    weather.sendBufferBytes = 8192...8192
    weather.receiveBufferBytes = 8192...8192
    let stage = try RelayHarness(.scenario({ $0.relayBufferBytes = 4096 }), weather: weather)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Self.request)
    stage.settle()
    client.isReading = false
    upstream[0].send(Self.head + String(repeating: event("a"), count: 1000))
    stage.run(for: .milliseconds(500))
    var reading = try #require(readings(stage).first)
    #expect(reading.state == .paused)
    #expect(reading.paused?.side == .client)
    #expect((reading.paused?.nanoseconds ?? 0) > Duration.milliseconds(400).wholeNanoseconds)
    #expect(reading.bufferedBytes > 0 && reading.bufferedBytes <= 4096)
    #expect(reading.backpressureEvents == 1)
    client.isReading = true
    stage.run(for: .milliseconds(100))
    reading = try #require(readings(stage).first)
    #expect(reading.state == .streaming)
    #expect(reading.paused == nil)
    #expect(reading.contentEvents == 1000)
  }

  @Test func whoWaitsSaysForWhat() throws {
    let stage = try RelayHarness(.limited([.of(1, queue: 4)]))
    defer { stage.close() }
    _ = try stage.upstream()
    _ = stage.client(Self.request)
    stage.settle()
    for _ in 0..<4 { _ = stage.client(Self.request) }
    stage.run(for: .milliseconds(70))
    let all = readings(stage)
    #expect(all.map(\.state).filter { $0 == .queued }.count == 4)
    #expect(Set(all.map(\.number)).count == 5)
    let waiting = try #require(all.last)
    #expect(waiting.limiter == "total")
    #expect(waiting.queued == Duration.milliseconds(70).wholeNanoseconds)
    #expect(waiting.firstToken == nil)
  }

  @Test func onePageAfterTheOther() throws {
    let stage = try RelayHarness(.scenario())
    defer { stage.close() }
    _ = try stage.upstream()
    for _ in 0..<5 { _ = stage.client(Self.request) }
    stage.settle()
    var some: [StreamReading] = []
    #expect(stage.relay.readStreams(from: 0, count: 3, into: &some) == 3)
    #expect(stage.relay.readStreams(from: 3, count: 3, into: &some) == nil)
    #expect(some.count == 5)
    #expect(stage.relay.readStreams(from: 7, count: 3, into: &some) == nil)
    #expect(stage.relay.readStreams(from: 0, count: 0, into: &some) == nil)
  }
}
