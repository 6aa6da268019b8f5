// What weir changes about a message on its way, byte for byte: the hop-by-hop fields, Host, and
// what the route says. Everything else arrives as it was sent, white space and case included.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct HeadForwardingTests {
  /// What upstream gets of a request, and the client of an answer.
  private func forward(
    _ options: RelayOptions = .scenario(), _ request: String, _ answer: String = ok("")
  ) throws -> (request: String, answer: String) {
    let stage = try RelayHarness(options)
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(request)
    stage.settle()
    let forwarded = upstream[0].text
    upstream[0].send(answer)
    stage.settle()
    #expect(stage.endings.count == 1)
    return (forwarded, client.text)
  }

  // Goal: field order, case, repetition and inner and outer white space survive, both ways.
  // Method: heads full of oddities that are allowed.
  @Test func fieldsSurvive() throws {
    let fields =
      "b: 2\r\nA:1\r\nb:   two words \t \r\nX-Empty:\r\nx-latin: caf\u{e9}\r\nCookie: a=b; c=d\r\n"
    let heads = try forward(
      .scenario(), "GET /a%2fb?q=%20&r=/ HTTP/1.1\r\n" + fields + "hOST: weir\r\n\r\n",
      "HTTP/1.1 299 Any Reason\r\n" + fields + "content-LENGTH: 2\r\n\r\nok")
    #expect(heads.request == "GET /a%2fb?q=%20&r=/ HTTP/1.1\r\n" + fields + "Host: up.test\r\n\r\n")
    #expect(heads.answer == "HTTP/1.1 299 Any Reason\r\n" + fields + "content-LENGTH: 2\r\n\r\nok")
  }

  // Goal: what concerns one connection only stays there (RFC 9110 §7.6.1), and what `Connection`
  // names with it.
  // Method: every such field, both ways, between others.
  @Test func hopByHopFieldsStay() throws {
    let hops =
      "Connection: keep-alive, X-Mine\r\nKeep-Alive: timeout=5\r\nx-mine: 1\r\n"
      + "Proxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\n"
    let heads = try forward(
      .scenario(), "GET / HTTP/1.1\r\nHost: weir\r\na: 1\r\n" + hops + "z: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\na: 1\r\n" + hops + "z: 2\r\nContent-Length: 0\r\n\r\n")
    #expect(heads.request == "GET / HTTP/1.1\r\nHost: up.test\r\na: 1\r\nz: 2\r\n\r\n")
    #expect(heads.answer == "HTTP/1.1 200 OK\r\na: 1\r\nz: 2\r\nContent-Length: 0\r\n\r\n")
  }

  // Goal: a request of HTTP/1.0 goes up as weir's own version, with a Host.
  // Method: one without Host.
  @Test func oldVersion() throws {
    let heads = try forward(.scenario(), "GET /x HTTP/1.0\r\na: 1\r\n\r\n")
    #expect(heads.request == "GET /x HTTP/1.1\r\na: 1\r\nHost: up.test\r\n\r\n")
    #expect(heads.answer == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
  }

  // Goal: an absolute target goes up as its path.
  // Method: with a path, with none, with a query alone.
  @Test(arguments: [
    ("http://weir/a/b?c", "/a/b?c"), ("http://weir", "/"), ("http://weir?q=1", "/?q=1"),
  ])
  func absoluteTarget(_ target: String, _ forwarded: String) throws {
    let heads = try forward(.scenario(), "GET \(target) HTTP/1.1\r\nHost: weir\r\n\r\n")
    #expect(heads.request == Get.forwarded(forwarded))
  }

  // Goal: the path is upstream's path and what the route leaves of the request's, as raw bytes.
  // Method: routes that strip and that do not, with and without a path upstream.
  @Test(arguments: [
    ("/openai/", true, "", "/openai/v1/chat", "/v1/chat"),
    ("/openai/", true, "/base", "/openai/v1/chat", "/base/v1/chat"),
    ("/openai/", true, "/base", "/openai/", "/base/"),
    ("/openai/", true, "", "/openai/?q", "/?q"),
    ("/openai", true, "/base", "/openai?q", "/base?q"),
    ("/openai/", false, "/base", "/openai/v1", "/base/openai/v1"),
    ("/", true, "", "/v1//x/../%41", "/v1//x/../%41"),
  ])
  func path(
    _ prefix: String, _ strips: Bool, _ base: String, _ asked: String, _ forwarded: String
  ) throws {
    let options = RelayOptions.scenario(
      { $0.routes = [Route(name: "r", pathPrefix: prefix, strips: strips, upstream: "up")] },
      upstream: { $0.endpoints = [.local(8000, pathPrefix: base)] })
    #expect(try forward(options, Get.asked(asked)).request == Get.forwarded(forwarded))
  }

  // Goal: the first route that matches serves.
  // Method: a narrow one before a wide one that goes elsewhere.
  @Test func firstRouteServes() throws {
    let stage = try RelayHarness(
      .scenario({
        var other = $0.upstreams[0]
        other.name = "other"
        other.endpoints = [.local(8001)]
        $0.upstreams.append(other)
        $0.routes = [
          Route(name: "narrow", pathPrefix: "/a/", upstream: "other"),
          Route(name: "wide", pathPrefix: "/", upstream: "up"),
        ]
      }))
    defer { stage.close() }
    let (wide, narrow) = (try stage.upstream(), try stage.upstream(port: 8001))
    _ = stage.client(Get.asked("/a/b"))
    stage.settle()
    _ = stage.client(Get.asked("/a"))
    stage.settle()
    #expect(narrow[0].text == Get.forwarded("/a/b"))
    #expect(wide[0].text == Get.forwarded("/a"))
    narrow[0].send(ok(""))
    wide[0].send(ok(""))
    stage.settle()
    #expect(stage.ledger.summaries.map(\.route) == ["narrow", "wide"])
    #expect(stage.ledger.summaries.map(\.upstream) == ["other", "up"])
  }

  // Goal: a route sets fields, wherever and however often the client sent them, and removes
  // others; so weir holds the key and the app none.
  // Method: a set field that came twice, one that did not come, and a removed one.
  @Test func routeFields() throws {
    let options = RelayOptions.scenario({
      $0.routes[0].requestHeaders.replacements = [
        (name: Array("authorization".utf8), value: Array("Bearer real".utf8)),
        (name: Array("x-new".utf8), value: Array("n".utf8)),
      ]
      $0.routes[0].requestHeaders.removals = [Array("x-secret".utf8)]
    })
    let heads = try forward(
      options,
      "GET / HTTP/1.1\r\nAuthorization: one\r\nHost: weir\r\nX-Secret: s\r\na: 1\r\n"
        + "AUTHORIZATION: two\r\n\r\n")
    #expect(
      heads.request == "GET / HTTP/1.1\r\nauthorization: Bearer real\r\nHost: up.test\r\na: 1\r\n"
        + "x-new: n\r\n\r\n")
  }

  // Goal: a chunked body passes as it came, extensions and trailers included, both ways.
  // Method: one chunk in odd but valid framing, sent byte by byte.
  @Test func chunksSurvive() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let body = "005;a=\"q\";b\r\nhello\r\nA\r\n0123456789\r\n000\r\nTrailer-One: 1\r\nt2:2\r\n\r\n"
    let head = "POST / HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
    let client = stage.client(head)
    for byte in body.utf8 {
      client.send([byte])
      stage.settle()
    }
    #expect(
      upstream[0].text
        == "POST / HTTP/1.1\r\nHost: up.test\r\nTransfer-Encoding: CHUNKED\r\n\r\n" + body)
    upstream[0].send(chunkedHead)
    for byte in body.utf8 {
      upstream[0].send([byte])
      stage.settle()
    }
    #expect(client.text == chunkedHead + body)
    #expect(stage.endings == ["completed - - 200"])
    #expect(stage.ledger.summaries[0].requestBodyBytes == 15)
    #expect(stage.ledger.summaries[0].responseBodyBytes == 15)
  }

  // Goal: the head and the first bytes behind it leave together, and every later read at once.
  // Method: after each send, the client has all of it before the clock moves.
  @Test func bytesPassAtOnce() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    for part in [chunkedHead + "1\r\na\r\n", "1\r\nb\r\n", "1\r\n", "c", "\r\n", "0\r\n\r\n"] {
      upstream[0].send(part)
      stage.world.run(for: .zero)
      #expect(client.takeText() == part)
    }
  }

  // Goal: an answer to HEAD has no body, whatever its fields say, and the connection goes on.
  // Method: HEAD with a stated length, then GET behind it.
  @Test func head() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client("HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n" + Get.asked())
    stage.settle()
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    upstream[0].send(answer)
    stage.settle()
    upstream[0].send(ok("body"))
    stage.settle()
    #expect(client.text == answer + ok("body"))
    #expect(stage.endings == ["completed - - 200", "completed - - 200"])
  }

  // Goal: weir's own answer to HEAD states its length and has no body.
  // Method: HEAD for a path without a route.
  @Test func errorForHead() throws {
    let stage = try RelayHarness(.scenario({ $0.routes = [] }))
    defer { stage.close() }
    let client = stage.client("HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n")
    stage.settle()
    let answer = ErrorAnswer(client.text, answeringHEAD: true)
    #expect(answer?.type == "no_route")
  }
}

