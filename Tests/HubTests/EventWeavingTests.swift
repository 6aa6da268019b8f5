// Goal: weir's ids come where a reader after WHATWG HTML §9.2.6 takes them for seen exactly when
// their event is, and last, so that they count. Method: texts with what must come of them.

import Hub
import Testing

@Suite struct EventWeavingTests {
  private func numbered(_ text: String, after event: Int = 0) throws -> String {
    let stream = try #require(WrittenStream(in: StreamDirectory()))
    stream.write(text)
    stream.end()
    var reader = Subscription(stream.log, after: event, unit: .events)
    var bytes: [UInt8] = []
    while case .run(let run) = reader.next(atMost: 4096) {
      EventWeaving.appendNumbered(run, to: &bytes)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func beforeTheBlankLine() throws {
    #expect(
      try numbered("data: a\n\n: ping\n\nid: theirs\ndata: b\n\n: bye")
        == "data: a\nid: 1\n\n: ping\n\nid: theirs\ndata: b\nid: 2\n\n: bye")
  }

  @Test func otherLineEnds() throws {
    #expect(try numbered("data: a\r\n\r\n") == "data: a\r\nid: 1\n\r\n")
    #expect(try numbered("data: a\r\rdata: b\r\r", after: 1) == "data: b\rid: 2\n\r")
  }

  @Test func gap() {
    #expect(
      EventWeaving.gap(3..<8) == Array("event: weir.gap\ndata: {\"first\":3,\"last\":7}\n\n".utf8))
  }
}
