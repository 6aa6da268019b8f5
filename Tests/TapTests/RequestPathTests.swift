// Goal: what a request's path and an answer's head say of the format is found wherever it stands,
// and nothing else is taken for it. Method: targets and header values as clients and upstreams
// write them, and some that only resemble them.

import Testing

@testable import Tap

@Suite("What a request's path tells")
struct RequestPathTests {
  @Test(
    "names the dialect",
    arguments: [
      ("/v1/chat/completions", "openai-chat"), ("/v1/chat/completions/?a=b", "openai-chat"),
      ("/x/chat/completions#f", "openai-chat"), ("/v1/responses", "openai-responses"),
      ("/v1/messages?beta=true", "anthropic-messages"),
      ("/v1beta/models/g:generateContent", "gemini"),
      ("/v1beta/models/g:streamGenerateContent?alt=sse", "gemini"),
      ("/v1/publishers/anthropic/models/c:streamRawPredict", "anthropic-messages"),
      ("/v2/chat", "cohere-chat"), ("/api/chat", "ollama-chat"),
      ("/v1/threads/t_1/runs", "openai-assistants"), ("/v1/streams/abc", "replicate"),
      ("/model/amazon.nova/converse-stream", "bedrock-eventstream"),
      ("/model/anthropic.claude/invoke-with-response-stream", "bedrock-eventstream"),
      ("/chat", "-"), ("/v1/threads/t_1", "-"), ("/model/x", "-"), ("/invoke", "-"),
      ("/v1/chat/completionsx", "-"), ("/v1/chat?x=/chat/completions", "-"), ("", "-"),
      ("/", "-"), ("messages", "-"),
    ])
  func dialect(target: String, name: String) {
    let path = RequestPath(Array(target.utf8))
    let found = DialectCatalogue.named(byPath: path, isLines: false)
    #expect((found?.name.rawValue ?? "-") == name)
  }

  @Test(
    "names Azure",
    arguments: [
      ("/openai/deployments/d/chat/completions", true),
      ("/x/chat/completions?api-version=2024-06-01", true), ("?api-version=1", true),
      ("/v1/chat/completions?version=1", false), ("/openai/deployments", false),
      ("api-version", false), ("=", false),
    ])
  func azure(target: String, isAzure: Bool) {
    #expect(RequestPath(Array(target.utf8)).marks.contains(.azure) == isAzure)
  }

  @Test(
    "a media type counts without its parameters, blanks and case",
    arguments: [
      ("text/event-stream", true), ("Text/Event-Stream ; charset=utf-8", true),
      ("\ttext/event-stream", true), ("text/event-streams", false), ("text/event-strea", false),
      ("", false), (";text/event-stream", false),
    ])
  func mediaType(value: String, isEvents: Bool) {
    let tap = Replay(path: "/x", contentType: value).makeTap()
    #expect(tap.facts.isStream == isEvents)
  }

  @Test(
    "the framing follows the type and the status",
    arguments: [
      ("application/x-ndjson", 200, true, true), ("application/JSONL", 200, true, true),
      ("application/json", 200, false, true), ("application/problem+json", 200, false, true),
      ("text/html", 200, false, false), ("text/html", 500, false, true), ("", 101, true, true),
      ("application/json", 101, true, true),
    ])
  func framing(type: String, status: Int, isStream: Bool, isObserving: Bool) {
    let tap = Replay(path: "/x", contentType: type, status: status).makeTap()
    #expect(tap.facts.isStream == isStream && tap.isObserving == isObserving)
  }
}
