// What streams are counted by, several limits at once, and whose turn it is.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct LimitsKeyTests {
  private func asked(_ key: String, _ path: String = "/") -> String {
    Get.asked(path, "Authorization: \(key)\r\n")
  }

  // Goal: one tenant's streams do not count against another's.
  // Method: a key for each value of a header; one without the header is a key of its own.
  @Test func byHeader() throws {
    let stage = try RelayHarness(.limited([.byHeader("authorization", 1)]))
    defer { stage.close() }
    _ = try stage.upstream()
    for request in [asked("a"), asked("b"), Get.asked()] { _ = stage.client(request) }
    stage.settle()
    stage.expect("key", inUse: 3)
    for request in [asked("a"), asked("b"), Get.asked()] {
      let client = stage.client(request)
      stage.settle()
      expectError(client, "429 Too Many Requests", "queue_full")
    }
    stage.expect("key", inUse: 3)
  }

  // Goal: clients of one address share a count, whatever their ports.
  // Method: two connections of one machine.
  @Test func byClient() throws {
    let stage = try RelayHarness(.limited([.of(1, by: .client)]))
    defer { stage.close() }
    _ = try stage.upstream()
    _ = stage.client(Get.asked())
    stage.settle()
    let second = stage.client(Get.asked())
    stage.settle()
    expectError(second, "429 Too Many Requests", "queue_full")
    stage.expect("client", inUse: 1)
  }

  // Goal: each route has its own count of one limit.
  // Method: two routes that name it.
  @Test func byRoute() throws {
    let stage = try RelayHarness(
      .limited([.of(1, by: .route)]) { options in
        var other = Route(name: "other", pathPrefix: "/other", upstream: "up")
        other.limits = ["route"]
        options.routes.insert(other, at: 0)
      })
    defer { stage.close() }
    _ = try stage.upstream()
    for path in ["/", "/other"] { _ = stage.client(Get.asked(path)) }
    stage.settle()
    stage.expect("route", inUse: 2)
    let third = stage.client(Get.asked("/other"))
    stage.settle()
    expectError(third, "429 Too Many Requests", "queue_full")
  }

  // Goal: parent and child are taken together or not at all, and the refusal names the one in the
  // way.
  // Method: one for each key under two in all.
  @Test func togetherOrNotAtAll() throws {
    let stage = try RelayHarness(.limited([.of(2), .byHeader("authorization", 1)]))
    defer { stage.close() }
    _ = try stage.upstream()
    _ = stage.client(asked("a"))
    stage.settle()
    let sameKey = stage.client(asked("a"))
    stage.settle()
    #expect(ErrorAnswer(sameKey.text)?.body.contains("the limit key is reached") == true)
    stage.expect("total", inUse: 1)
    _ = stage.client(asked("b"))
    stage.settle()
    let third = stage.client(asked("c"))
    stage.settle()
    #expect(ErrorAnswer(third.text)?.body.contains("the limit total is reached") == true)
    stage.expect("key", inUse: 2)
    stage.expect("total", inUse: 2)
  }

  /// Serves one stream after the other under a limit of one, and says whose they were.
  private func served(
    _ count: Int, _ stage: RelayHarness, _ upstream: ScriptedUpstream
  ) -> String {
    var order = ""
    for _ in 0..<count {
      let asked = upstream.connections.map { $0.takeText() }
      for (connection, text) in zip(upstream.connections, asked) {
        guard let name = text.firstRange(of: "Authorization: ")?.upperBound else { continue }
        order.append(text[name])
        connection.send(ok(""))
      }
      stage.settle()
    }
    return order
  }

  // Goal: a tenant with one waiter is served within one turn, however many another has queued.
  // Method: a holder, a hundred of A, then one of B.
  @Test func oneWaiterBehindAHundred() throws {
    let stage = try RelayHarness(
      .limited([.of(1, queue: 200), .byHeader("authorization", 9, queue: 200)]))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for key in ["H"] + Array(repeating: "A", count: 100) + ["B"] {
      _ = stage.client(asked(key))
      stage.settle()
    }
    stage.expect("total", inUse: 1, queued: 101)
    let order = served(102, stage, upstream)
    #expect(order.prefix(3).contains("B"), "\(order)")
    #expect(order.count == 102)
  }

  // Goal: weights of 3 to 1 give turns of 3 to 1.
  // Method: forty waiters of each; the first forty that are served are counted.
  @Test func weights() throws {
    let key = LimitOptions.byHeader("authorization", 99, queue: 200) {
      $0.weights = [LimitKey(of: "A"): 3]
    }
    let stage = try RelayHarness(.limited([.of(1, queue: 200), key]))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for key in ["H"] + (0..<40).flatMap({ _ in ["B", "A"] }) {
      _ = stage.client(asked(key))
      stage.settle()
    }
    let order = served(41, stage, upstream).dropFirst()
    #expect(abs(order.count { $0 == "A" } - 30) <= 1, "\(order)")
    #expect(served(40, stage, upstream).count == 40)
  }
}
