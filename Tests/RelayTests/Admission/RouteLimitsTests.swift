// Goal: a request's keys are what the settings say they are, and settings can name them.
// Method: heads as bytes, and keys compared with those of plain values.

internal import IO
internal import Relay
internal import Wire
internal import Testing

@Suite struct RouteLimitsTests {
  @Test func aKeyIsItsValueOrItsHash() {
    let plain = LimitKey(of: "gpt-4o")
    #expect(LimitKey(settingsText: "gpt-4o") == plain)
    let digest = SHA256.digest(of: Array("gpt-4o".utf8).span)
    let digits = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(LimitKey(settingsText: "sha256:" + digits) == plain)
    #expect(LimitKey(settingsText: "sha256:" + digits.uppercased()) == plain)
    #expect(LimitKey(of: "gpt-4o-mini") != plain)
  }

  @Test(arguments: ["sha256:", "sha256:12", "sha256:+" + String(repeating: "0", count: 63)])
  func aHashThatIsNoneIsRefused(_ text: String) {
    #expect(LimitKey(settingsText: text) == nil)
  }

  private static let limits = [
    LimitOptions(name: "all", maxStreams: 1),
    LimitOptions(name: "route", by: .route, maxStreams: 1),
    LimitOptions(name: "model", by: .model, maxStreams: 1),
    LimitOptions(name: "client", by: .client, maxStreams: 1),
    LimitOptions(name: "key", by: .header(Array("authorization".utf8)), maxStreams: 1),
  ]

  private func head(_ fields: String) throws -> RequestHead {
    try RequestHead(parsing: Array("POST /v1 HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8))
  }

  private func key(
    of limit: String, _ head: RequestHead,
    from client: SocketAddress = .loopback(port: 7), model: String? = nil
  ) -> LimitKey? {
    let admission = Admission(Self.limits)
    let limits = RouteLimits([limit], ofRoute: "openai", among: Self.limits, in: admission)
    return limits.demand(head, from: client, model: model.map { Array($0.utf8) }).entries.first?.key
  }

  @Test func eachBasisFindsItsKey() throws {
    let head = try head("authorization: Bearer s\r\nAuthorization: Bearer t\r\n")
    #expect(key(of: "all", head) == .whole)
    #expect(key(of: "route", head) == LimitKey(of: "openai"))
    #expect(key(of: "model", head, model: "m") == LimitKey(of: "m"))
    #expect(key(of: "model", head) == LimitKey(of: "unknown"))
    #expect(key(of: "key", head) == LimitKey(of: "Bearer s"))
    let (without, loud) = (try self.head(""), try self.head("AUTHORIZATION: x\r\n"))
    #expect(key(of: "key", without) == LimitKey(of: ""))
    #expect(key(of: "key", loud) == LimitKey(of: "x"))
  }

  @Test func aClientIsItsAddressWithoutPort() throws {
    let head = try head("")
    #expect(key(of: "client", head) == LimitKey(of: "127.0.0.1"))
    #expect(key(of: "client", head, from: .loopback(port: 8)) == LimitKey(of: "127.0.0.1"))
    let v6 = try #require(SocketAddress(numericHost: "fe80::1", port: 9))
    #expect(key(of: "client", head, from: v6) == LimitKey(of: "fe80::1"))
    let unix = SocketAddress(host: .unix("/run/x"))
    #expect(key(of: "client", head, from: unix) == LimitKey(of: "unix"))
  }

  @Test func onlyAModelsKeyHasToBeWaitedFor() {
    let admission = Admission(Self.limits)
    func limits(_ names: [String]) -> RouteLimits {
      RouteLimits(names, ofRoute: "r", among: Self.limits, in: admission)
    }
    #expect(!limits(["all", "key"]).needModel && limits(["all", "model"]).needModel)
    #expect(limits([]).isEmpty && !limits(["all"]).isEmpty)
  }
}
