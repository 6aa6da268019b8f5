// Which pages of other origins may use the hub, after the CORS protocol of the Fetch standard.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct CrossOriginTests {
  private let page = "Origin: https://app.example\r\n"

  private func stage(
    _ edit: (inout CrossOriginRules) -> Void
  ) throws -> (RelayHarness, ScriptedUpstream) {
    let stage = try RelayHarness(.keeping { edit(&$0.hub.crossOrigin) })
    return (stage, try stage.upstream())
  }

  private func preflight(_ path: String, _ page: String, in stage: RelayHarness) -> FakePeer {
    let client = stage.client(
      "OPTIONS \(path) HTTP/1.1\r\nHost: weir\r\n\(page)Access-Control-Request-Method: POST\r\n"
        + "Access-Control-Request-Headers: authorization, x-y\r\n\r\n")
    stage.settle()
    return client
  }

  // Goal: a named page may ask and read, here and on routes whose streams are kept; upstream's own
  // word on that gives way.
  @Test func namedOrigin() throws {
    let (stage, upstream) = try stage { $0.origins = [Array("https://app.example".utf8)] }
    defer { stage.close() }
    for path in ["/v1/chat", "/weir/streams/x"] {
      let answer = preflight(path, page, in: stage).answer
      #expect(answer.status == "204")
      #expect(answer.field("access-control-allow-origin") == "https://app.example")
      #expect(answer.field("access-control-allow-methods") == "POST")
      #expect(answer.field("access-control-allow-headers") == "authorization, x-y")
    }
    let client = stage.client(Get.asked("/", page))
    stage.settle()
    upstream[0].send(
      eventHead.replacing("\r\n\r\n", with: "\r\nAccess-Control-Allow-Origin: *\r\n\r\n")
        + chunk(events(2)) + lastChunk)
    stage.settle()
    let reader = stage.resume(client.streamID, after: 1, page)
    #expect(reader.answer.body == events(1, from: 2))
    for answer in [client.answer, reader.answer, stage.resume("x", page).answer] {
      #expect(answer.head.split(separator: "llow-Origin").count == 2)
      #expect(answer.field("access-control-allow-origin") == "https://app.example")
      #expect(answer.field("access-control-allow-credentials") == "true")
      #expect(answer.field("access-control-expose-headers")?.contains("x-weir-stream") == true)
      #expect(answer.field("vary") == "Origin")
    }
  }

  // Goal: other pages are told nothing, and their questions go upstream, as without the hub.
  @Test func otherOrigin() throws {
    let (stage, upstream) = try stage { $0.origins = [Array("https://app.example".utf8)] }
    defer { stage.close() }
    let other = "Origin: https://evil.example\r\n"
    let own = preflight("/weir/streams/x", other, in: stage).answer
    #expect(own.field("access-control-allow-origin") == nil)
    let client = stage.client(Get.asked("/", other))
    stage.settle()
    upstream[0].send(eventHead + lastChunk)
    stage.settle()
    #expect(client.answer.field("access-control-allow-origin") == nil)
  }

  @Test func anyOrigin() throws {
    let (stage, _) = try stage { $0.allowsAny = true }
    defer { stage.close() }
    let answer = preflight("/v1/chat", "Origin: null\r\n", in: stage).answer
    #expect(answer.field("access-control-allow-origin") == "*")
    #expect(answer.field("access-control-allow-credentials") == nil)
  }

  // Goal: without the setting, preflights are requests like any other.
  @Test func off() throws {
    let (stage, upstream) = try stage { _ in }
    defer { stage.close() }
    let client = preflight("/v1/chat", page, in: stage)
    upstream[0].send(ok("theirs", "Access-Control-Allow-Origin: *\r\n"))
    stage.settle()
    #expect(client.text == ok("theirs", "Access-Control-Allow-Origin: *\r\n"))
  }

  // Goal: weir's own refusals can be read by the page, too.
  @Test func refusal() throws {
    let (stage, upstream) = try stage { $0.allowsAny = true }
    defer { stage.close() }
    let client = stage.client(Get.asked("/", page))
    stage.settle()
    upstream[0].close()
    stage.settle()
    #expect(client.answer.status == "502")
    #expect(client.answer.field("access-control-allow-origin") == "*")
  }
}
