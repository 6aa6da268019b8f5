// Goal: a chunked body's payload and end are found whatever the reads, and all malformed framing is
// refused by the rule broken, at the byte that breaks it.
// Method: vectors by section of RFC 9112, each fed in every way of cutting it, and random bodies,
// whole and damaged, held against a second, naive reading.

internal import TestSupport
internal import Testing
internal import Wire

@Suite struct ChunkedDecoderTests {
  /// What a decoder made of the bytes of one connection.
  struct Found: Equatable {
    var payload: [UInt8] = []
    var end: Int?
    var refusal: HTTP1Error?

    var text: String { String(decoding: payload, as: UTF8.self) }
  }

  private struct State {
    var decoder = ChunkedDecoder()
    var found = Found()
    var taken = 0

    mutating func take(_ bytes: Span<UInt8>) {
      guard found.end == nil, found.refusal == nil else { return }
      var offset = 0
      do throws(HTTP1Error) {
        while true {
          switch try decoder.next(in: bytes, from: offset) {
          case .payload(let range):
            for at in range { found.payload.append(bytes[at]) }
            offset = range.upperBound
          case .needMore:
            taken += bytes.count
            return
          case .end(let end):
            found.end = taken + end
            return
          }
        }
      } catch {
        found.refusal = error
      }
    }
  }

  private func decode(_ bytes: [UInt8], everyCutUpTo: Int = 512) -> Feed<Found> {
    Feed(
      bytes, everyCutUpTo: everyCutUpTo, start: { State() }, feed: { $0.take($1) },
      result: { $0.found })
  }

  /// A body by section of RFC 9112, and what it carries.
  struct Accepted: Sendable, CustomTestStringConvertible {
    let name: String
    let body: String
    let payload: String

    init(_ name: String, _ body: String, _ payload: String) {
      (self.name, self.body, self.payload) = (name, body, payload)
    }

    var testDescription: String { name }
  }

