// Goal: heads are written as RFC 9112 has them, forwarded lines come out byte for byte, and no
// value can break out of its line.
// Method: what is written is compared with the text wanted, and read again by the strict parsers.

internal import Testing
internal import Wire

@Suite struct HeadWriterTests {
  private func text(_ writer: HeadWriter) -> String {
    String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func `writes a response of weir's own`() throws {
    var writer = HeadWriter()
    writer.statusLine(status: 429)
    writer.field("content-type", "application/json")
    writer.field("content-length", 12)
    writer.field("x-weir-error", Array("queue_full".utf8))
    writer.end()
    #expect(
      text(writer)
        == "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n"
        + "content-length: 12\r\nx-weir-error: queue_full\r\n\r\n")
    let head = try ResponseHead(parsing: writer.bytes, answeringHEAD: false)
    #expect(head.status == 429 && head.framing == .length(12))
  }

  @Test func `writes a request of weir's own`() throws {
    var writer = HeadWriter()
    writer.requestLine(method: "GET", target: "/readyz")
    writer.field("host", "127.0.0.1:9347" as String)
    writer.end()
    #expect(text(writer) == "GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:9347\r\n\r\n")
    _ = try RequestHead(parsing: writer.bytes)
  }

  @Test func `forwards lines as they came`() throws {
    let lines = "HOST:a\r\nx-B:  1 \t\r\nX-b:\r\n"
    let head = try RequestHead(parsing: Array("PATCH /a/b?c HTTP/1.0\r\n\(lines)\r\n".utf8))
    var writer = HeadWriter()
    writer.requestLine(of: head, target: head.originTarget)
    for field in head.headers.fields { writer.copyLine(of: field, from: head.headers) }
    writer.end()
    #expect(text(writer) == "PATCH /a/b?c HTTP/1.1\r\n\(lines)\r\n")
  }

  @Test func `forwards a status with its own reason, or none`() throws {
    for (line, written) in [
      ("HTTP/1.0 200 Fine", "HTTP/1.1 200 Fine\r\n"), ("HTTP/1.1 299", "HTTP/1.1 299 \r\n"),
    ] {
      let head = try ResponseHead(parsing: Array((line + "\r\n\r\n").utf8), answeringHEAD: false)
      var writer = HeadWriter()
      writer.statusLine(of: head)
      #expect(text(writer) == written)
    }
  }

  static let targets: [(target: String, skip: Int, prefix: String, written: String)] = [
    ("/openai/v1/x", 7, "/base", "/base/v1/x"),
    ("/openai/v1/x", 7, "", "/v1/x"),
    ("/x", 2, "", "/"),
    ("/x?q", 2, "", "/?q"),
    ("/x?q", 2, "/base", "/base?q"),
    ("http://a", 8, "", "/"),
    ("http://a?q", 8, "", "/?q"),
  ]

  @Test(arguments: targets)
  func `joins the upstream's path and what is left of the target`(
    target: String, skip: Int, prefix: String, written: String
  ) throws {
    let head = try RequestHead(parsing: Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
    var writer = HeadWriter()
    writer.requestLine(
      of: head, prefix: Array(prefix.utf8), target: head.target.dropFirst(skip))
    #expect(text(writer) == "GET \(written) HTTP/1.1\r\n")
  }

  @Test func `no value ends its line early, RFC 9110 §5.5`() throws {
    var writer = HeadWriter()
    writer.statusLine(status: 200, reason: Array("O\r\nK".utf8))
    writer.field("x-a", "one\r\nX-Evil: 1\0\u{7F}" as String)
    writer.field(Array("x-b".utf8), Array("two\n\ttab é".utf8))
    writer.end()
    let head = try ResponseHead(parsing: writer.bytes, answeringHEAD: false)
    let headers = head.headers
    #expect(headers.string(head.reason) == "O  K")
    #expect(headers.fields.count == 2)
    #expect(headers.first("x-a").map(headers.string) == "one  X-Evil: 1")
    #expect(headers.first("x-b").map(headers.string) == "two \ttab é")
  }

  @Test(arguments: [0, 7, 10, 1234567890, Int.max, -1, Int.min])
  func `writes numbers in decimal`(number: Int) {
    var writer = HeadWriter()
    writer.field("n", number)
    #expect(text(writer) == "n: \(number)\r\n")
  }

  @Test func `a reset writer begins anew`() {
    var writer = HeadWriter()
    writer.statusLine(status: 200)
    writer.reset()
    writer.statusLine(status: 503)
    #expect(text(writer) == "HTTP/1.1 503 Service Unavailable\r\n")
  }

  @Test func `copies a part of other bytes`() {
    var writer = HeadWriter()
    writer.copy(Array("abc".utf8), 1..<3)
    #expect(text(writer) == "bc")
  }
}
