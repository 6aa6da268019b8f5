// Goal: fields keep order, case and place, and look-ups ignore case alone.
// Method: one head each, asked in all the ways that the relay asks.

internal import Testing
internal import Wire

@Suite struct HeaderFieldsTests {
  private func fields(_ lines: String...) throws -> HeaderFields {
    let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    return try RequestHead(parsing: Array(text.utf8)).headers
  }

  @Test func `keeps names, values and lines as they came`() throws {
    let headers = try fields("X-One:  1 \t", "x-TWO:", "X-Three: a\tb  c\u{E9}")
    let seen = headers.fields.map {
      [headers.string($0.name), headers.string($0.value), headers.string($0.line)]
    }
    #expect(
      seen == [
        ["Host", "a", "Host: a\r\n"], ["X-One", "1", "X-One:  1 \t\r\n"],
        ["x-TWO", "", "x-TWO:\r\n"], ["X-Three", "a\tb  cé", "X-Three: a\tb  cé\r\n"],
      ])
  }

  @Test func `finds and counts in letters of any case`() throws {
    let headers = try fields("Via: one", "VIA: two", "Vi: three")
    #expect(headers.first("via").map(headers.string) == "one")
    #expect(headers.first("accept") == nil)
    #expect(headers.count(of: "via") == 2)
    #expect(headers.count(of: "accept") == 0)
    #expect(headers.name(headers.fields[2], is: "via"))
    #expect(!headers.name(headers.fields[3], is: "via"))
  }

  @Test func `ignores case only where there is one`() throws {
    // `^` and `~`, `@` and a backtick, differ in the bit that tells letters' case.
    let headers = try fields("a^: ONE^")
    #expect(headers.first("a~") == nil)
    let value = try #require(headers.first("a^"))
    #expect(headers.value(value, equalsIgnoringCase: "one^"))
    #expect(!headers.value(value, equalsIgnoringCase: "one~"))
    #expect(!headers.value(value, equalsIgnoringCase: "one"))
  }

  static let lists: [(lines: [String], holds: Bool)] = [
    (["Accept: sse"], true), (["Accept: a, SSE ,b"], true), (["Accept: a", "accept: ,,sse"], true),
    (["Accept: ssex"], false), (["Accept: a sse"], false), (["Accept:"], false),
    (["Accept: \t,sse\t"], true), (["Accepts: sse"], false), ([], false),
  ]

  @Test(arguments: lists)
  func `reads lists over all their lines, RFC 9110 §5.6.1`(lines: [String], holds: Bool) throws {
    let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    let headers = try RequestHead(parsing: Array(text.utf8)).headers
    #expect(headers.list("accept", contains: "sse") == holds)
  }

  @Test func `Connection nominates fields, on any of its lines, RFC 9110 §7.6.1`() throws {
    let headers = try fields(
      "X-One: 1", "Connection: close, x-one", "X-Two: 2", "CONNECTION: X-TWO,", "X-Three: 3")
    let nominated = headers.fields.filter(headers.connectionNominates).map {
      headers.string($0.name)
    }
    #expect(nominated == ["X-One", "X-Two"])
  }

  @Test func `Connection cannot nominate what frames or routes the message`() throws {
    let headers = try fields(
      "Content-Length: 1", "Connection: content-length, host, accept", "Accept: b")
    let nominated = headers.fields.filter(headers.connectionNominates).map {
      headers.string($0.name)
    }
    #expect(nominated == ["Accept"])
  }

  @Test func `nominates nothing without Connection`() throws {
    let headers = try fields("X-One: 1")
    #expect(!headers.fields.contains(where: headers.connectionNominates))
  }
}
