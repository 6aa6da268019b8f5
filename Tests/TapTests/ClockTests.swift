// Goal: the clocks start where they should and gaps are the provider's. Method: a tap fed read by
// read with instants of the test's own.

import Tap
import Testing

@Suite("Clocks of a stream")
struct ClockTests {
  private func event(_ delta: String) -> [UInt8] {
    Array("data: {\"choices\":[{\"index\":0,\"delta\":{\(delta)}}]}\n\n".utf8)
  }

  private var content: [UInt8] { event("\"content\":\"a\"") }

  @Test("comments, pings, roles and empty deltas are no token")
  func prelude() {
    let tap = Replay().makeTap()
    tap.observe(Array(": ping\n\n".utf8).span, at: 1)
    #expect(tap.facts.firstChunk == nil)
    let role = event("\"role\":\"assistant\",\"content\":\"\"")
    tap.observe(role.span, at: 2)
    #expect(tap.facts.firstChunk == 2 && tap.facts.firstToken == nil)
    let thought = event("\"reasoning_content\":\"hm\"")
    tap.observe(thought.span, at: 3)
    #expect(tap.facts.firstToken == 3 && tap.facts.firstVisible == nil)
    tap.observe(content.span, at: 4)
    #expect(tap.facts.firstToken == 3 && tap.facts.firstVisible == 4)
    #expect(tap.facts.kinds[EventKind.comment.rawValue] == 1)
    #expect(tap.facts.kinds[EventKind.control.rawValue] == 1)
    #expect(tap.facts.kinds[EventKind.content.rawValue] == 2)
  }

  @Test("a ping event is no chunk")
  func ping() {
    let tap = Replay(path: "/v1/messages").makeTap()
    tap.observe(Array("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8).span, at: 1)
    #expect(tap.facts.firstChunk == nil)
    #expect(tap.facts.kinds[EventKind.ping.rawValue] == 1)
  }

  @Test("an event counts when its blank line comes")
  func completion() {
    let tap = Replay().makeTap()
    let bytes = content
    tap.observe(Array(bytes.dropLast()).span, at: 1)
    #expect(tap.facts.firstToken == nil)
    tap.observe(Array(bytes.suffix(1)).span, at: 2)
    #expect(tap.facts.firstToken == 2)
  }

  @Test("each read with content gives one gap, and the rest of it is a burst")
  func gaps() {
    let tap = Replay().makeTap()
    tap.observe((content + content).span, at: 100)
    #expect(tap.takeGap() == nil)
    #expect(tap.facts.burstEvents == 1)
    tap.observe(content.span, at: 130)
    #expect(tap.takeGap() == 30)
    #expect(tap.takeGap() == nil)
    tap.observe((content + content + content).span, at: 150)
    #expect(tap.takeGap() == 20)
    #expect(tap.facts.burstEvents == 3)
    #expect(tap.facts.maxGapNanoseconds == 30)
    #expect(tap.facts.contentEvents == 6)
  }

  @Test("pieces of one read belong together")
  func pieces() {
    let tap = Replay().makeTap()
    tap.observe(content.span, at: 10)
    tap.observe(content.span, at: 10, startsRead: false)
    #expect(tap.takeGap() == nil)
    #expect(tap.facts.burstEvents == 1)
  }

  @Test("an event without content gives no gap and does not end one")
  func controlBetween() {
    let tap = Replay().makeTap()
    tap.observe(content.span, at: 10)
    tap.observe(event("\"role\":\"assistant\"").span, at: 20)
    #expect(tap.takeGap() == nil)
    tap.observe(content.span, at: 40)
    #expect(tap.takeGap() == 30)
  }

  @Test("time blocked on the client is not the provider's")
  func blocked() {
    let tap = Replay().makeTap()
    tap.observe(content.span, at: 100)
    tap.excludeFromGap(nanoseconds: 25)
    tap.excludeFromGap(nanoseconds: 5)
    tap.observe(content.span, at: 140)
    #expect(tap.takeGap() == 10)
    tap.excludeFromGap(nanoseconds: 500)
    tap.observe(content.span, at: 150)
    #expect(tap.takeGap() == 0)
    tap.observe(content.span, at: 157)
    #expect(tap.takeGap() == 7)
    #expect(tap.facts.maxGapNanoseconds == 10)
  }

  @Test("events are counted by size, all their bytes included")
  func sizes() {
    let tap = Replay().makeTap()
    tap.observe(content.span, at: 0)
    let long = event("\"content\":\"\(String(repeating: "x", count: 5000))\"")
    for byte in long { tap.observe([byte].span, at: 0) }
    #expect(tap.facts.eventBytes == content.count + long.count)
    #expect(tap.facts.eventSizes[1...] == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
  }
}
