// Goal: a request head gives one verdict each on target, framing and persistence, and whatever two
// parsers could read differently is refused by the rule it breaks.
// Method: tables by section of RFC 9112; each head is cut in every way before it is parsed.

internal import Testing
internal import Wire

@Suite struct RequestHeadTests {
  /// `GET / HTTP/1.1` with a Host and those field lines.
  private static func get(_ fields: String...) -> String {
    "GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  private func parse(_ text: String) throws -> RequestHead {
    try RequestHead(parsing: Array(text.utf8))
  }

  // MARK: Refused

  static let startLines: [Refused] = [
    Refused("§3 no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("§3 method with a separator", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("§3 method alone", "GET\r\nHost: a\r\n\r\n", .badMethod),
    Refused("§3 tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("§3 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3 two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§3 space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§3 space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badVersion),
    Refused("§3 no version", "GET /\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§2.3 HTTP/2.0", "PRI * HTTP/2.0\r\n\r\n", .badVersion),
    Refused("§2.3 HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§2.3 HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§2.3 lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§2.3 cut short", "GET / HTTP/1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("§3.2 fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2 control character", "GET /a\u{1}b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2 DEL", "GET /a\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2 not ASCII", "GET /é HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2 relative path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.2 other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.2 no host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.2 user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.3 authority form", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.3 CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.4 asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2.4 asterisk and more", "OPTIONS */ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("§3.2 no Host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    Refused(
      "§3.2 two Hosts, identical", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost),
    Refused("§3.2 two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
    Refused("§3.2 empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", .badHost),
    Refused("§3.2 Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
    Refused("§3.2 Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
    Refused("§3.2 Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
    Refused("§3.2 Host with a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .badHost),
    Refused("§3.2 Host of a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .badHost),
    Refused("§3.2 Host with open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost),
    Refused("§3.2 Host with text in brackets", "GET / HTTP/1.1\r\nHost: [x]\r\n\r\n", .badHost),
    Refused("§3.2 Host with a broken escape", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", .badHost),
  ]

  static let fieldLines: [Refused] = [
    Refused("§5.1 space before the colon", get("A : b"), .spaceBeforeColon),
    Refused("§5.1 tab before the colon", get("A\t: b"), .spaceBeforeColon),
    Refused("§5.2 folded line", get("A: b", " c"), .obsoleteFold),
    Refused("§5.2 folded by a tab", get("A: b", "\tc"), .obsoleteFold),
    Refused(
      "§2.2 space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteFold),
    Refused("§5 no colon", get("Abc"), .badFieldName),
    Refused("§5 empty name", get(": b"), .badFieldName),
    Refused("§5.6.2 name in brackets", get("A[1]: b"), .badFieldName),
    Refused("§5.6.2 name not ASCII", get("É: b"), .badFieldName),
    Refused("§5.5 control character", get("A: b\u{1}"), .badFieldValue),
    Refused("§5.5 DEL", get("A: b\u{7F}c"), .badFieldValue),
    Refused("§5.5 escape after a tab", get("A: \t\u{1B}"), .badFieldValue),
  ]

  static let framings: [Refused] = [
    Refused(
      "§6.1 with Content-Length", get("Transfer-Encoding: chunked", "Content-Length: 3"),
      .transferEncodingWithContentLength
    ),
    Refused(
      "§6.1 after Content-Length", get("content-length: 3", "transfer-encoding: chunked"),
      .transferEncodingWithContentLength
    ),
    Refused(
      "§6.1 in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      .transferEncodingInHTTP10
    ),
    Refused("§7 gzip", get("Transfer-Encoding: gzip"), .unsupportedTransferEncoding),
    Refused(
      "§7 gzip, chunked", get("Transfer-Encoding: gzip, chunked"), .unsupportedTransferEncoding),
    Refused(
      "§7 chunked twice", get("Transfer-Encoding: chunked, chunked"), .unsupportedTransferEncoding),
    Refused(
      "§7 chunked on two lines", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
      .unsupportedTransferEncoding
    ),
    Refused("§7 identity", get("Transfer-Encoding: identity"), .unsupportedTransferEncoding),
    Refused("§7 xchunked", get("Transfer-Encoding: xchunked"), .unsupportedTransferEncoding),
    Refused(
      "§7 chunked with a parameter", get("Transfer-Encoding: chunked;a"),
      .unsupportedTransferEncoding
    ),
    Refused("§7 quoted", get("Transfer-Encoding: \"chunked\""), .unsupportedTransferEncoding),
    Refused("§7 vertical tab", get("Transfer-Encoding: \u{B}chunked"), .badFieldValue),
    Refused("§7 empty", get("Transfer-Encoding:"), .unsupportedTransferEncoding),
    Refused("§6.2 repeated", get("Content-Length: 3", "Content-Length: 3"), .repeatedContentLength),
    Refused(
      "§6.2 repeated, differing", get("Content-Length: 3", "content-length: 4"),
      .repeatedContentLength
    ),
    Refused("§6.2 list", get("Content-Length: 3, 3"), .badContentLength),
    Refused("§6.2 plus", get("Content-Length: +3"), .badContentLength),
    Refused("§6.2 minus", get("Content-Length: -3"), .badContentLength),
    Refused("§6.2 hexadecimal", get("Content-Length: 0x3"), .badContentLength),
    Refused("§6.2 blank inside", get("Content-Length: 1 2"), .badContentLength),
    Refused("§6.2 empty", get("Content-Length: "), .badContentLength),
    Refused("§6.2 19 digits", get("Content-Length: 1000000000000000000"), .badContentLength),
    Refused("§6.2 beyond 64 bits", get("Content-Length: 18446744073709551617"), .badContentLength),
  ]

  @Test(arguments: startLines + fieldLines + framings)
  func `refuses by the rule broken`(vector: Refused) {
    #expect(refusal(ofRequest: vector.text) == vector.rule)
  }

  @Test func `refuses what is not exactly one head`() {
    let head = Self.get("A: b")
    for cut in 0..<head.utf8.count {
      let part = Array(head.utf8.prefix(cut))
      #expect(thrown { () throws(HTTP1Error) in _ = try RequestHead(parsing: part) } != nil)
    }
    let more = Array((head + "x").utf8)
    #expect(
      thrown { () throws(HTTP1Error) in _ = try RequestHead(parsing: more) } == .badHeadEnding)
  }

  // MARK: Accepted

  @Test func `reads the start line`() throws {
    let head = try parse("POST /v1/chat?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(head.headers.string(head.method) == "POST")
    #expect(head.headers.string(head.target) == "/v1/chat?x=1")
    #expect(head.originTarget == head.target)
    #expect(head.version == .http11)
    #expect(head.isMethod("POST") && !head.isMethod("post") && !head.isMethod("POS"))
  }

  static let targets: [(line: String, origin: String, lacksRoot: Bool)] = [
    ("GET / HTTP/1.1", "/", false),
    ("GET //a/../b?c=%20\\|^ HTTP/1.1", "//a/../b?c=%20\\|^", false),
    ("GET http://a/x?y HTTP/1.1", "/x?y", false),
    ("GET HTTPS://a:1/x HTTP/1.1", "/x", false),
    ("GET http://[::1]:80/x HTTP/1.1", "/x", false),
    ("GET http://a HTTP/1.1", "", true),
    ("GET http://a?y=/ HTTP/1.1", "?y=/", true),
    ("OPTIONS * HTTP/1.1", "*", false),
    ("OPTIONS /x HTTP/1.1", "/x", false),
  ]

  @Test(arguments: targets)
  func `finds path and query in each form of target`(
    line: String, origin: String, lacksRoot: Bool
  ) throws {
    let head = try parse(line + "\r\nHost: a\r\n\r\n")
    #expect(head.headers.string(head.originTarget) == origin)
    #expect(head.originTargetLacksRoot == lacksRoot)
  }

  @Test(arguments: [
    "a", "a.b-c_d~e", "127.0.0.1:9346", "[::1]", "[::ffff:1.2.3.4]:80", "a:", "%41",
  ])
  func `accepts hosts`(host: String) {
    #expect(refusal(ofRequest: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == nil)
  }

  @Test func `every octet is a field name or is not, as RFC 9110 §5.6.2 lists them`() {
    let letters = "abcdefghijklmnopqrstuvwxyz"
    let tokens = Set(("!#$%&'*+-.^_`|~0123456789" + letters + letters.uppercased()).utf8)
    for octet in UInt8.min ... .max {
      let head = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + [octet] + Array(": b\r\n\r\n".utf8)
      let rule = thrown { () throws(HTTP1Error) in _ = try RequestHead(parsing: head) }
      #expect((rule == nil) == tokens.contains(octet), "octet \(octet)")
    }
  }

  @Test func `every octet may stand in a value or may not, as RFC 9110 §5.5 says`() {
    for octet in UInt8.min ... .max {
      // At every distance from the line's end, since values are read eight bytes at a time.
      for padding in 0..<9 {
        let value = Array("ab".utf8) + [octet] + [UInt8](repeating: 0x63, count: padding)
        let head =
          Array("GET / HTTP/1.1\r\nHost: a\r\nA: ".utf8) + value + Array("\r\n\r\n".utf8)
        let rule = thrown { () throws(HTTP1Error) in _ = try RequestHead(parsing: head) }
        let isAllowed = octet == 0x09 || (octet >= 0x20 && octet != 0x7F)
        #expect((rule == nil) == isAllowed, "octet \(octet) before \(padding)")
      }
    }
  }

  static let framed: [(fields: [String], framing: BodyFraming)] = [
    ([], .none),
    (["Content-Length: 0"], .length(0)),
    (["content-length:\t 12 \t"], .length(12)),
    (["Content-Length: 007"], .length(7)),
    (["Content-Length: 999999999999999999"], .length(999_999_999_999_999_999)),
    (["Transfer-Encoding: chunked"], .chunked),
    (["TRANSFER-ENCODING:CHUNKED"], .chunked),
  ]

  @Test(arguments: framed)
  func `frames the body, §6.3`(fields: [String], framing: BodyFraming) throws {
    let lines = fields.map { $0 + "\r\n" }.joined()
    #expect(try parse("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n").framing == framing)
  }

  static let persistence: [(version: String, connection: String?, isPersistent: Bool)] = [
    ("1.1", nil, true), ("1.1", "keep-alive", true), ("1.1", "close", false),
    ("1.1", "foo, CLOSE", false), ("1.1", "closed", true), ("1.1", "foo,,close ,", false),
    ("1.0", nil, false), ("1.0", "Keep-Alive", true), ("1.0", "keep-alive, close", false),
  ]

  @Test(arguments: persistence)
  func `keeps the connection or not, §9.3`(
    version: String, connection: String?, isPersistent: Bool
  ) throws {
    let line = connection.map { "Connection: \($0)\r\n" } ?? ""
    #expect(
      try parse("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n").isPersistent == isPersistent)
  }

  @Test func `expects 100 only in HTTP 1.1`() throws {
    let rest = "\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
    #expect(try parse("POST / HTTP/1.1" + rest).expectsContinue)
    #expect(try !parse("POST / HTTP/1.0" + rest).expectsContinue)
    #expect(try !parse(Self.get("Expect: 200-ok")).expectsContinue)
  }

  @Test func `an upgrade needs both fields and HTTP 1.1`() throws {
    let both = "\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    #expect(try parse("GET / HTTP/1.1" + both).isUpgrade)
    #expect(try !parse("GET / HTTP/1.0" + both).isUpgrade)
    #expect(try !parse(Self.get("Upgrade: websocket")).isUpgrade)
    #expect(try !parse(Self.get("Connection: upgrade")).isUpgrade)
  }

  @Test func `knows the idempotent methods, RFC 9110 §9.2.2`() throws {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
      #expect(try parse("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n").isIdempotent)
    }
    for method in ["POST", "PATCH", "get"] {
      #expect(try !parse("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n").isIdempotent)
    }
  }

  @Test func `an HTTP 1.0 request needs no Host`() throws {
    #expect(try parse("GET / HTTP/1.0\r\n\r\n").version == .http10)
  }

  @Test func `a head too large is the one refusal that is not a 400`() {
    #expect(HTTP1Error.headTooLarge.clientStatus == 431)
    #expect(HTTP1Error.badFieldName.clientStatus == 400)
  }
}
