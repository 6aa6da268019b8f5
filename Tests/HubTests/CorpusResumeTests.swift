// Goal: for each recorded stream and each event k of it, what stands before the end of event k and
// what a resume after k brings are together the original, while the stream runs and after its end.
// Method: every recording, in seeded reads, resumed from a log: at every k as soon as its end has come,
// and at every k after the stream's end. SHA-256 compared, and the number of events with what a
// correct reader of the recording counts.

import CSystem
import Hub
import TestSupport
import Testing

private struct Recording: CustomTestStringConvertible, Sendable {
  let file: String
  let framing: EventFraming
  let events: Int

  var testDescription: String { file }

  /// The streams among the recordings; empty where there is no corpus.
  static let all = Corpus.entries.compactMap(Recording.init)

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
    let original = Original(body, recording.framing)
    let stream = try #require(WrittenStream(in: StreamDirectory(), recording.framing))
    var random = SeededRandom(seed: UInt64(body.count))
    var (tried, sent) = (0, 0)
    while sent < body.count {
      let size = min(body.count - sent, Int.random(in: 1...3000, using: &random))
      stream.write(body[sent..<sent + size])
      sent += size
      let events = stream.log.tide.events
      // The ends that this read brought, and one of those before.
      let cuts = Set([Int.random(in: 0...events, using: &random)] + Array(tried...events)).sorted()
      original.expect(cuts, in: stream.log, upTo: sent)
      tried = events
    }
    stream.end()
    let events = stream.log.tide.events
    original.expect(Array(0...events), in: stream.log, upTo: body.count)
    // A last line without its end counts for a reader of the whole, and has no end to resume at.
    let isUnended = recording.framing == .lines && body.last != UInt8(ascii: "\n")
    #expect(events == recording.events || (isUnended && events == recording.events - 1))
  }

  @Test("the corpus is there, or this run says that it is not")
  func presence() {
    if Recording.all.isEmpty { print("skipped: no corpus; set WEIR_CORPUS to replay it") }
    #expect(Recording.all.isEmpty || Recording.all.count > 150)
  }
}

/// A recorded body, and where its events end when it is read in one piece.
private struct Original {
  private let bytes: [UInt8]
  private let ends: [Int]

  init(_ bytes: [UInt8], _ framing: EventFraming) {
    self.bytes = bytes
    var cutter = EventCutter(framing)
    var ends = [0]
    cutter.read(bytes.span, cuts: &ends)
    cutter.end(cuts: &ends)
    self.ends = ends
  }

  /// For each of these events, in their order: what stands before its end, and what a resume after
  /// it brings, have together the SHA-256 of the original as far as it was sent.
  func expect(_ events: [Int], in log: StreamLog, upTo sent: Int) {
    var prefix = RunningDigest()
    var (hashed, wanted) = (0, RunningDigest())
    wanted.add(bytes[..<sent])
    let digest = wanted.value
    for event in events where event < ends.count {
      prefix.add(bytes[hashed..<ends[event]])
      hashed = ends[event]
      var subscription = Subscription(log, after: event, unit: .bytes)
      let rest = subscription.readAll(atMost: 1 << 16).bytes
      var whole = prefix
      whole.add(rest[...])
      #expect(hashed + rest.count == sent && whole.value == digest, "after event \(event)")
    }
  }
}

/// A SHA-256 that can be copied on its way, so that a long prefix is hashed once.
private struct RunningDigest {
  private final class Context {
    let pointer = EVP_MD_CTX_new()
    deinit { EVP_MD_CTX_free(pointer) }
  }

  private var context = Context()

  init() { EVP_DigestInit_ex(context.pointer, EVP_sha256(), nil) }

  mutating func add(_ bytes: ArraySlice<UInt8>) {
    if !isKnownUniquelyReferenced(&context) { context = copy }
    _ = bytes.withUnsafeBytes { EVP_DigestUpdate(context.pointer, $0.baseAddress, $0.count) }
  }

  var value: [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let copy = copy
    // Nothing else holds it while OpenSSL has its pointer.
    _ = withExtendedLifetime(copy) { EVP_DigestFinal_ex(copy.pointer, &digest, nil) }
    return digest
  }

  private var copy: Context {
    let copy = Context()
    EVP_MD_CTX_copy_ex(copy.pointer, context.pointer)
    return copy
  }
}
