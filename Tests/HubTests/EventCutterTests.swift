// Goal: each event's end is found at the same byte however reads are cut, and is the one that the
// specification of its framing says. Method: texts with their expected pieces, replayed by Feed.

import Hub
import TestSupport
import Testing

@Suite struct EventCutterTests {
  /// The pieces that the cutter makes of a text: one for each event, and the tail.
  private func pieces(
    _ text: String, _ framing: EventFraming, _ location: SourceLocation = #_sourceLocation
  ) -> [String] {
    let bytes = Array(text.utf8)
    let feed = Feed(
      bytes, start: { Cutting(framing) }, feed: { $0.read($1) },
      result: { (cutting: Cutting) in cutting.end() })
    #expect(feed.disagreements.isEmpty, sourceLocation: location)
    var start = 0
    return (feed.whole + [bytes.count]).map { end in
      defer { start = end }
      return String(decoding: bytes[start..<end], as: UTF8.self)
    }
  }

  // WHATWG HTML §9.2.6: a blank line ends an event; CR, LF and CRLF end lines.
  @Test(arguments: ["\n", "\r", "\r\n"])
  func blankLine(_ end: String) {
    let events = ["data: a\(end)\(end)", "event: x\(end)data: b\(end)data\(end)\(end)"]
    let text = events.joined()
    #expect(pieces(text, .serverSentEvents) == events + [""])
  }

  @Test func mixedLineEnds() {
    let events = ["data: a\r\r\n", "data: b\n\r\n", "data: c\r\n\r", "data: d\n\n"]
    #expect(pieces(events.joined(), .serverSentEvents) == events + [""])
  }

  @Test func byteOrderMark() {
    let events = ["\u{FEFF}data: a\n\n", "data: b\n\n"]
    #expect(pieces(events.joined(), .serverSentEvents) == events + [""])
  }

  // What dispatches nothing belongs to the event that follows, or to the tail.
  @Test func commentsAndEmptyBlocks() {
    let events = [
      ": hello\n\ndata: a\n\n", "\n\n: ping\n\nevent: only\n\nid: 7\n\ndata: b\n\n",
    ]
    #expect(pieces(events.joined() + ": bye\n\n", .serverSentEvents) == events + [": bye\n\n"])
  }

  @Test func unfinishedEvent() {
    #expect(
      pieces("data: a\n\ndata: b\n", .serverSentEvents) == ["data: a\n\n", "data: b\n"])
  }

  // A stream that breaks off inside a blank line's CRLF: CR alone is a line end, and no LF comes.
  @Test func brokenOffInsideLineEnd() {
    let events = ["data: a\r\n\r\n", "data: b\r\n\r"]
    #expect(pieces(events.joined(), .serverSentEvents) == events + [""])
  }

  @Test func lines() {
    #expect(
      pieces("{\"a\":1}\n\n \r\n{\"b\":2}\r\n{\"c\"", .lines)
        == ["{\"a\":1}\n", "\n \r\n{\"b\":2}\r\n", "{\"c\""])
  }

  @Test func elements() {
    #expect(
      pieces("[{\"a\":[1,{}]}\n,\r\n{\"b\":\"}]\\\"\"} ]\n", .elements)
        == ["[{\"a\":[1,{}]}", "\n,\r\n{\"b\":\"}]\\\"\"}", " ]\n"])
  }

  // A body that is not what its content type says has no events, and does no harm.
  @Test(arguments: [EventFraming.elements, .eventStream, .encoded])
  func nonsense(_ framing: EventFraming) {
    #expect(pieces("nonsense nonsense nonsense", framing) == ["nonsense nonsense nonsense"])
  }
}

/// A cutter and what it found; a class, since a cutter cannot be copied.
private final class Cutting {
  private var cutter: EventCutter
  private var cuts: [Int] = []

  init(_ framing: EventFraming) { cutter = EventCutter(framing) }

  func read(_ bytes: Span<UInt8>) { cutter.read(bytes, cuts: &cuts) }

  func end() -> [Int] {
    cutter.end(cuts: &cuts)
    return cuts
  }
}
