// Several endpoints for one upstream: which of them a request goes to, and when one is left alone.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct FailoverTests {
  private static let unavailable = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"

  /// Endpoints at ports 8000 and up, and an upstream behind each.
  private func stage(
    _ count: Int, loops: Int = 1, upstream edit: (inout UpstreamOptions) -> Void = { _ in }
  ) throws -> (RelayHarness, [ScriptedUpstream]) {
    let stage = try RelayHarness(
      .scenario(upstream: { upstream in
        upstream.endpoints = (0..<count).map {
          EndpointOptions(
            origin: Origin(host: "127.0.0.1", port: UInt16(8000 + $0)), authority: "up\($0).test",
            pathPrefix: "/at\($0)")
        }
        edit(&upstream)
      }), loopCount: loops)
    let upstreams = try (0..<count).map { try stage.upstream(port: UInt16(8000 + $0)) }
    return (stage, upstreams)
  }

  private func refuse(_ stage: RelayHarness, _ indices: Int..., now reach: NetworkPath.Reach) {
    for index in indices {
      stage.world.setPath(NetworkPath(reach), to: .loopback(port: UInt16(8000 + index)))
    }
  }

  private func up(_ stage: RelayHarness) -> [Bool] { stage.relay.endpoints.map(\.isUp) }

  // Goal: what could not be sent to one endpoint goes to another, as that one is to get it: its path,
  // its Host, and the whole body.
  // Method: one of two refuses; requests until both have been the first choice.
  @Test func connectsElsewhere() throws {
    let (stage, upstreams) = try stage(2)
    defer { stage.close() }
    refuse(stage, 0, now: .refused)
    for number in 0..<2 {
      let client = stage.client(Post.asked("body", "x-odd: 1\r\n", path: "/v1/\(number)"))
      stage.run(for: .milliseconds(101))
      let connection = try #require(upstreams[1].connections.last)
      #expect(
        connection.takeText()
          == "POST /at1/v1/\(number) HTTP/1.1\r\nHost: up1.test\r\nx-odd: 1\r\n"
          + "Content-Length: 4\r\n\r\nbody")
      connection.send(ok("x"))
      stage.settle()
      #expect(client.text == ok("x"))
    }
    #expect(Set(stage.ledger.summaries.map(\.attempts)) == [1, 2])
    #expect(up(stage) == [false, true])
  }

  // Goal: a route that sets Host itself keeps it wherever the request goes.
  // Method: the first endpoint refuses.
  @Test func hostOfTheRouteStays() throws {
    let (stage, upstreams) = try stage(2)
    defer { stage.close() }
    var options = stage.relay.options
    options.routes[0].requestHeaders.replacements = [(Array("host".utf8), Array("own.test".utf8))]
    stage.apply(options)
    refuse(stage, 0, now: .refused)
    for _ in 0..<2 {
      _ = stage.client(Get.asked())
      stage.run(for: .milliseconds(101))
      let connection = try #require(upstreams[1].connections.last)
      #expect(connection.takeText() == "GET /at1/ HTTP/1.1\r\nhost: own.test\r\n\r\n")
    }
  }

  // Goal: a status that is worth another try gets it at another endpoint, without the pause that
  // Retry-After asks for at this one; each endpoint once before any twice.
  // Method: three endpoints, three tries; 429 from all of them.
  @Test func statusesMoveOn() throws {
    let (stage, upstreams) = try stage(3) {
      $0.retryStatuses = [429]
      $0.attempts = 3
    }
    defer { stage.close() }
    let client = stage.client(Get.asked())
    let answer = "HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
    for _ in 0..<3 {
      stage.settle()
      let asked = try #require(upstreams.first { $0.connections.last?.received.isEmpty == false })
      _ = asked.connections.last?.takeText()
      asked.connections.last?.send(answer)
      stage.run(for: .milliseconds(401))
    }
    #expect(upstreams.map(\.connections.count) == [1, 1, 1])
    #expect(client.text == answer)
  }

  // Goal: the only endpoint is not asked again before it says; one that asks for more than
  // max_wait is not waited for.
  // Method: seconds, milliseconds and a date that ask for 2 s; then 6 s of a limit of 5.
  @Test(arguments: ["Retry-After: 2", "retry-after-ms: 2000\r\nRetry-After: 9", "date"])
  func retryAfter(_ field: String) throws {
    let (stage, upstreams) = try stage(1) { $0.retryStatuses = [429] }
    defer { stage.close() }
    let client = stage.client(Get.asked())
    stage.settle()
    let now = stage.world.kernel.wallClockNanoseconds() / 1_000_000_000
    let said = field == "date" ? "Retry-After: \(httpDate(Int(now) + 2))" : field
    upstreams[0][0].send("HTTP/1.1 429 No\r\n\(said)\r\nContent-Length: 0\r\n\r\n")
    stage.run(for: .milliseconds(field == "date" ? 900 : 1900))
    #expect(upstreams[0].connections.count == 1)
    stage.run(for: .milliseconds(field == "date" ? 1200 : 200))
    #expect(upstreams[0].connections.count == 2)
    upstreams[0][1].send(ok(""))
    stage.settle()
    #expect(client.text == ok(""))
  }

  @Test func retryAfterTooLong() throws {
    let (stage, upstreams) = try stage(1) { $0.retryStatuses = [429] }
    defer { stage.close() }
    let client = stage.client(Get.asked())
    stage.settle()
    let answer = "HTTP/1.1 429 No\r\nRetry-After: 6\r\nContent-Length: 0\r\n\r\n"
    upstreams[0][0].send(answer)
    stage.settle()
    #expect(client.text == answer)
    #expect(stage.ledger.summaries[0].attempts == 1)
  }

  // Goal: an endpoint that fails so often in a row is left alone by all loops, for a time that
  // doubles; after it one failure is enough.
  // Method: one of two refuses for good; who is asked shows in how many tries requests need.
  @Test func ejection() throws {
    let (stage, upstreams) = try stage(2, loops: 2) {
      $0.balance = .roundRobin
      $0.ejection.failures = 2
      $0.ejection.time = .seconds(10)
    }
    defer { stage.close() }
    refuse(stage, 0, now: .refused)
    /// Tries that four requests need; two of them begin with the endpoint that fails, if it is used.
    func tries() -> Int {
      let before = stage.ledger.summaries.count
      for _ in 0..<4 {
        _ = stage.client(Get.asked("/", "Connection: close\r\n"))
        stage.run(for: .milliseconds(101))
        for connection in upstreams[1].connections where !connection.takeReceived().isEmpty {
          connection.send(ok(""))
        }
        stage.settle()
      }
      return stage.ledger.summaries[before...].reduce(0) { $0 + $1.attempts }
    }
    var total = 0
    for _ in 0..<3 { total += tries() }
    // Two failures ended it, on whichever loop they were.
    #expect(total == 12 + 2)
    #expect(up(stage) == [false, true])
    stage.run(for: .seconds(10))
    #expect(tries() == 4 + 1)
    stage.run(for: .seconds(10))
    #expect(tries() == 4)
    stage.run(for: .seconds(10))
    refuse(stage, 0, now: .open)
    _ = tries()
    #expect(!upstreams[0].connections.isEmpty)
  }

  // Goal: answers of 5xx count as failures, and one good answer between them starts anew.
  // Method: 500, 500, 200, 500 eject nobody of a limit of three; two more do.
  @Test func serverErrorsEject() throws {
    let (stage, upstreams) = try stage(2) { $0.ejection.failures = 3 }
    defer { stage.close() }
    // The other endpoint is busier, so that least_streams avoids it.
    let busy = stage.client(Get.asked())
    stage.settle()
    let first = upstreams[0].connections.isEmpty ? 1 : 0
    let other = 1 - first
    func answer(_ status: Int) throws {
      _ = stage.client(Get.asked())
      stage.settle()
      let connection = try #require(upstreams[other].connections.last)
      #expect(!connection.takeReceived().isEmpty)
      connection.send("HTTP/1.1 \(status) S\r\nContent-Length: 0\r\n\r\n")
      stage.settle()
    }
    for status in [500, 503, 200, 500, 502] { try answer(status) }
    #expect(up(stage) == [true, true])
    try answer(500)
    #expect(up(stage)[other] == false)
    let count = upstreams[other].connections.reduce(0) { $0 + $1.received.count }
    _ = stage.client(Get.asked())
    stage.settle()
    #expect(upstreams[first].connections.count == 2)
    #expect(upstreams[other].connections.reduce(0) { $0 + $1.received.count } == count)
    busy.close()
  }

  // Goal: with nobody well left, requests go out all the same; with one endpoint, nobody is ejected.
  // Method: all refuse, then none does.
  @Test(arguments: [1, 2])
  func nobodyWell(_ count: Int) throws {
    let (stage, upstreams) = try stage(count) {
      $0.ejection.failures = 1
      $0.attempts = 3
    }
    defer { stage.close() }
    for index in 0..<count { refuse(stage, index, now: .refused) }
    let client = stage.client(Get.asked())
    stage.run(for: .seconds(1))
    expectError(client, "502 Bad Gateway", "connect_refused")
    for index in 0..<count { refuse(stage, index, now: .open) }
    _ = stage.client(Get.asked())
    stage.settle()
    #expect(upstreams.reduce(0) { $0 + $1.connections.count } == 1)
  }

  // Goal: a body that is no longer whole in the buffer is not sent again.
  // Method: more than the buffer holds; the endpoint that has it answers 503.
  @Test func forgottenBodyStays() throws {
    let (stage, upstreams) = try stage(2) { $0.retryStatuses = [503] }
    defer { stage.close() }
    var options = stage.relay.options
    options.requestBufferBytes = 100
    stage.apply(options)
    let client = stage.client(Post.asked(String(repeating: "x", count: 200)))
    stage.settle()
    let asked = try #require(upstreams.first { !$0.connections.isEmpty })
    asked[0].send(Self.unavailable)
    stage.run(for: .seconds(1))
    #expect(client.text == Self.unavailable)
    #expect(upstreams.reduce(0) { $0 + $1.connections.count } == 1)
  }

  private func httpDate(_ seconds: Int) -> String {
    // The fake wall clock stands in one year; a test that outlives it would be told by its failure.
    let days = seconds / 86_400
    var year = 1970
    var left = days
    func length(_ year: Int) -> Int {
      year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365
    }
    while left >= length(year) {
      left -= length(year)
      year += 1
    }
    let lengths = [31, length(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    let names = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    var month = 0
    while left >= lengths[month] {
      left -= lengths[month]
      month += 1
    }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let rest = seconds % 86_400
    return "Xxx, \(two(left + 1)) \(names[month]) \(year) "
      + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) GMT"
  }
}

