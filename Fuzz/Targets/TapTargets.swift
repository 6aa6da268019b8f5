// The side path: every dialect over any bytes, with the facts the same however the body is cut.

internal import Tap

/// The heads under which bodies are read; an input's first byte picks one.
private let heads: [(type: String, path: String, coding: String, status: Int)] = {
  let streams = [
    "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages",
    "/v1beta/models/g:streamGenerateContent?alt=sse", "/v2/chat",
    "/openai/deployments/d/chat/completions", "/generate_stream", "/mcp", "/unknown",
    "/v1/audio/speech", "/v1/embeddings",
  ]
  var heads: [(String, String, String, Int)] = streams.map { ("text/event-stream", $0, "", 200) }
  heads += streams.prefix(7).map { ("application/json", $0, "", 200) }
  heads += streams.prefix(7).map { ("application/json", $0, "", 429) }
  heads += ["/api/chat", "/api/generate", "/unknown"].map { ("application/x-ndjson", $0, "", 200) }
  heads.append(("application/json", "/v1beta/models/g:streamGenerateContent", "", 200))
  for path in ["/model/m/invoke-with-response-stream", "/model/m/converse-stream"] {
    heads.append(("application/vnd.amazon.eventstream", path, "", 200))
  }
  heads.append(("text/event-stream", "/v1/messages", "gzip", 200))
  heads.append(("text/event-stream", "/v1/messages", "deflate", 200))
  heads.append(("text/plain", "/v1/messages", "", 500))
  return heads
}()

func fuzzTap(_ input: UnsafeRawBufferPointer) {
  guard let first = input.first else { return }
  let head = heads[Int(first) % heads.count]
  let request = TapRequest(
    path: Array(head.path.utf8), contentType: Array(head.type.utf8),
    contentEncoding: Array(head.coding.utf8), status: head.status)
  let body = UnsafeRawBufferPointer(rebasing: input.dropFirst())
  func read(_ sizes: [Int]) -> String {
    let report = ObserveReport(request)
    Pieces.feed(body, in: sizes) { report.read($0) }
    return latin(report.line())
  }
  let whole = read([body.count])
  for sizes in Pieces.ways(of: body) {
    let other = read(sizes)
    // Whether a body grows too much depends on how much of it had been pushed by then.
    if !head.coding.isEmpty, whole.contains("shed") || other.contains("shed") { continue }
    expectEqual(other, whole, "\(head): facts depend on how the body is cut, \(sizes.prefix(40))")
  }
}

func fuzzRequestTap(_ input: UnsafeRawBufferPointer) {
  func read(_ sizes: [Int]) -> String {
    var tap = RequestTap()
    Pieces.feed(input, in: sizes) { tap.observe($0) }
    return "\(tap.model.map(latin) as Any) \(tap.wantsStream as Any)"
  }
  let whole = read([input.count])
  for sizes in Pieces.ways(of: input) {
    expectEqual(read(sizes), whole, "a request's model depends on how its body is cut")
  }
}

/// Answers to a plain request, of which one has become known and the other is it with some bytes changed: what
/// is made of the other does not depend on the one.
///
/// The first byte says whose answers; see `knownAndChanged`.
func fuzzAnswers(_ input: UnsafeRawBufferPointer) {
  let heads = heads.filter { $0.type == "application/json" && $0.status == 200 }
  guard let (choice, known, other) = knownAndChanged(input) else { return }
  let head = heads[Int(choice) % heads.count]
  let request = TapRequest(
    path: Array(head.path.utf8), contentType: Array(head.type.utf8), status: head.status)
  func read(_ body: [UInt8], _ supplies: TapSupplies) -> String {
    let report = ObserveReport(request, sharing: supplies)
    report.read(body.span)
    return latin(report.line())
  }
  let supplies = TapSupplies()
  let first = read(known, supplies)
  // As many as it takes for a loop to make a template of one.
  for _ in 0..<20 {
    expectEqual(read(known, supplies), first, "\(head): the same answer, other facts")
  }
  expectEqual(
    read(other, supplies), read(other, TapSupplies()), "\(head): facts depend on an earlier answer")
}
