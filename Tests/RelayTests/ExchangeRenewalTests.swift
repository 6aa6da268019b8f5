// Goal: the requests of a connection share an exchange and nothing else.
// Method: an exchange in which every field has been changed is renewed and compared with one just made;
// requests of many kinds, one behind the other, leave the records that they leave on connections of their own.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import RelayWorld
internal import Tap
internal import Telemetry
internal import Testing

@testable import Relay

@Suite struct ExchangeRenewalTests {
  /// Stays what it was, or is what the exchange is found by.
  private static let kept = [
    "rosterPlace", "relay", "loop", "metrics", "connection", "route", "timer", "path",
  ]

  /// What cannot be copied is not reflected.
  private static let unseen = ["requestTap", "permit"]

  private func fields(_ exchange: Exchange) -> [String: String] {
    var fields: [String: String] = [:]
    for child in Mirror(reflecting: exchange).children {
      fields[child.label ?? ""] = "\(child.value)"
    }
    for name in Self.kept + Self.unseen { fields[name] = nil }
    return fields
  }

  @Test func `a renewed exchange is like one that was made`() throws {
    try withExchange { exchange, open in try checkRenewal(of: exchange, like: open) }
  }

  /// Lends an exchange made by hand, and an open one whose parts it shares.
  private func withExchange(_ body: (_ made: Exchange, _ open: Exchange) throws -> Void) throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    _ = stage.client(Get.asked("/a"))
    stage.settle()
    let open = try #require(stage.relay.openExchanges.first)
    let exchange = Exchange(on: open.connection, by: open.route, of: open.relay)
    try body(exchange, open)
    // It keeps itself until its end.
    exchange.timer.invalidate()
    upstream[0].send(ok(""))
    stage.settle()
  }

  private func checkRenewal(of exchange: Exchange, like open: Exchange) throws {
    let new = Exchange(on: open.connection, by: open.route, of: open.relay)
    let made = fields(new)
    changeEverything(of: exchange, like: open)
    let changed = fields(exchange)
    #expect(made.count > 25)
    for (name, value) in made {
      // Whoever adds a field adds it to `renew` and to `changeEverything`.
      #expect(changed[name] != value, "\(name)")
    }
    exchange.renew()
    #expect(fields(exchange) == made)
    let holds = (tap: exchange.requestTap.take() != nil, permit: exchange.permit.take() != nil)
    #expect(holds == (false, false))
    new.timer.invalidate()
  }

  private func changeEverything(of exchange: Exchange, like open: Exchange) {
    exchange.client = open.client
    exchange.tap = open.relay.makeTap(
      TapRequest(path: [], contentType: Array("application/json".utf8)))
    exchange.tunnel = TunnelObserver(lendingTo: exchange.tap, metrics: open.metrics)
    let credential = StreamCredential(keys: [UInt8]().span, cookie: [UInt8]().span)
    exchange.hub = ExchangeHub(credential, RouteHub(), nil)
    exchange.meter = open.metrics.exchange(open.labels)
    exchange.traits = [.head, .answered]
    exchange.attempts = 3
    exchange.answer = AnswerState(status: 200, hasReachedClient: true, evidence: .terminal)
    exchange.clientBytes = 1
    exchange.responseBodyBytes = 2
    exchange.deadline = open.loop.now
    exchange.phase = .ended
    exchange.clocks.up = open.loop.now
    exchange.tokenMark = 4
    exchange.endpoint = open.endpoint
    exchange.chosenEndpoint = open.endpoint
    if let endpoint = open.endpoint { exchange.triedEndpoints.insert(endpoint) }
    exchange.requestBuffer = [1]
    exchange.notes.tenant = "t"
    exchange.requestTap = RequestTap()
    exchange.start = Instant(nanoseconds: 5)
    exchange.requestBodyBytes = 6
    exchange.countedUp = 7
    exchange.requestBodyRead = Instant(nanoseconds: 8)
    exchange.pausesOfUpstream = 9
    exchange.pausesOfClient = 10
    exchange.upstreamPaused = open.loop.now
    exchange.clientPaused = open.loop.now
    exchange.pausedNanoseconds = 11
  }

  @Test func `requests of a connection share an exchange`() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client()
    var seen: Set<ObjectIdentifier> = []
    for index in 0..<3 {
      client.send(Get.asked("/\(index)"))
      stage.settle()
      seen.insert(ObjectIdentifier(try #require(stage.relay.openExchanges.first)))
      #expect(upstream[0].takeText() == Get.forwarded("/\(index)"))
      upstream[0].send(ok("\(index)"))
      stage.settle()
      #expect(client.takeText() == ok("\(index)"))
      #expect(stage.relay.openExchanges.isEmpty)
    }
    #expect(seen.count == 1)
  }

  @Test func `a request of another route has another exchange`() throws {
    let stage = try RelayHarness(
      .scenario({
        $0.routes = [
          Route(name: "a", pathPrefix: "/a", upstream: "up"),
          Route(name: "b", pathPrefix: "/b", upstream: "up"),
        ]
      }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client()
    for path in ["/a", "/b", "/b", "/a"] {
      client.send(Get.asked(path))
      stage.settle()
      #expect(stage.relay.openExchanges.first?.route.route.name == String(path.dropFirst()))
      upstream[0].send(ok(""))
      stage.settle()
      #expect(client.takeText() == ok(""))
    }
    #expect(stage.ledger.summaries.map(\.record.route) == ["a", "b", "b", "a"])
  }

  @Test func `one that is still held is not used again`() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/1"))
    stage.settle()
    let held = try #require(stage.relay.openExchanges.first)
    upstream[0].send(ok(""))
    stage.settle()
    client.send(Get.asked("/2"))
    stage.settle()
    #expect(stage.relay.openExchanges.first !== held)
    #expect(held.isEnded)
    upstream[0].send(ok(""))
    stage.settle()
    #expect(stage.endings.count == 2)
  }

  @Test func `an exchange that rests keeps little`() throws {
    try withExchange { exchange, _ in
      // Of a request that could not be sent.
      exchange.requestBuffer = [UInt8](repeating: 1, count: 30_000)
      exchange.path = [UInt8](repeating: 1, count: 2000)
      #expect(exchange.rest())
      #expect(exchange.requestBuffer.capacity == 0)
      #expect(exchange.path.capacity == 0)
    }
  }

  // Gemini takes its key so.
  @Test func `a query is not kept`() throws {
    try withExchange { exchange, _ in
      exchange.path = Array("/a?key=secret".utf8)
      #expect(exchange.rest())
      #expect(exchange.path.capacity == 0)
      #expect(exchange.route.meaning(of: Array("/a?key=secret".utf8)).model == nil)
      #expect(exchange.route.lastMeaning?.path.contains(UInt8(ascii: "?")) != true)
    }
  }

  // It would keep the old settings' route, and with that their keys.
  @Test func `a reload ends an exchange's rest`() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/"))
    stage.settle()
    weak let exchange = stage.relay.openExchanges.first
    weak let route = exchange?.route
    upstream[0].send(ok(""))
    stage.settle()
    #expect(exchange != nil)
    stage.apply(.scenario())
    #expect(exchange == nil)
    #expect(route == nil)
    client.send(Get.asked("/2"))
    stage.settle()
    upstream.connections.last?.send(ok("2"))
    stage.settle()
    #expect(client.takeText() == ok("") + ok("2"))
  }

  @Test func `one whose stream is kept does not rest`() throws {
    let stage = try RelayHarness(.scenario({ $0.routes[0].hub = RouteHub() }))
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/"))
    stage.settle()
    weak let exchange = stage.relay.openExchanges.first
    #expect(exchange?.hub != nil)
    upstream[0].send(ok(""))
    stage.settle()
    #expect(client.takeText().contains("200 OK"))
    #expect(exchange == nil)
  }

  @Test func `a connection that closes lets go of its exchange`() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client(Get.asked("/"))
    stage.settle()
    weak let exchange = stage.relay.openExchanges.first
    #expect(exchange != nil)
    upstream[0].send(ok(""))
    stage.settle()
    #expect(exchange != nil)
    client.close()
    stage.settle()
    #expect(exchange == nil)
  }

  /// Requests and answers that leave traces of many kinds.
  private static let pairs: [(request: String, answer: String)] = [
    (
      Post.asked(
        #"{"model":"m1","stream":true}"#,
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        path: "/v1/chat/completions"),
      ok(
        #"{"id":"r","model":"m2","choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}"#,
        "Content-Type: application/json\r\nx-request-id: q\r\n")
    ),
    (Get.asked("/v1/models"), ok("")),
    (
      Post.asked("{}", path: "/v1/messages"),
      "HTTP/1.1 429 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ),
    ("HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    (
      Post.asked(#"{"model":"m3"}"#, path: "/v1/chat/completions"),
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 14\r\n\r\n"
        + "data: [DONE]\n\n"
    ),
    (Get.asked("/v1/models"), ok("x", "Content-Encoding: gzip\r\n")),
  ]

  private func record(_ stage: RelayHarness, _ pair: (request: String, answer: String))
    throws -> String
  {
    var record = try #require(stage.ledger.summaries.last).record
    // What cannot be the same: its place in the order, the time of day, and whose connection it was.
    record.requestID = stage.relay.requestID(0)
    record.endedAt = 0
    record.reusedConnection = nil
    record.connected = nil
    return "\(record)"
  }

  @Test func `each request leaves the record that it leaves by itself`() throws {
    let shared = try RelayHarness()
    defer { shared.close() }
    let upstream = try shared.upstream()
    let client = shared.client()
    // Every kind comes behind every other.
    for first in Self.pairs {
      for pair in Self.pairs.flatMap({ [first, $0] }) {
        client.send(pair.request)
        shared.settle()
        upstream[0].send(pair.answer)
        shared.settle()
        let alone = try RelayHarness()
        defer { alone.close() }
        let other = try alone.upstream()
        _ = alone.client(pair.request)
        alone.settle()
        other[0].send(pair.answer)
        alone.settle()
        #expect(try record(shared, pair) == record(alone, pair))
      }
    }
    #expect(upstream.connections.count == 1)
  }
}