@Suite struct HealthCheckTests {
  private func stage(loops: Int = 1) throws -> (RelayHarness, [ScriptedUpstream]) {
    let stage = try RelayHarness(
      .scenario(upstream: {
        $0.endpoints = [.local(8000, pathPrefix: "/v1"), .local(8001)]
        var health = HealthOptions(path: "/health")
        health.interval = .seconds(10)
        health.timeout = .seconds(2)
        $0.health = health
      }), loopCount: loops)
    return (stage, try [8000, 8001].map { try stage.upstream(port: $0) })
  }

  private func end(_ stage: RelayHarness) {
    for relay in stage.relays { relay.drain(refusing: true) {} }
    stage.close()
  }

  private static let question =
    "GET /health HTTP/1.1\r\nHost: up.test\r\nUser-Agent: weir-health\r\nConnection: close\r\n\r\n"

  /// Answers the newest check of one endpoint, which must have come.
  private func answer(_ upstream: ScriptedUpstream, _ status: Int) throws {
    let check = try #require(upstream.connections.last)
    #expect(check.takeText() == Self.question)
    check.send("HTTP/1.1 \(status) S\r\nContent-Length: 2\r\n\r\nok")
  }

  // Goal: each endpoint is asked once an interval, however many loops there are; two failed checks
  // in a row turn requests to the others, and one good one back.
  // Method: three loops; one endpoint answers 500, then nothing, then 200.
  @Test func turnsRequestsAway() throws {
    let (stage, upstreams) = try stage(loops: 3)
    defer { end(stage) }
    stage.settle()
    #expect(upstreams.map(\.connections.count) == [1, 1])
    try answer(upstreams[0], 500)
    try answer(upstreams[1], 204)
    stage.run(for: .seconds(10))
    #expect(upstreams.map(\.connections.count) == [2, 2])
    #expect(upstreams[0][0].seenEnd == "fin")
    #expect(stage.relay.endpoints.map(\.isUp) == [true, true])
    try answer(upstreams[1], 200)
    stage.run(for: .seconds(3))
    #expect(stage.relay.endpoints.map(\.isUp) == [false, true])
    for _ in 0..<4 { _ = stage.client(Get.asked()) }
    stage.settle()
    #expect(upstreams.map(\.connections.count) == [2, 6])
    stage.run(for: .seconds(7))
    try answer(upstreams[0], 200)
    stage.settle()
    #expect(stage.relay.endpoints.map(\.isUp) == [true, true])
    // Checks are in no books.
    #expect(stage.relays.reduce(0) { $0 + $1.acceptedCount } == 4)
  }

  // Goal: checks end with the settings that ask for them, also those under way.
  // Method: a reload without them, while two wait for their answers.
  @Test func reloadEndsThem() throws {
    let (stage, upstreams) = try stage()
    defer { stage.close() }
    stage.settle()
    stage.apply(.scenario())
    stage.run(for: .seconds(30))
    #expect(upstreams.map(\.connections.count) == [1, 1])
    #expect(upstreams[0][0].seenEnd == "fin")
  }
}
