// Goal: for each framing, the relay learns how much of a read is the body's, where its payload
// lies, and whether a close now ends or truncates it.
// Method: whole bodies with bytes of the next message behind them, fed in every way of cutting.

internal import TestSupport
internal import Testing
internal import Wire

@Suite struct BodyReaderTests {
  private struct Found: Equatable {
    var payload: [UInt8] = []
    var consumed = 0
    var isEnded = false
    var error: HTTP1Error?
  }

  private struct State {
    var reader: BodyReader
    var found = Found()

    mutating func take(_ bytes: Span<UInt8>) {
      guard found.error == nil else { return }
      var payload: [Range<Int>] = []
      let reading = reader.read(bytes, payload: &payload)
      for range in payload { for at in range { found.payload.append(bytes[at]) } }
      found.consumed += reading.consumed
      found.isEnded = reader.isEnded
      found.error = reading.error
      #expect(reader.isEnded == (reading.state == .ended))
      #expect(reading.consumed == bytes.count || reader.isEnded || reading.error != nil)
    }
  }

  private func read(_ text: String, _ framing: BodyFraming) -> Found? {
    let feed = Feed(
      Array(text.utf8), start: { State(reader: BodyReader(framing)) },
      feed: { $0.take($1) }, result: { $0.found })
    return feed.disagreements.isEmpty ? feed.whole : nil
  }

  @Test func `no body takes nothing`() {
    #expect(BodyReader(.none).isEnded)
    #expect(BodyReader(.length(0)).isEnded)
    #expect(read("next", .none) == Found(isEnded: true))
    #expect(read("next", .length(0)) == Found(isEnded: true))
  }

  @Test func `a length takes that many bytes`() {
    let body = Found(payload: Array("hello".utf8), consumed: 5, isEnded: true)
    #expect(read("hellonext", .length(5)) == body)
    #expect(read("hello", .length(5)) == body)
    #expect(read("hello", .length(6)) == Found(payload: Array("hello".utf8), consumed: 5))
  }

  @Test func `until close takes all and never ends by itself`() {
    #expect(read("hello", .untilClose) == Found(payload: Array("hello".utf8), consumed: 5))
  }

  @Test func `chunked takes framing and payload`() {
    let body = "2\r\nhe\r\n3;a\r\nllo\r\n0\r\nT: u\r\n\r\n"
    let expected = Found(payload: Array("hello".utf8), consumed: body.utf8.count, isEnded: true)
    #expect(read(body + "next", .chunked) == expected)
  }

  @Test func `what was well framed before a violation is counted`() {
    let expected = Found(payload: Array("he".utf8), consumed: 9, error: .badChunkSize)
    #expect(read("2\r\nhe\r\n03xllo\r\n", .chunked) == expected)
  }

  // A read that is one chunk is taken by a way of its own: it must come to what bytes one by one do.
  @Test(arguments: [
    "5\r\nhello\r\n", "05\r\nhello\r\n", "5\r\nhello\r", "5\r\nhello\r\n0", "5\r\nhelloX\n",
    "5\rXhello\r\n", "5\n\nhello\r\n", "6\r\nhello\r\n", "4\r\nhello\r\n", "5;a=b\r\nhello\r\n",
    "0\r\n\r\n", "A\r\n0123456789\r\n", "00000005\r\nhello\r\n", "000000005\r\nhello\r\n",
    "\r\n\r\n",
    "g\r\nhello\r\n", "5 \r\nhello\r\n",
  ])
  func `one chunk at once is what it is byte by byte`(_ text: String) {
    let bytes = Array(text.utf8)
    var whole = BodyReader(.chunked)
    var ranges: [Range<Int>] = []
    let reading = whole.read(bytes.span, payload: &ranges)
    var single = BodyReader(.chunked)
    var payload: [UInt8] = []
    var consumed = 0
    var error: HTTP1Error?
    for byte in bytes where error == nil && !single.isEnded {
      var piece: [Range<Int>] = []
      let step = single.read([byte].span, payload: &piece)
      if !piece.isEmpty { payload.append(byte) }
      consumed += step.consumed
      error = step.error
    }
    #expect(ranges.flatMap { bytes[$0] } == payload)
    #expect(reading.consumed == consumed)
    #expect(reading.error == error)
    #expect(whole.isEnded == single.isEnded)
  }

  @Test func `gives the payload of one read as ranges, in order`() {
    var reader = BodyReader(.chunked)
    var payload: [Range<Int>] = []
    let bytes = Array("2\r\nhe\r\n3\r\nl".utf8)
    let reading = reader.read(bytes.span, payload: &payload)
    #expect(reading.consumed == 11 && reading.state == .more && reading.error == nil)
    #expect(payload == [3..<5, 10..<11])
  }

  @Test func `stays broken after a violation`() {
    var reader = BodyReader(.chunked)
    var payload: [Range<Int>] = []
    for text in ["5\n", "5\r\nhello"] {
      let reading = reader.read(Array(text.utf8).span, payload: &payload)
      #expect(reading.error == .bareLineFeed)
    }
    #expect(payload.isEmpty && !reader.endsWellAtClose)
  }

  @Test func `a close ends some bodies and truncates others`() {
    func endsWell(_ framing: BodyFraming, after text: String) -> Bool {
      var reader = BodyReader(framing)
      var payload: [Range<Int>] = []
      _ = reader.read(Array(text.utf8).span, payload: &payload)
      return reader.endsWellAtClose
    }
    #expect(endsWell(.none, after: ""))
    #expect(endsWell(.untilClose, after: ""))
    #expect(endsWell(.untilClose, after: "x"))
    #expect(endsWell(.length(1), after: "x"))
    #expect(!endsWell(.length(2), after: "x"))
    #expect(endsWell(.chunked, after: "0\r\n\r\n"))
    #expect(!endsWell(.chunked, after: "0\r\n"))
    #expect(!endsWell(.chunked, after: ""))
  }
}
