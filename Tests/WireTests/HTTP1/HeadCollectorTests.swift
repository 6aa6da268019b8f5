// Goal: a head is found whole, and broken line endings are refused, wherever reads end.
// Method: each input is fed in one read, byte by byte, and cut at every point, each read ending at
// an unreadable page; all ways must agree with each other and with the table.

internal import Testing
internal import Wire

@Suite struct HeadCollectorTests {
  @Test func `finds pipelined heads one by one`() {
    let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    let second = "HEAD /x HTTP/1.1\r\nHost: b\r\n\r\n"
    let reception = Reception.everyWay(first + second + "GET")
    #expect(reception?.heads == [Array(first.utf8), Array(second.utf8)])
    #expect(reception?.leftover == true)
    #expect(reception?.refusal == nil)
  }

  @Test func `says how many bytes a head took of a read`() throws {
    var collector = HeadCollector(limitBytes: 100)
    let bytes = Array("GET / HTTP/1.1\r\n\r\nbody".utf8)
    #expect(try collector.take(bytes.span) == .complete(taken: 18))
    #expect(collector.removeHead() == Array(bytes[..<18]))
    #expect(collector.isEmpty)
  }

  static let refused: [Refused] = [
    Refused("§2.2 bare LF after the start line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
    Refused("§2.2 bare LF as the blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
    Refused("§2.2 bare LF in a value", "GET / HTTP/1.1\r\nA: b\nc\r\n\r\n", .bareLineFeed),
    Refused("§2.2 bare CR in a value", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", .bareCarriageReturn),
    Refused("§2.2 bare CR in the start line", "GET /\r HTTP/1.1\r\n\r\n", .bareCarriageReturn),
    Refused("§2.2 two CRs before an LF", "GET / HTTP/1.1\r\r\n\r\n", .bareCarriageReturn),
    Refused("§2.2 bare CR as the blank line", "GET / HTTP/1.1\r\nA: b\r\n\rX", .bareCarriageReturn),
    Refused("§5.5 NUL in a value", "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", .nulByte),
    Refused("§5.5 NUL at the start of a line", "GET / HTTP/1.1\r\n\0A: b\r\n\r\n", .nulByte),
    Refused("§5.5 NUL in the start line", "GET /\0 HTTP/1.1\r\n\r\n", .nulByte),
    Refused("§2.2 two blank lines in front", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", .missingStartLine),
    Refused("§2.2 bare LF in front", "\nGET / HTTP/1.1\r\n\r\n", .bareLineFeed),
    Refused("§2.2 bare CR in front", "\rGET / HTTP/1.1\r\n\r\n", .bareCarriageReturn),
  ]

  @Test(arguments: refused)
  func `refuses broken line endings`(vector: Refused) {
    #expect(Reception.everyWay(vector.text) == Reception(refusal: vector.rule))
  }

  @Test func `refuses at the byte that shows it, before the head has ended`() {
    for (text, rule) in [("GET /\n", HTTP1Error.bareLineFeed), ("GET /\rX", .bareCarriageReturn)] {
      #expect(Reception.everyWay(text)?.refusal == rule)
    }
  }

  @Test func `passes over one blank line before a request, and none before a response`() {
    let head = "GET / HTTP/1.1\r\n\r\n"
    let expected = Reception(heads: [Array(head.utf8), Array(head.utf8)])
    #expect(Reception.everyWay("\r\n" + head + "\r\n" + head) == expected)
    let strict = Reception.everyWay("\r\n" + head, allowsLeadingBlankLine: false)
    #expect(strict == Reception(refusal: .missingStartLine))
  }

  @Test func `a blank line in front counts as nothing of a head`() throws {
    var collector = HeadCollector(limitBytes: 100, allowsLeadingBlankLine: true)
    #expect(try collector.take(Array("\r\n".utf8).span) == .needMore)
    #expect(collector.isEmpty)
    #expect(try collector.take(Array("G".utf8).span) == .needMore)
    #expect(!collector.isEmpty)
  }

  @Test func `takes a head of exactly the limit and refuses one byte more`() {
    let head = "GET / HTTP/1.1\r\nA: bcdefgh\r\n\r\n"
    let count = head.utf8.count
    #expect(Reception.everyWay(head, limitBytes: count)?.heads == [Array(head.utf8)])
    let over = Reception.everyWay(head, limitBytes: count - 1)
    #expect(over == Reception(refusal: .headTooLarge))
    // The blank line in front is no part of the head.
    #expect(Reception.everyWay("\r\n" + head, limitBytes: count)?.heads == [Array(head.utf8)])
  }

  @Test func `an unlimited collector takes what comes`() {
    let head = "GET / HTTP/1.1\r\n\r\n"
    #expect(Reception.everyWay("\r\n" + head, limitBytes: .max)?.heads == [Array(head.utf8)])
  }

  @Test func `a head that never ends is refused for its size alone`() {
    let endless = "GET / HTTP/1.1\r\nA: " + String(repeating: "b", count: 300)
    #expect(Reception.everyWay(endless, limitBytes: 128)?.refusal == .headTooLarge)
  }
}
