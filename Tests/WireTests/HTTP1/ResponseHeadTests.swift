// Goal: a response head gives one verdict each on how its body ends and whether the connection can
// be used again; what could be read in two ways is refused.
// Method: tables by section of RFC 9112; each head is cut in every way before it is parsed.

internal import Testing
internal import Wire

@Suite struct ResponseHeadTests {
  static let refused: [Refused] = [
    Refused("§4 other protocol", "ICY 200 OK\r\n\r\n", .badVersion),
    Refused("§4 HTTP/2", "HTTP/2 200\r\n\r\n", .badVersion),
    Refused("§4 no status", "HTTP/1.1\r\n\r\n", .badStatusLine),
    Refused("§4 two digits", "HTTP/1.1 20\r\n\r\n", .badStatusLine),
    Refused("§4 four digits", "HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
    Refused("§4 status below 100", "HTTP/1.1 099 No\r\n\r\n", .badStatusLine),
    Refused("§4 letters", "HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine),
    Refused("§4 two spaces", "HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
    Refused("§4 tab behind the status", "HTTP/1.1 200\tOK\r\n\r\n", .badStatusLine),
    Refused("§4 control character in the reason", "HTTP/1.1 200 O\u{1}K\r\n\r\n", .badStatusLine),
    Refused("§2.2 bare LF", "HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed),
    Refused(
      "§2.2 blank line in front is for requests", "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      .missingStartLine
    ),
    Refused("§5.2 folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
    Refused("§5.1 space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
    Refused(
      "§6.1 both framings",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      .transferEncodingWithContentLength
    ),
    Refused(
      "§6.1 chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      .transferEncodingInHTTP10
    ),
    Refused(
      "§7 other coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      .unsupportedTransferEncoding
    ),
    Refused(
      "§6.2 repeated", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      .repeatedContentLength
    ),
    Refused("§6.2 list", "HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n", .badContentLength),
    Refused(
      "§6.1 chunked 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
      .bodyInBodilessResponse
    ),
    Refused(
      "§6.1 chunked 1xx", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
      .bodyInBodilessResponse
    ),
    Refused(
      "RFC 9110 §8.6 204 with a length", "HTTP/1.1 204\r\nContent-Length: 1\r\n\r\n",
      .bodyInBodilessResponse
    ),
    Refused(
      "RFC 9110 §8.6 1xx with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n",
      .bodyInBodilessResponse
    ),
    Refused(
      "§6.3 a bad length though HEAD has no body", "HTTP/1.1 304\r\nContent-Length: x\r\n\r\n",
      .badContentLength
    ),
  ]

  @Test(arguments: refused)
  func `refuses by the rule broken`(vector: Refused) {
    #expect(refusal(ofResponse: vector.text) == vector.rule)
  }

  @Test func `refuses what is not exactly one head`() {
    let head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    for cut in 0..<head.utf8.count {
      let part = Array(head.utf8.prefix(cut))
      let rule = thrown { () throws(HTTP1Error) in
        _ = try ResponseHead(parsing: part, answeringHEAD: false)
      }
      #expect(rule != nil, "cut at \(cut)")
    }
  }

  static let reasons: [(line: String, reason: String)] = [
    ("HTTP/1.1 200 OK", "OK"), ("HTTP/1.1 200 ", ""), ("HTTP/1.1 200", ""),
    ("HTTP/1.1 404 Not Found", "Not Found"), ("HTTP/1.1 200  two\té", " two\té"),
  ]

  @Test(arguments: reasons)
  func `reads the reason, or none`(line: String, reason: String) throws {
    let head = try ResponseHead(parsing: Array((line + "\r\n\r\n").utf8), answeringHEAD: false)
    #expect(head.headers.string(head.reason) == reason)
  }

  static let framed: [(status: Int, field: String, head: Bool, framing: BodyFraming)] = [
    (200, "Content-Length: 5", false, .length(5)),
    (200, "Content-Length: 0", false, .length(0)),
    (200, "Transfer-Encoding: Chunked", false, .chunked),
    (200, "A: b", false, .untilClose),
    (529, "A: b", false, .untilClose),
    (200, "Content-Length: 5", true, .none),
    (200, "Transfer-Encoding: chunked", true, .none),
    (200, "A: b", true, .none),
    (304, "Content-Length: 5", false, .none),
    (304, "Transfer-Encoding: chunked", false, .none),
    (204, "A: b", false, .none),
    (204, "Content-Length: 0", false, .none),
    (100, "A: b", false, .none),
    (101, "Content-Length: 0", false, .none),
  ]

  @Test(arguments: framed)
  func `frames the body by method, status and fields, §6.3`(
    status: Int, field: String, answeringHEAD: Bool, framing: BodyFraming
  ) throws {
    let text = "HTTP/1.1 \(status) Reason\r\n\(field)\r\n\r\n"
    let head = try ResponseHead(parsing: Array(text.utf8), answeringHEAD: answeringHEAD)
    #expect(head.status == status)
    #expect(head.framing == framing)
  }

  static let persistence: [(text: String, isPersistent: Bool)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", false),
    ("HTTP/1.1 200 OK\r\n\r\n", false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", true),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false),
  ]

  @Test(arguments: persistence)
  func `keeps the connection or not, §9.3`(text: String, isPersistent: Bool) throws {
    let head = try ResponseHead(parsing: Array(text.utf8), answeringHEAD: false)
    #expect(head.isPersistent == isPersistent)
  }

  @Test func `tells interim responses from the one that switches protocols`() throws {
    for (status, isInterim, isSwitch) in [
      (100, true, false), (103, true, false), (101, false, true), (200, false, false),
    ] {
      let head = try ResponseHead(
        parsing: Array("HTTP/1.1 \(status)\r\n\r\n".utf8), answeringHEAD: false)
      #expect(head.isInformational == isInterim)
      #expect(head.isSwitchingProtocols == isSwitch)
    }
  }
}
