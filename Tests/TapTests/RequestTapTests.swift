// Goal: the model and the wish for a stream are found in a request body without keeping it. Method:
// bodies in every cut, and bodies that have neither.

import Tap
import TestSupport
import Testing

@Suite("Request bodies")
struct RequestTapTests {
  private final class Reader {
    let tap = RequestTap()
    var isFinished: Bool { tap.isFinished }
    var model: [UInt8]? { tap.model }
    var found: String { "\(tap.model?.text ?? "-") \(tap.wantsStream.map(String.init) ?? "-")" }
  }

  @Test(
    "finds the top-level model and stream",
    arguments: [
      (
        #"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true}"#,
        "gpt-4o true"
      ),
      (#"{"stream":false,"messages":[{"model":"no","stream":true}],"model":"m"}"#, "m false"),
      (#"{"model":"m\u00e9\/x"}"#, "mé/x -"), (#"{"model":7,"stream":"yes"}"#, "- -"),
      (#"{"model":"first","model":"second"}"#, "first -"), ("[]", "- -"), ("", "- -"),
      ("model=gpt", "- -"),
    ])
  func finds(body: String, found: String) {
    let feed = Feed(
      Array(body.utf8), start: { Reader() }, feed: { $0.tap.observe($1) }, result: { $0.found })
    #expect(feed.whole == found)
    #expect(feed.disagreements.isEmpty)
  }

  @Test("stops when it has both, or a mebibyte was read")
  func stops() {
    let reader = Reader()
    reader.tap.observe(Array(#"{"model":"m","stream":true,"#.utf8).span)
    #expect(reader.isFinished)
    let long = Reader()
    long.tap.observe(Array(#"{"prompt":""#.utf8).span)
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
    for _ in 0..<16 { long.tap.observe(piece.span) }
    #expect(long.isFinished)
    long.tap.observe(Array(#"","model":"late"}"#.utf8).span)
    #expect(long.model == nil)
  }

  @Test("a short model takes no more memory after a long one")
  func sizes() {
    let tap = RequestTap()
    for length in [250, 4] {
      tap.reset()
      let model = String(repeating: "m", count: length)
      tap.observe(Array("{\"model\":\"\(model)\"}".utf8).span)
      #expect(tap.model?.count == length)
    }
    #expect((tap.model?.capacity ?? 0) < 64)
  }

  @Test(
    "finds the model in a path",
    arguments: [
      ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "gemini-2.5-pro"),
      ("/openai/deployments/my-gpt/chat/completions?api-version=1", "my-gpt"),
      ("/model/amazon.nova-lite-v1%3A0/converse-stream", "amazon.nova-lite-v1%3A0"),
      ("//model//m//converse", "m"), ("/model/m/", "-"), ("/model/m?/x", "-"),
      ("/deployments/d", "d"), ("/models/a:b:c", "a:b"), ("/models/m", "-"),
      ("/models/deployments/d", "d"), ("?x=/deployments/d", "-"), ("", "-"),
      ("/v1/chat/completions", "-"), ("/v1/models", "-"), ("/", "-"),
    ])
  func path(path: String, model: String) {
    #expect((RequestTap.model(inPath: Array(path.utf8))?.text ?? "-") == model)
  }
}
