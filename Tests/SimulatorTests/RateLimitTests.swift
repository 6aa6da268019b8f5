// Goal: providers that tell what is left of their rate limits do so in their own words, and what is left
// goes down with each request and comes back with time. Method: requests to each API, and the clock moved.

import FakeKernel
import Testing
import Wire

@testable import Simulator

@Suite struct RateLimitTests {
  private func ask(_ stage: ProviderStage, _ path: String) throws -> ReceivedAnswer {
    try stage.answer(Requests.post(path), for: .milliseconds(5))
  }

  @Test func leftGoesDownAndComesBack() throws {
    let stage = try ProviderStage()
    defer { stage.end() }
    let first = try ask(stage, "/v1/chat/completions")
    #expect(first.field("x-ratelimit-limit-requests") == "600")
    #expect(first.field("x-ratelimit-remaining-requests") == "599")
    // Four tokens of fifteen bytes, and a hundred for the answer.
    #expect(first.field("x-ratelimit-limit-tokens") == "280000")
    #expect(first.field("x-ratelimit-remaining-tokens") == "279896")
    let second = try ask(stage, "/v1/responses")
    #expect(second.field("x-ratelimit-remaining-requests") == "598")
    stage.world.run(for: .seconds(60))
    let third = try ask(stage, "/v1/chat/completions")
    #expect(third.field("x-ratelimit-remaining-requests") == "599")
    #expect(third.field("x-ratelimit-remaining-tokens") == "279896")
  }

  @Test func neverBelowNothing() throws {
    let stage = try ProviderStage()
    defer { stage.end() }
    var last: ReceivedAnswer?
    for _ in 0..<900 { last = try ask(stage, "/v1/messages") }
    #expect(last?.field("anthropic-ratelimit-output-tokens-remaining") == "0")
  }

  @Test func eachProviderHasItsWords() throws {
    let stage = try ProviderStage()
    defer { stage.end() }
    let messages = try ask(stage, "/v1/messages")
    #expect(messages.field("anthropic-ratelimit-requests-remaining") == "599")
    #expect(messages.field("anthropic-ratelimit-input-tokens-remaining") == "199996")
    #expect(messages.field("anthropic-ratelimit-output-tokens-limit") == "80000")
    #expect(messages.field("x-ratelimit-remaining-requests") == nil)
    for path in ["/v1beta/models/m:streamGenerateContent", "/api/chat", "/any"] {
      let answer = try ask(stage, path)
      let names = answer.head.headers.fields.map { answer.head.headers.string($0.name) }
      #expect(!names.contains { $0.contains("ratelimit") }, "\(path)")
    }
  }
}
