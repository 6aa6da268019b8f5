// Goal: the parser follows WHATWG HTML §9.2.6 to the letter, however reads are cut. Method: tables
// of input and dispatched events, named by the rule; each is replayed whole, byte by byte and cut
// at every point, ending at an unreadable page.

import Foundation
import TestSupport
import Testing
import Wire

/// What came out of a stream: its events, and what stood outside of them.
struct DispatchedEvents: Equatable {
  struct Event: Equatable {
    var name: String
    var data: String
    var id = ""
    var retry: Int?
  }

  var events: [Event] = []
  var comments = 0
  var errorFields: [String] = []
  var strayLines: [String] = []
  var isUnfinished = false
  var finalID = ""
  var finalRetry: Int?
}

/// A parser and what it has found, as a user of it would collect it.
private final class Collector {
  var parser = EventParser()
  var found = DispatchedEvents()
  var data: [UInt8] = []
  var outside: [UInt8] = []

  func feed(_ bytes: Span<UInt8>) {
    var position = 0
    while let token = parser.next(bytes, from: &position) {
      switch token {
      case .data(let range): data += copy(bytes, range)
      case .dataLineBreak: data.append(10)
      case .event: dispatch()
      case .comment: found.comments += 1
      case .errorField(let range), .strayLine(let range): outside += copy(bytes, range)
      case .errorFieldEnd: found.errorFields.append(takeOutside())
      case .strayLineEnd: found.strayLines.append(takeOutside())
      }
    }
  }

  func end() -> DispatchedEvents {
    found.isUnfinished = parser.isUnfinished
    found.finalID = String(decoding: parser.lastEventID, as: UTF8.self)
    found.finalRetry = parser.retryMilliseconds
    return found
  }

  private func dispatch() {
    let name = String(decoding: parser.name, as: UTF8.self)
    found.events.append(
      .init(
        name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self),
        id: String(decoding: parser.lastEventID, as: UTF8.self), retry: parser.retryMilliseconds))
    data.removeAll()
  }

  private func takeOutside() -> String {
    defer { outside.removeAll() }
    return String(decoding: outside, as: UTF8.self)
  }

  private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    range.map { bytes[$0] }
  }
}

@Suite("Server-sent events, WHATWG HTML §9.2.6")
struct EventParserTests {
  private func replay(_ text: String) -> Feed<DispatchedEvents> {
    replay(Array(text.utf8))
  }

  private func replay(_ bytes: [UInt8]) -> Feed<DispatchedEvents> {
    Feed(
      bytes, start: { Collector() }, feed: { collector, span in collector.feed(span) },
      result: { $0.end() })
  }

  @Test(
    "events are dispatched as the rules say",
    arguments: [
      ("lines end in LF, CRLF or CR", "data: a\n\ndata: b\r\n\r\ndata: c\r\r", ["a", "b", "c"]),
      ("terminators may be mixed in one event", "data: a\rdata: b\r\ndata: c\n\n", ["a\nb\nc"]),
      ("one space after the colon is dropped", "data:  a\n\ndata:b\n\n", [" a", "b"]),
      ("a tab is kept", "data:\ta\n\n", ["\ta"]),
      ("a field without colon has an empty value", "data\n\ndata\ndata\n\n", ["", "\n"]),
      ("an event without data is not dispatched", "event: x\n\ndata: a\n\n", ["a"]),
      ("an event without its blank line is not dispatched", "data: a\n\ndata: b\n", ["a"]),
      ("comments are no events", ": hi\n\ndata: a\n: b\n\n", ["a"]),
      ("names are case-sensitive", "DATA: a\nData: b\ndata: c\n\n", ["c"]),
      ("a space before the colon makes another name", "data : a\ndata: b\n\n", ["b"]),
      ("longer and shorter names are others", "dat: a\ndatax: b\ndata: c\n\n", ["c"]),
      ("blank lines alone are nothing", "\n\r\n\r\n\n", []),
      ("a leading byte order mark is dropped", "\u{FEFF}data: a\n\n", ["a"]),
      ("a second one is not", "\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", ["b"]),
      ("a mark inside a value is kept", "data: \u{FEFF}x\n\n", ["\u{FEFF}x"]),
      ("colons in a value are its own", "data: a:b: c\n\n", ["a:b: c"]),
    ])
  func rules(rule: String, text: String, data: [String]) {
    let feed = replay(text)
    #expect(feed.whole.events.map(\.data) == data, "\(rule)")
    #expect(feed.disagreements.isEmpty, "\(rule)")
  }

