// How an exchange ends when all goes well, and when the client is at fault: rows of the table of
// outcomes. The client gets the status and the words that its row says, or is cut off; the books
// get the row's labels.

internal import Connections
internal import FakeKernel
internal import Glibc
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

/// Asserts that a client got one whole answer of weir's own, and nothing else.
func expectError(
  _ client: FakePeer, _ statusLine: String, _ type: String,
  _ location: SourceLocation = #_sourceLocation
) {
  let answer = ErrorAnswer(client.text)
  #expect(answer?.statusLine == "HTTP/1.1 " + statusLine, sourceLocation: location)
  #expect(answer?.type == type, sourceLocation: location)
  #expect(answer?.fields["content-type"] == "application/json", sourceLocation: location)
  #expect(answer?.json != nil, "\(client.text)", sourceLocation: location)
}

@Suite struct FailingCallTests {
  // Goal: when a call on the client's connection fails though the connection is well, as for want of
  // memory, the client can tell that the answer was cut.
  // Method: an answer that ends with its connection, in the middle of which a send or a receive
  // fails; the client sees a reset and no proper end.
  @Test(arguments: [FakeKernel.Call.send, .receive])
  func aCutAnswerNeverLooksWhole(_ call: FakeKernel.Call) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send("HTTP/1.1 200 OK\r\n\r\nhalf")
    stage.settle()
    stage.world.kernel.fail(call, with: ENOMEM)
    if call == .send { upstream[0].send(" and") } else { client.send("x") }
    stage.settle()
    #expect(client.text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
    #expect(client.seenEnd == "reset")
  }

  // Goal: a loop that has lost even the descriptor by which it turns clients away does not spin;
  // whoever waits is served when there are descriptors again.
  // Method: the limit is reached, and the socket that would be kept for the next client is refused.
  // A second client waits in the queue meanwhile.
  @Test func noDescriptorToTurnClientsAwayWith() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let kernel = stage.world.kernel
    let limit = kernel.descriptorLimit
    kernel.descriptorLimit = kernel.openDescriptors.count
    kernel.fail(.socket, with: EMFILE)
    let first = stage.client(Get.asked())
    stage.settle()
    #expect(first.text.hasPrefix("HTTP/1.1 503 "))
    kernel.descriptorLimit -= 1
    let second = stage.client(Get.asked("/second"))
    stage.run(for: .milliseconds(100))
    #expect(second.text == "")
    kernel.descriptorLimit = limit
    stage.run(for: .milliseconds(100))
    upstream[0].send(ok("hello"))
    stage.settle()
    #expect(second.text == ok("hello"))
    #expect(stage.endings == ["relay_error other relay 503", "completed - - 200"])
  }
}

@Suite struct CompletedTests {
  // Goal: an answer whose framing ends is completed, however it is framed.
  // Method: one answer of each framing; the client gets it as it was sent.
  @Test(arguments: [
    ok("hello"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    chunkedHead + "5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
  ])
  func byFraming(_ answer: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(answer)
    stage.settle()
    #expect(client.text == answer)
    #expect(client.seenEnd == "open")
    let status = answer.split(separator: " ")[1]
    #expect(stage.endings == ["completed - - \(status)"])
  }

  // Goal: where only the connection's end ends the answer, the client gets that end, and is told
  // so before.
  // Method: an answer without length, then upstream's FIN.
  @Test func byClose() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send("HTTP/1.1 200 OK\r\n\r\nall of it")
    stage.settle()
    #expect(client.text == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
    #expect(stage.endings == [])
    upstream[0].closeWhenSent()
    stage.settle()
    #expect(client.seenEnd == "fin")
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a provider's error is passed on as it is and booked as its.
  // Method: statuses over 400, each with its error type.
  @Test(arguments: [
    (400, "invalid_request"), (401, "authentication"), (403, "permission"), (404, "not_found"),
    (429, "rate_limited"), (500, "server_error"), (529, "overloaded"), (504, "timeout"),
  ])
  func upstreamError(_ status: Int, _ type: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    let answer = "HTTP/1.1 \(status) Said So\r\nretry-after: 7\r\nContent-Length: 2\r\n\r\n{}"
    upstream[0].send(answer)
    stage.settle()
    #expect(client.text == answer)
    #expect(stage.endings == ["upstream_http_error \(type) upstream \(status)"])
  }
}

@Suite struct ClientFaultTests {
  // Goal: what two parsers could read differently is refused with 400 and goes nowhere.
  // Method: heads that break one rule each; the client gets the whole answer and a FIN, not a
  // reset that could destroy the answer on its way.
  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "garbage\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  ])
  func malformedHead(_ head: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(head)
    stage.settle()
    client.send("and more that nobody asked for")
    stage.run(for: .seconds(3))
    expectError(client, "400 Bad Request", "invalid_request")
    #expect(client.seenEnd == "fin")
    #expect(upstream.connections.isEmpty)
    #expect(stage.endings == ["invalid_request invalid_request client 400"])
  }

  // Goal: broken chunks of a request end it with 400 and never reach upstream.
  // Method: a good chunk, then a bad one; upstream gets the good one and its connection is closed.
  @Test func malformedBody() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(
      "POST / HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
    stage.settle()
    client.send("zz\r\n")
    stage.settle()
    expectError(client, "400 Bad Request", "invalid_request")
    #expect(
      upstream[0].text
        == "POST / HTTP/1.1\r\nHost: up.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["invalid_request invalid_request client 400"])
  }