  static let accepted: [Accepted] = [
    Accepted("§7.1 empty", "0\r\n\r\n", ""),
    Accepted("§7.1 one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    Accepted("§7.1 several", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
    Accepted(
      "§7.1 either case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
    Accepted("§7.1 leading zeros", "0000000000000002\r\nab\r\n000\r\n\r\n", "ab"),
    Accepted(
      "§7.1 payload that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"),
    Accepted("§7.1.1 name", "1;a\r\nx\r\n0;last\r\n\r\n", "x"),
    Accepted("§7.1.1 token value", "1;a=b;c=d\r\nx\r\n0\r\n\r\n", "x"),
    Accepted("§7.1.1 quoted value", "1;a=\"b;\\\"c\\\\\"\r\nx\r\n0\r\n\r\n", "x"),
    Accepted("§7.1.1 empty quotes", "1;a=\"\";b\r\nx\r\n0\r\n\r\n", "x"),
    Accepted("§7.1.1 white space around", "1 \t; a\t= b ;c\r\nx\r\n0\r\n\r\n", "x"),
    Accepted("§7.1.2 trailers", "1\r\nx\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", "x"),
    Accepted(
      "§7.1.2 a name that only begins like a forbidden one", "0\r\nHosts: a\r\nTea: b\r\n\r\n", ""),
    Accepted(
      "§7.1.2 a name longer than any forbidden one", "0\r\nproxy-authorization-b: a\r\n\r\n", ""),
  ]

  @Test(arguments: accepted)
  func `finds payload and end`(vector: Accepted) {
    let bytes = Array((vector.body + "GET / HTTP/1.1").utf8)
    let feed = decode(bytes)
    #expect(feed.disagreements.isEmpty)
    #expect(
      feed.whole == Found(payload: Array(vector.payload.utf8), end: vector.body.utf8.count))
  }

  static let refused: [Refused] = [
    Refused("§7.1 no size", "\r\n", .badChunkSize),
    Refused("§7.1 no size before an extension", ";a\r\n", .badChunkSize),
    Refused("§7.1 0x", "0x5\r\nhello\r\n", .badChunkSize),
    Refused("§7.1 sign", "+5\r\nhello\r\n", .badChunkSize),
    Refused("§7.1 minus", "-5\r\nhello\r\n", .badChunkSize),
    Refused("§7.1 blank in front", " 5\r\nhello\r\n", .badChunkSize),
    Refused("§7.1 underscore", "1_0\r\n", .badChunkSize),
    Refused("§7.1 letter beyond F", "5g\r\n", .badChunkSize),
    Refused("§7.1 NUL", "5\0\r\n", .badChunkSize),
    Refused("§7.1 blank behind", "5 \r\nhello\r\n", .badChunkExtension),
    Refused("§7.1 17 digits", "00000000000000005\r\nhello\r\n", .chunkSizeOverflow),
    Refused("§7.1 2^63", "8000000000000000\r\n", .chunkSizeOverflow),
    Refused("§7.1 2^64 - 1", "ffffffffffffffff\r\n", .chunkSizeOverflow),
    Refused("§2.2 LF behind the size", "5\nhello\r\n", .bareLineFeed),
    Refused("§2.2 LF for a size", "\n5\r\n", .bareLineFeed),
    Refused("§2.2 CR behind the size", "5\rhello", .bareCarriageReturn),
    Refused("§2.2 LF behind an extension", "5;a\nhello\r\n", .bareLineFeed),
    Refused("§2.2 LF in quotes", "5;a=\"\n\"\r\nhello", .bareLineFeed),
    Refused("§2.2 CR behind an extension", "5;a\rhello", .bareCarriageReturn),
    Refused("§7.1 longer than its size", "4\r\nhello\r\n", .badChunkEnding),
    Refused("§7.1 LF behind the payload", "5\r\nhello\n0\r\n\r\n", .badChunkEnding),
    Refused("§7.1 CR alone behind the payload", "5\r\nhello\r0\r\n\r\n", .badChunkEnding),
    Refused("§7.1.1 no name", "5;\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 two semicolons", "5;;a\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 no value", "5;a=\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 two names", "5;a b\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 open quotes", "5;a=\"b\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 text behind quotes", "5;a=\"b\"c\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 blank at the end", "5;a=b \r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 quotes for a name", "5;\"a\"\r\nhello\r\n", .badChunkExtension),
    Refused("§7.1.1 control character", "5;a=\"\u{1}\"\r\nhello", .badChunkExtension),
    Refused("§7.1.2 no colon", "0\r\nabc\r\n\r\n", .badTrailer),
    Refused("§7.1.2 no name", "0\r\n: b\r\n\r\n", .badTrailer),
    Refused("§7.1.2 a request", "0\r\nGET / HTTP/1.1\r\n\r\n", .spaceBeforeColon),
    Refused("§5.1 space before the colon", "0\r\nA : b\r\n\r\n", .spaceBeforeColon),
    Refused("§5.2 folded", "0\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
    Refused("§5.5 control character", "0\r\nA: \u{1}\r\n\r\n", .badTrailer),
    Refused("§5.5 NUL", "0\r\nA: \0\r\n\r\n", .nulByte),
    Refused("§2.2 LF behind a trailer", "0\r\nA: b\n\r\n", .bareLineFeed),
    Refused("§2.2 LF in a trailer's name", "0\r\nA\n: b\r\n\r\n", .bareLineFeed),
    Refused("§2.2 LF for a trailer", "0\r\n\n", .bareLineFeed),
    Refused("§2.2 CR behind a trailer", "0\r\nA: b\rc\r\n\r\n", .bareCarriageReturn),
    Refused("§2.2 CR at the end", "0\r\n\rx", .bareCarriageReturn),
    Refused("RFC 9110 §6.5.1 framing", "0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
    Refused(
      "RFC 9110 §6.5.1 framing", "0\r\nA: b\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
      .forbiddenTrailer
    ),
    Refused("RFC 9110 §6.5.1 routing", "0\r\nhost: a\r\n\r\n", .forbiddenTrailer),
    Refused("RFC 9110 §6.5.1 connection", "0\r\nConnection: close\r\n\r\n", .forbiddenTrailer),
    Refused(
      "RFC 9110 §6.5.1 credentials", "0\r\nProxy-Authorization: a\r\n\r\n", .forbiddenTrailer),
  ]

  @Test(arguments: refused)
  func `refuses by the rule broken`(vector: Refused) {
    let feed = decode(Array(vector.text.utf8))
    #expect(feed.disagreements.isEmpty)
    #expect(feed.whole.refusal == vector.rule)
  }

  @Test func `refuses at the byte that breaks the rule, not later`() {
    for vector in Self.refused {
      // The shortest prefix that is refused ends with the byte at fault; no shorter one may be.
      let bytes = Array(vector.text.utf8)
      let first = (0...bytes.count).first { decode(Array(bytes.prefix($0))).whole.refusal != nil }
      var reader = BodyReader(.chunked)
      var payload: [Range<Int>] = []
      let reading = reader.read(bytes.span, payload: &payload)
      #expect(reading.error == vector.rule, "\(vector.name)")
      #expect(reading.consumed + 1 == first, "\(vector.name)")
    }
  }

  @Test func `stays broken after a refusal`() {
    var decoder = ChunkedDecoder()
    for text in ["x", "0\r\n\r\n"] {
      let bytes = Array(text.utf8)
      let rule = thrown { () throws(HTTP1Error) in _ = try decoder.next(in: bytes.span, from: 0) }
      #expect(rule == .badChunkSize)
    }
  }

  @Test func `waits for more in the middle of anything`() {
    let body = Array("5;a=\"\\b\" ; c\r\nhello\r\n0\r\nA: b\r\n\r\n".utf8)
    for cut in 0..<body.count {
      let found = decode(Array(body.prefix(cut))).whole
      #expect(found.end == nil && found.refusal == nil, "cut at \(cut)")
    }
  }

  @Test func `takes the largest chunk that can be named without reading it`() throws {
    var decoder = ChunkedDecoder()
    let head = Array("7fffffffffffffff\r\nab".utf8)
    #expect(try decoder.next(in: head.span, from: 0) == .payload(18..<20))
    #expect(try decoder.next(in: head.span, from: 20) == .needMore)
  }

  @Test func `extensions and trailers together have 4 KiB a body`() {
    func body(extensionBytes: Int, trailerBytes: Int) -> [UInt8] {
      // ";" and "T:" and CRLF count too.
      let name = String(repeating: "e", count: extensionBytes - 1)
      let value = String(repeating: "t", count: trailerBytes - 4)
      return Array("1;\(name)\r\nx\r\n0\r\nT:\(value)\r\n\r\n".utf8)
    }
    let cases: [(extensionBytes: Int, trailerBytes: Int, rule: HTTP1Error?)] = [
      (2000, 2096, nil), (2000, 2097, .trailersTooLarge), (4092, 4, nil),
      (4097, 4, .extensionsTooLarge), (4093, 4, .trailersTooLarge), (2, 5000, .trailersTooLarge),
    ]
    for (extensionBytes, trailerBytes, rule) in cases {
      let bytes = body(extensionBytes: extensionBytes, trailerBytes: trailerBytes)
      let feed = decode(bytes)
      #expect(feed.disagreements.isEmpty)
      #expect(feed.whole.refusal == rule)
      #expect((feed.whole.end == bytes.count) == (rule == nil))
    }
  }

  @Test func `many small extensions count like one large one`() {
    let chunk = "1;abcdefg\r\nx\r\n"  // eight bytes of extension each
    let most = String(repeating: chunk, count: 512) + "0\r\n\r\n"
    #expect(decode(Array(most.utf8)).whole.end == most.utf8.count)
    let over = String(repeating: chunk, count: 513) + "0\r\n\r\n"
    #expect(decode(Array(over.utf8)).whole.refusal == .extensionsTooLarge)
  }

  @Test(arguments: 0..<40)
  func `agrees with a naive reading of random bodies`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<10 {
      let bytes = ChunkedBody.random(using: &random)
      let feed = decode(bytes)
      #expect(feed.disagreements.isEmpty)
      let expected = ChunkedBody(bytes)
      #expect(expected != nil, "the generator makes valid bodies")
      #expect(feed.whole.end.map { ChunkedBody(payload: feed.whole.payload, end: $0) } == expected)
    }
  }

  @Test(arguments: 0..<40)
  func `agrees with a naive reading of damaged bodies`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let wanted = Array("\r\n;:= \t\"\\0aF\0\u{7F}".utf8)
    for _ in 0..<200 {
      var bytes = ChunkedBody.random(using: &random)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        let octet = wanted.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = octet
        case 1: bytes.insert(octet, at: at)
        default: if bytes.count > 1 { bytes.remove(at: at) }
        }
      }
      let found = decode(bytes, everyCutUpTo: 0)
      #expect(found.disagreements.isEmpty, "\(bytes)")
      let body = found.whole.end.map { ChunkedBody(payload: found.whole.payload, end: $0) }
      #expect(body == ChunkedBody(bytes), "\(bytes)")
    }
  }
}