  @Test("a broken byte order mark begins an unknown field")
  func brokenMark() {
    let feed = replay([0xEF, 0xBB] + Array("data: a\n\ndata: b\n\n".utf8))
    #expect(feed.whole.events.map(\.data) == ["b"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test("the last name of an event counts, and only for that event")
  func names() {
    let feed = replay("event: a\nevent: b\ndata: 1\n\ndata: 2\n\ndata: 3\nevent: c\n\n")
    #expect(feed.whole.events.map(\.name) == ["b", "message", "c"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test("ids last until another comes, and one with NUL is ignored")
  func ids() {
    let feed = replay("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n")
    #expect(feed.whole.events.map(\.id) == ["1", "1", "1", ""])
    #expect(feed.disagreements.isEmpty)
  }

  @Test("retry takes digits alone")
  func retry() {
    let feed = replay("retry: 1a\nretry: -1\nretry:\ndata: a\n\nretry: 007\ndata: b\n\n")
    #expect(feed.whole.events.map(\.retry) == [nil, 7])
    #expect(feed.disagreements.isEmpty)
  }

  @Test("names and ids are cut at their limit, and data is not")
  func limits() {
    let long = String(repeating: "x", count: 3 * EventParser.keptLimitBytes)
    let collector = Collector()
    collector.feed(Array("event: \(long)\nid: \(long)\ndata: \(long)\n\n".utf8).span)
    let event = collector.end().events.first
    #expect(event?.name.count == EventParser.keptLimitBytes)
    #expect(event?.id.count == EventParser.keptLimitBytes)
    #expect(event?.data == long)
  }

  @Test("a field named error, and lines that are no fields, are told apart")
  func outside() {
    let feed = replay("error: {\"a\":1}\n\n{\n  \"error\": 1\n}\ndata: x\n\nerrors: no\n")
    #expect(feed.whole.errorFields == ["{\"a\":1}"])
    #expect(feed.whole.strayLines == ["{", "  \"error\": 1", "}"])
    #expect(feed.whole.events.map(\.data) == ["x"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test(
    "what is unfinished at the end is known",
    arguments: [
      ("", false), ("data: a\n\n", false), ("data: a\n", true), ("data: a", true),
      ("event: a\n", true), (": ping", false), (": ping\n", false), ("dat", true),
    ])
  func unfinished(text: String, isUnfinished: Bool) {
    let feed = replay(text)
    #expect(feed.whole.isUnfinished == isUnfinished)
    #expect(feed.disagreements.isEmpty)
  }

  @Test("a value of any size keeps nothing: each piece is lent in the read it came in")
  func endless() {
    var parser = EventParser()
    var position = 0
    let start = Array("data: ".utf8)
    #expect(parser.next(start.span, from: &position) == nil)
    let piece = [UInt8](repeating: 0x61, count: 4096)
    for _ in 0..<1000 {
      position = 0
      #expect(parser.next(piece.span, from: &position) == .data(0..<4096))
      #expect(parser.next(piece.span, from: &position) == nil)
    }
  }
}

/// The shared parser vectors, where they are to be had.
struct EventVector: CustomTestStringConvertible, Sendable {
  let name: String
  let input: [UInt8]
  let chunkings: [[Int]]
  let expected: String
  var testDescription: String { name }

  static let all: [EventVector] = {
    guard let file = Corpus.bytes(of: "sse-vectors.json"),
      let object = try? JSONSerialization.jsonObject(with: Data(file)) as? [String: Any],
      let vectors = object["vectors"] as? [[String: Any]]
    else { return [] }
    return vectors.compactMap { vector in
      guard let name = vector["name"] as? String, let text = vector["input"] as? String,
        let input = Data(base64Encoded: text), let cuts = vector["chunkings"] as? [[Int]],
        let events = vector["expected"] as? [[String: Any]],
        let final = vector["final"] as? [String: Any]
      else { return nil }
      return EventVector(
        name: name, input: [UInt8](input), chunkings: cuts,
        expected: describe(events, final: final))
    }
  }()

  private static func describe(_ events: [[String: Any]], final: [String: Any]) -> String {
    func text(_ value: Any?) -> String { (value as? String).map { $0.debugDescription } ?? "-" }
    func number(_ value: Any?) -> String { (value as? Int).map(String.init) ?? "nil" }
    let lines = events.map {
      [text($0["type"]), text($0["data"]), text($0["lastEventId"]), number($0["retry"])]
        .joined(separator: " ")
    }
    return withoutMarks(lines + [text(final["lastEventId"]) + " " + number(final["retry"])])
  }

  static func describe(_ found: DispatchedEvents) -> String {
    func number(_ value: Int?) -> String { value.map(String.init) ?? "nil" }
    let lines = found.events.map {
      [
        $0.name.debugDescription, $0.data.debugDescription, $0.id.debugDescription,
        number($0.retry),
      ].joined(separator: " ")
    }
    return withoutMarks(lines + [found.finalID.debugDescription + " " + number(found.finalRetry)])
  }

  /// Foundation's JSON reader drops byte order marks inside strings; `rules` tests those.
  private static func withoutMarks(_ lines: [String]) -> String {
    lines.joined(separator: "\n").unicodeScalars.filter { $0 != "\u{FEFF}" }
      .map(String.init).joined()
  }
}

@Suite("The shared server-sent event vectors")
struct EventVectorTests {
  @Test(
    "each vector gives its events in every cut", .enabled(if: !EventVector.all.isEmpty),
    arguments: EventVector.all)
  func vector(_ vector: EventVector) {
    let feed = Feed(
      vector.input, start: { Collector() }, feed: { collector, span in collector.feed(span) },
      result: { $0.end() })
    #expect(EventVector.describe(feed.whole) == vector.expected)
    #expect(feed.disagreements.isEmpty)
    for reads in vector.chunkings {
      let collector = Collector()
      var start = 0
      for size in reads {
        collector.feed(Array(vector.input[start..<start + size]).span)
        start += size
      }
      #expect(EventVector.describe(collector.end()) == vector.expected, "\(reads)")
    }
  }
}
