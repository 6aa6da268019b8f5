// Goal: heads that look like earlier ones are forwarded as if they were the first, to the byte.
// Method: the same exchange several times over with other values in its fields, through a relay that
// comes to know its heads and through one that has just begun; settings of every kind that change heads.

internal import Connections
internal import FakeKernel
internal import IO
internal import RelayWorld
internal import Testing

@testable import Relay

@Suite struct KnownHeadsTests {
  /// An exchange whose values that decide nothing depend on `id`, four letters.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var request: @Sendable (_ id: String) -> String = {
      Get.asked("/v1/a?k=\(word($0))", "X-Id: \($0)\r\n")
    }
    var answer: @Sendable (_ id: String) -> String = { ok("body", "x-request-id: \($0)\r\n") }
    var options: @Sendable () -> RelayOptions = { .scenario() }
    var testDescription: String { name }
  }

  private static func options(
    _ change: @escaping @Sendable (inout RelayOptions) -> Void,
    pathPrefix: String = ""
  ) -> @Sendable () -> RelayOptions {
    { .scenario(change, upstream: { $0.endpoints = [.local(8000, pathPrefix: pathPrefix)] }) }
  }

  private static func stripping(_ prefix: String, _ base: String) -> @Sendable () -> RelayOptions {
    options(
      { $0.routes = [Route(name: "r", pathPrefix: prefix, strips: true, upstream: "up")] },
      pathPrefix: base)
  }

  static let cases = [
    Case(name: "plain"),
    Case(
      name: "body of any length",
      request: { Post.asked(String(repeating: "b", count: 10 + Int($0.utf8.first ?? 0) % 7)) }),
    Case(
      name: "hop-by-hop fields",
      request: {
        Get.asked(
          "/",
          "Connection: keep-alive, X-Mine\r\nX-Mine: \($0)\r\nTE: \($0)\r\na: \($0)\r\n"
            + "Keep-Alive: \($0)\r\nProxy-Connection: \($0)\r\nUpgrade: h2c\r\nz:\($0)\r\n")
      },
      answer: {
        ok(
          "", "Connection: x-mine\r\nX-Mine: \($0)\r\nKeep-Alive: \($0)\r\na: \($0)\r\nz:\($0)\r\n")
      }),
    Case(
      name: "fields set and removed",
      request: { Get.asked("/", "Authorization: \($0)\r\nX-Gone: \($0)\r\nx: \($0)\r\n") },
      options: options {
        $0.routes[0].requestHeaders.replacements = [
          (name: Array("authorization".utf8), value: Array("Bearer real".utf8)),
          (name: Array("x-new".utf8), value: Array("n".utf8)),
        ]
        $0.routes[0].requestHeaders.removals = [Array("x-gone".utf8)]
      }),
    Case(name: "stripped", options: stripping("/v1/", "/base")),
    Case(name: "stripped to its query", options: stripping("/v1/a", "")),
    Case(
      name: "stripped within its query",
      request: {
        Get.asked("/v1?k=\($0.hasPrefix("a") ? "/" : "b")\(word($0))", "X-Id: \($0)\r\n")
      },
      options: stripping("/v1?k=", "/base")),
    Case(name: "absolute", request: { Get.asked("http://weir/a", "X-Id: \($0)\r\n") }),
    Case(name: "no path", request: { Get.asked("http://weir?k=\(word($0))", "X-Id: \($0)\r\n") }),
    Case(
      name: "expects 100",
      request: { Post.asked("body", "Expect: 100-continue\r\nX-Id: \($0)\r\n") },
      answer: {
        "HTTP/1.1 100 Continue\r\nX-Interim: \($0)\r\n\r\n" + ok("body", "X-Id: \($0)\r\n")
      }),
    Case(
      name: "chunks",
      answer: {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: \($0)\r\n\r\n1\r\na\r\n0\r\n\r\n"
      }),
    Case(
      name: "unchunked",
      request: { Get.asked("/", "X-Identity: \($0)\r\n", version: "1.0") },
      answer: {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: \($0)\r\n\r\n1\r\na\r\n0\r\n\r\n"
      }),
    Case(
      name: "HTTP/1.0, kept",
      request: { Get.asked("/", "Connection: keep-alive\r\nX-Id: \($0)\r\n", version: "1.0") }),
    Case(name: "closed", request: { Get.asked("/", "Connection: close\r\nX-Id: \($0)\r\n") }),
    Case(
      name: "HEAD",
      request: { "HEAD /?\(word($0)) HTTP/1.1\r\nHost: weir\r\nX-Id: \($0)\r\n\r\n" },
      answer: { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Id: \($0)\r\n\r\n" }),
    Case(
      name: "until the end",
      answer: { "HTTP/1.0 200 OK\r\nX-Id: \($0)\r\nServer: x\r\n\r\nbody" }),
    Case(
      name: "tunnel",
      request: {
        Get.asked("/", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: \($0)\r\n")
      },
      answer: {
        "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
          + "Sec-WebSocket-Accept: \($0)\r\n\r\n"
      }),
  ]

  /// One exchange on connections of its own, for the client at least.
  private func exchange(
    _ stage: RelayHarness, _ upstream: ScriptedUpstream, _ request: String, _ answer: String
  ) -> [String] {
    let client = stage.client(request)
    stage.settle()
    var sent = upstream.connections.map { $0.takeText() }
    sent.removeAll(where: \.isEmpty)
    upstream.connections.last?.send(answer)
    if answer.contains(" 101 ") || answer.hasPrefix("HTTP/1.0") {
      upstream.connections.last?.closeWhenSent()
    }
    stage.settle()
    let received = client.text
    client.close()
    stage.settle()
    return sent + [received, "\(upstream.connections.last?.seenEnd ?? "none")"]
  }

  @Test(arguments: cases)
  func `what is known goes on as if it were new`(example: Case) throws {
    let stage = try RelayHarness(example.options())
    defer { stage.close() }
    let upstream = try stage.upstream()
    for id in ["aaaa", "bbbb", "abcd", "z: z", "\u{e9}==", "aaaa"] {
      let other = try RelayHarness(example.options())
      defer { other.close() }
      let (request, answer) = (example.request(id), example.answer(id))
      let known = exchange(stage, upstream, request, answer)
      let new = exchange(other, try other.upstream(), request, answer)
      #expect(known == new, "\(id)")
      #expect(known.count == 3)
    }
  }

  @Test func `recipes are made, and a reload drops them`() throws {
    let stage = try RelayHarness()
    defer { stage.close() }
    let upstream = try stage.upstream()
    #expect(stage.relay.recipes.counts == [0, 0])
    for id in ["aaaa", "bbbb", "cccc"] {
      let example = Case(name: "plain")
      let seen = exchange(stage, upstream, example.request(id), example.answer(id))
      #expect(seen[0] == Get.forwarded("/v1/a?k=\(id)", "X-Id: \(id)\r\n"))
    }
    #expect(stage.relay.recipes.counts == [1, 1])
    stage.apply(
      .scenario({
        $0.routes[0].requestHeaders.removals = [Array("x-id".utf8)]
      }))
    #expect(stage.relay.recipes.counts == [0, 0])
    for id in ["aaaa", "bbbb"] {
      let example = Case(name: "plain")
      let seen = exchange(stage, upstream, example.request(id), example.answer(id))
      #expect(seen[0] == Get.forwarded("/v1/a?k=\(id)"))
    }
  }

  @Test func `one form goes different ways`() throws {
    let stage = try RelayHarness(
      .scenario({
        var other = $0.upstreams[0]
        other.name = "other"
        other.endpoints = [.local(8001, pathPrefix: "/base")]
        $0.upstreams.append(other)
        $0.routes = [
          Route(name: "narrow", pathPrefix: "/a?x", upstream: "other"),
          Route(name: "wide", pathPrefix: "/", upstream: "up"),
        ]
      }))
    defer { stage.close() }
    let (wide, narrow) = (try stage.upstream(), try stage.upstream(port: 8001))
    for _ in 0..<4 {
      #expect(
        exchange(stage, wide, Get.asked("/a?y"), ok(""))[0] == Get.forwarded("/a?y"))
      #expect(
        exchange(stage, narrow, Get.asked("/a?x"), ok(""))[0] == Get.forwarded("/base/a?x"))
    }
  }
}

/// The same as a part of a query, where fewer bytes may stand.
private func word(_ id: String) -> String {
  String(decoding: id.utf8.map { $0 > 0x20 && $0 < 0x7F ? $0 : 0x2B }, as: UTF8.self)
}

extension ForwardingRecipes {
  /// How many there are for requests and for answers.
  fileprivate var counts: [Int] {
    ["requests", "answers"].map { name in
      Mirror(reflecting: self).children.first { $0.label == name }
        .map { Mirror(reflecting: $0.value).children.count } ?? -1
    }
  }
}
