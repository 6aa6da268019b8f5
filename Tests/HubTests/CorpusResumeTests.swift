// Goal: for each recorded stream and each event k of it, what stands before the end of event k and
// what a resume after k brings are together the original, while the stream runs and after its end.
// Method: every recording, in seeded reads, resumed at every k from a log; SHA-256 compared, and
// the number of events with what a correct reader of the recording counts.

import CSystem
import Foundation
import Hub
import TestSupport
import Testing

private struct Recording: CustomTestStringConvertible, Sendable {
  let file: String
  let framing: EventFraming
  let events: Int

  var testDescription: String { file }

  /// The streams among the recordings; empty where there is no corpus.
  static let all: [Recording] = {
    guard let index = Corpus.bytes(of: "index.json"),
      let entries = try? JSONSerialization.jsonObject(with: Data(index)) as? [[String: Any]]
    else { return [] }
    return entries.compactMap(Recording.init)
  }()

  private init?(_ entry: [String: Any]) {
    guard let file = entry["file"] as? String, let type = entry["content_type"] as? String,
      let path = entry["request_path"] as? String, entry["streaming"] as? Bool == true,
      let expected = entry["expected"] as? [String: Any], let events = expected["events"] as? Int,
      let framing = EventFraming(
        contentType: Array(type.utf8), isGrowingArray: path.contains(":streamGenerateContent"),
        isEncoded: false)
    else { return nil }
    self.file = file
    self.framing = framing
    self.events = events
  }
}

@Suite struct CorpusResumeTests {
  @Test(.enabled(if: !Recording.all.isEmpty), arguments: Recording.all)
  fileprivate func everyCut(_ recording: Recording) throws {
    let body = try #require(Corpus.bytes(of: recording.file))
    let stream = try #require(WrittenStream(in: StreamDirectory(), recording.framing))
    var random = SeededRandom(seed: UInt64(body.count))
    var (tried, sent) = (0, 0)
    while sent < body.count {
      let size = min(body.count - sent, Int.random(in: 1...3000, using: &random))
      stream.write(body[sent..<sent + size])
      sent += size
      let events = stream.log.tide.events
      // The ends that this read brought, and one of those before.
      for event in Set([Int.random(in: 0...events, using: &random)] + Array(tried...events)) {
        expect(body[..<sent], of: stream.log, after: event, hashed: false)
      }
      tried = events
    }
    stream.end()
    let events = stream.log.tide.events
    // Hashing the longest ones at each of thousands of events would take minutes.
    let stride = 1 + body.count * events / 50_000_000
    for event in 0...events {
      expect(body[...], of: stream.log, after: event, hashed: event % stride == 0)
    }
    // A last line without its end counts for a reader of the whole, and has no end to resume at.
    let isUnended = recording.framing == .lines && body.last != UInt8(ascii: "\n")
    #expect(events == recording.events || (isUnended && events == recording.events - 1))
  }

  @Test("the corpus is there, or this run says that it is not")
  func presence() {
    if Recording.all.isEmpty { print("skipped: no corpus; set WEIR_CORPUS to replay it") }
    #expect(Recording.all.isEmpty || Recording.all.count > 150)
  }

  /// Reads on after `event`: behind the original's bytes up to where the rest begins, it makes the
  /// original again; and the rest begins where the event ends.
  private func expect(
    _ bytes: ArraySlice<UInt8>, of log: StreamLog, after event: Int, hashed: Bool
  ) {
    var subscription = Subscription(log, after: event, unit: .bytes)
    let rest = subscription.readAll(atMost: 1 << 16).bytes
    let prefix = bytes.prefix(bytes.count - rest.count)
    #expect(areEqual(bytes.suffix(rest.count), rest[...]), "after event \(event)")
    if hashed { #expect(sha256(Array(prefix) + rest) == sha256(Array(bytes)), "event \(event)") }
    var before = Subscription(log, after: 0, unit: .events)
    if event > 0, event < 20, case .run(let run) = before.next(atMost: .max) {
      #expect(run.ends[event - 1] == prefix.count)
    }
  }

  private func areEqual(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
    one.withUnsafeBytes { one in
      other.withUnsafeBytes { other in
        one.count == other.count
          && (one.isEmpty || memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0)
      }
    }
  }

  private func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256(bytes, bytes.count, &digest)
    return digest
  }
}
