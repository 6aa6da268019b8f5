// What is remembered of upstreams for the gauges: what is left of rate limits, and who is up.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct UpstreamReadingsTests {
  // Goal: an answer's rate-limit fields are read, in both providers' forms; the newest one holds,
  // and a field that is no number says nothing.
  // Method: two answers over one connection.
  @Test func rateLimits() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    let client = stage.client()
    for fields in [
      "x-ratelimit-remaining-requests: 59\r\nX-RateLimit-Remaining-Tokens: 149984\r\n",
      "x-ratelimit-remaining-requests: 58\r\nx-ratelimit-remaining-tokens: soon\r\n"
        + "anthropic-ratelimit-output-tokens-remaining: 7000\r\n",
    ] {
      client.send(Get.asked("/"))
      stage.settle()
      upstream[0].send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n")
      stage.settle()
    }
    let readings = stage.relay.rateLimits.map { "\($0.resource.rawValue) \($0.remaining)" }
    #expect(readings.sorted() == ["output_tokens 7000", "requests 58", "tokens 149984"])
  }

  // Goal: an endpoint is down once a connection to it has failed, and up again after one that has
  // not.
  // Method: the address refuses, then listens.
  @Test func endpoints() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    #expect(stage.relay.endpoints.map(\.isUp) == [true])
    stage.world.setPath(NetworkPath(.refused), to: .loopback(port: 8000))
    _ = stage.client(Get.asked("/"))
    stage.run(for: .seconds(1))
    #expect(stage.relay.endpoints.map(\.isUp) == [false])
    stage.world.setPath(NetworkPath(.open), to: .loopback(port: 8000))
    _ = stage.client(Get.asked("/again"))
    stage.run(for: .milliseconds(100))
    #expect(stage.relay.endpoints.map(\.isUp) == [true])
    upstream[0].send(ok("again"))
    stage.settle()
  }
}