  // Goal: a head over its limit is refused with 431, and the client reads that though it is
  // still sending.
  // Method: a head twice as large as the limit, in two parts.
  @Test func largeHead() throws {
    let stage = try RelayHarness(.scenario({ $0.server.headLimitBytes = 4096 }))
    defer { stage.close() }
    let client = stage.client("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 5000))
    stage.settle()
    client.send(String(repeating: "x", count: 20_000))
    stage.run(for: .seconds(3))
    expectError(client, "431 Request Header Fields Too Large", "too_large")
    #expect(client.seenEnd == "fin")
    #expect(stage.endings == ["invalid_request too_large client 431"])
  }

  // Goal: a body over max_request_body is refused with 413: at once if its head says so, else
  // when it gets there.
  // Method: one byte more than allowed, by length and by chunks.
  @Test(arguments: [true, false])
  func largeBody(_ isStated: Bool) throws {
    let stage = try RelayHarness(.scenario({ $0.requestBodyLimitBytes = 5 }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(
      isStated
        ? Post.asked("123456")
        : "POST / HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")
    stage.settle()
    if !isStated {
      #expect(client.text == "")
      client.send("1\r\n6\r\n0\r\n\r\n")
      stage.settle()
    }
    expectError(client, "413 Content Too Large", "too_large")
    #expect(upstream.connections.count == (isStated ? 0 : 1))
    #expect(upstream.connections.allSatisfy { $0.seenEnd == "fin" })
    #expect(stage.endings == ["invalid_request too_large client 413"])
  }

  // Goal: a body of exactly the limit passes.
  // Method: as many bytes as allowed.
  @Test func bodyAtItsLimit() throws {
    let stage = try RelayHarness(.scenario({ $0.requestBodyLimitBytes = 5 }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    _ = stage.client(Post.asked("12345"))
    stage.settle()
    #expect(upstream[0].text == Post.forwarded("12345"))
    upstream[0].send(ok(""))
    stage.settle()
    #expect(stage.endings == ["completed - - 200"])
  }

  // Goal: a head that is not done in time gets 408, however steadily it dribbles.
  // Method: a byte every 100 ms; the answer comes one second after the first byte.
  @Test func slowHead() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let client = stage.client()
    stage.run(for: .milliseconds(500))
    for letter in "GET / HTT" {
      client.send(String(letter))
      stage.run(for: .milliseconds(100))
    }
    #expect(client.text == "")
    client.send("P")
    stage.run(for: .milliseconds(101))
    expectError(client, "408 Request Timeout", "timeout")
    #expect(stage.endings == ["invalid_request timeout client 408"])
  }

  // Goal: a body that stands still gets 408; one that moves, however slowly, does not.
  // Method: a byte each 1.9 s of a limit of 2 s, then none.
  @Test func slowBody() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client("POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 9\r\n\r\n")
    for _ in 0..<3 {
      stage.run(for: .milliseconds(1900))
      client.send("x")
    }
    stage.run(for: .milliseconds(1900))
    #expect(client.text == "")
    stage.run(for: .milliseconds(200))
    expectError(client, "408 Request Timeout", "timeout")
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["invalid_request timeout client 408"])
  }

  // Goal: a path without a route gets 404 and costs no connection.
  // Method: `/openai` where the route is `/openai/`.
  @Test func noRoute() throws {
    let stage = try RelayHarness(.scenario({ $0.routes[0].pathPrefix = Array("/openai/".utf8) }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/openai"))
    stage.settle()
    expectError(client, "404 Not Found", "no_route")
    #expect(upstream.connections.isEmpty)
    #expect(stage.ledger.summaries[0].route == nil)
    #expect(stage.endings == ["invalid_request no_route client 404"])
  }

  // Goal: a client that goes while the answer has not begun costs nobody any more tokens.
  // Method: FIN, close and reset while waiting; upstream's connection is closed in that moment.
  @Test(arguments: ["fin", "close", "reset"])
  func goneWhileWaiting(_ how: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    leave(client, how)
    stage.settle()
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
  }

  // Goal: the same in the middle of an answer, booked as such.
  // Method: as above after the first body bytes.
  @Test(arguments: ["fin", "close", "reset"])
  func goneWhileStreaming(_ how: String) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send(chunkedHead + "5\r\nhello\r\n")
    stage.settle()
    leave(client, how)
    stage.settle()
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["client_gone_mid_stream client_closed client 200"])
  }

  // Goal: a client that has only finished sending does not take a cut answer for a whole one.
  // Method: FIN inside an answer that only the connection's end ends; a reset must follow.
  @Test func halfClosedClientSeesTheCut() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked())
    stage.settle()
    upstream[0].send("HTTP/1.1 200 OK\r\n\r\nhalf")
    stage.settle()
    client.finish()
    stage.settle()
    #expect(client.seenEnd == "reset")
    #expect(stage.endings == ["client_gone_mid_stream client_closed client 200"])
  }

  // Goal: the same while the request is still being sent.
  // Method: FIN after half of the announced body.
  @Test func goneWhileUploading() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client("POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 9\r\n\r\nhalf")
    stage.settle()
    client.finish()
    stage.settle()
    #expect(upstream[0].seenEnd == "fin")
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
  }

  // Goal: the same while weir is still connecting.
  // Method: upstream's address answers nothing; after the client's FIN no attempt is left.
  @Test func goneWhileConnecting() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    stage.world.setPath(NetworkPath(.silent), to: .loopback(port: 8000))
    let client = stage.client(Get.asked())
    stage.settle()
    client.finish()
    stage.settle()
    #expect(stage.endings == ["client_gone_before_first_token client_closed client -"])
    #expect(stage.world.kernel.openDescriptors.count { $0.kind.contains("connecting") } == 0)
  }

  private func leave(_ client: FakePeer, _ how: String) {
    switch how {
    case "fin": client.finish()
    case "close": client.close()
    default: client.reset()
    }
  }
}