@Suite struct ErrorBodyTests {
  // Goal: an error has the shape that the caller's library expects, told by the path.
  // Method: a refused connection under a path of each API.
  @Test(arguments: [
    ("/v1/chat/completions", ["error", "type"], "server_error"),
    ("/v1/responses", ["error", "code"], "connect_refused"),
    ("/anthropic/v1/messages?beta=1", ["type"], "error"),
    ("/v1/messages", ["error", "type"], "api_error"),
    ("/v1beta/models/gemini:streamGenerateContent", ["error", "status"], "UNAVAILABLE"),
  ])
  func dialect(_ path: String, _ keys: [String], _ value: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let client = stage.client(Post.asked("{}", path: path))
    stage.run(for: .seconds(1))
    let answer = ErrorAnswer(client.text)
    let found = keys.count == 1 ? answer?.text(keys[0]) : answer?.text(keys[0], keys[1])
    #expect(found == value, "\(client.text)")
    let message =
      answer?.text("error", "message") ?? answer?.text("error") ?? answer?.text("message")
    #expect(message?.contains("up refused the connection") == true)
  }

  // Goal: no error repeats a byte that either peer sent.
  // Method: a secret in target, field and body of a request that is refused.
  @Test func saysNothingOfPeers() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let client = stage.client(
      Post.asked("s3cret", "authorization: s3cret\r\n", path: "/s3cret"))
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "connect_refused")
    #expect(!client.text.contains("s3cret"))
  }
}
