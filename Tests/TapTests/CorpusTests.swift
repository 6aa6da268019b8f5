// Goal: every recorded provider response yields exactly the facts that a correct reader gets out
// of it, however the network cuts it. Method: replay each body of the corpus whole, byte by byte
// and in seeded random reads, and compare the report of `weir observe` with the index.

import Foundation
import Tap
import TestSupport
import Testing

/// One recording and what must come out of it.
struct Recording: CustomTestStringConvertible, Sendable {
  let file: String
  let request: TapRequest
  let expected: [String: String]

  var testDescription: String { file }

  /// All recordings of the index; empty where there is no corpus.
  static let all = Corpus.entries.compactMap(Recording.init)

  private init?(_ entry: [String: Any]) {
    guard let file = entry["file"] as? String, let path = entry["request_path"] as? String,
      let type = entry["content_type"] as? String, let status = entry["http_status"] as? Int,
      let expected = entry["expected"] as? [String: Any]
    else { return nil }
    self.file = file
    request = TapRequest(
      path: Array(path.utf8), contentType: Array(type.utf8), status: status)
    self.expected = expected.filter { Self.compared.contains($0.key) }.mapValues(canonical)
  }

  /// The facts that the contract names, and the extras that the report has too.
  static let compared: Set<String> = [
    "events", "content_events", "first_content_event", "first_tool_call_event", "text_chars",
    "reasoning_chars", "tool_call_chars", "refusal_chars", "media_b64_chars", "transcript_chars",
    "tool_calls", "choices", "model", "finish_reasons", "usage", "terminal", "done_marker",
    "error", "comments", "eof_pending", "crc_errors", "block_reason", "error_field",
    "error_raw_json", "args_without_deltas",
  ]

  /// The facts that come out when the body arrives in reads of these sizes.
  func facts(of body: [UInt8], reads: some Sequence<Int>) -> [String: String] {
    let report = ObserveReport(request)
    var start = 0
    for size in reads where start < body.count {
      let end = min(body.count, start + size)
      report.read(body[start..<end].span)
      start = end
    }
    let line = Data(report.line())
    guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
      return [:]
    }
    return object.mapValues(canonical)
  }

  /// What came out otherwise than expected, as text; empty is as it should be.
  func differences(_ found: [String: String]) -> [String] {
    expected.compactMap { key, value in
      found[key] == value ? nil : "\(key): expected \(value), found \(found[key] ?? "nothing")"
    }.sorted()
  }
}

/// JSON of equal values is equal text.
private func canonical(_ value: Any) -> String {
  let options: JSONSerialization.WritingOptions = [.sortedKeys, .fragmentsAllowed]
  let data = try? JSONSerialization.data(withJSONObject: value, options: options)
  return data.map { String(decoding: $0, as: UTF8.self) } ?? "?"
}

@Suite("The corpus of recorded responses")
struct CorpusTests {
  @Test(
    "each body gives its facts in one read", .enabled(if: !Recording.all.isEmpty),
    arguments: Recording.all)
  func whole(_ recording: Recording) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    let found = recording.facts(of: body, reads: [max(1, body.count)])
    #expect(recording.differences(found) == [])
  }

  @Test(
    "each body gives its facts byte by byte and in random reads",
    .enabled(if: !Recording.all.isEmpty), arguments: Recording.all)
  func cut(_ recording: Recording) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    // Byte by byte a large body takes minutes in a debug build; random reads cut it enough.
    if body.count <= 300_000 {
      let found = recording.facts(of: body, reads: repeatElement(1, count: body.count))
      #expect(recording.differences(found) == [], "byte by byte")
    }
    for seed in 1...4 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      let reads = (0..<body.count + 1).lazy.map { _ in Int.random(in: 1...97, using: &random) }
      let found = recording.facts(of: body, reads: Array(reads))
      #expect(recording.differences(found) == [], "seed \(seed)")
    }
  }

  @Test("the corpus is there, or this run says that it is not")
  func presence() {
    if Recording.all.isEmpty { print("skipped: no corpus; set WEIR_CORPUS to replay it") }
    #expect(Recording.all.isEmpty || Recording.all.count >= 246)
  }
}
