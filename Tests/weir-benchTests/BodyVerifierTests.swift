// Goal: the bench counts an event only if each of its bytes came out as it went in, whatever chunk
// framing the proxy chose and wherever reads end; and it says so when one did not.
// Method: bodies of three events and their end, framed as sent and anew, fed in every way of
// cutting; then the same with one byte changed, lost or added, at every place.

import Testing
import TestSupport

@testable import weir_bench

@Suite struct BodyVerifierTests {
  private let pattern = EventPattern()
  private let eventCount = 3

  private func finishedRecord() -> StreamRecord {
    let record = StreamRecord(
      number: 0, pattern: pattern, isStamped: false, sentEvents: eventCount)
    record.finish()
    return record
  }

  /// The body as the provider sends it.
  private var sent: [UInt8] {
    Array(pattern.chunks.prefix(eventCount * EventPattern.chunkBytes)) + EventPattern.framedTail
  }

  /// The same payload in chunks of `size` bytes.
  private func reframed(_ size: Int) -> [UInt8] {
    let payload =
      Array(pattern.payload.prefix(eventCount * EventPattern.eventBytes)) + Array(pattern.tail)
    var body: [UInt8] = []
    for start in stride(from: 0, to: payload.count, by: size) {
      let chunk = payload[start..<min(start + size, payload.count)]
      body += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
    }
    return body + Array("0\r\n\r\n".utf8)
  }

  private struct Reception: Equatable {
    var events = 0
    var isEnded = false
    var failed = false
  }

  private func receive(_ body: [UInt8]) -> Feed<Reception> {
    let record = finishedRecord()
    return Feed(
      body, everyCutUpTo: 1024, start: { (BodyVerifier(), false) },
      feed: { state, bytes in
        guard !state.1 else { return }
        bytes.withUnsafeBytes { raw in
          do throws(BenchError) {
            try state.0.take(raw, of: record)
          } catch {
            state.1 = true
          }
        }
      },
      result: { Reception(events: $0.0.events, isEnded: $0.0.isEnded, failed: $0.1) })
  }

  @Test(arguments: [0, 1, 7, 230, 231, 1000])
  func `a body is right in any chunks and any reads`(size: Int) {
    let feed = receive(size == 0 ? sent : reframed(size))
    #expect(feed.whole == Reception(events: eventCount, isEnded: true))
    #expect(feed.disagreements.isEmpty)
  }

  @Test func `a changed byte never passes`() {
    let sent = sent
    for place in sent.indices {
      var body = sent
      // Case is the one thing in a chunk size that may differ.
      body[place] ^= 1
      let whole = receive(whole: body)
      #expect(!whole.isEnded, "at byte \(place)")
    }
  }

  @Test func `a lost or doubled byte never passes`() {
    let sent = sent
    for place in sent.indices {
      var shorter = sent
      let byte = shorter.remove(at: place)
      // Removing one of two equal neighbours is the same body as removing the other.
      #expect(!receive(whole: shorter).isEnded, "without byte \(place)")
      var longer = sent
      longer.insert(byte, at: place)
      // `00` says the same as `0`: the only byte that may come twice.
      if place == sent.count - 5 { continue }
      let doubled = receive(whole: longer)
      #expect(!doubled.isEnded || doubled.failed, "byte \(place) twice")
    }
  }

  private func receive(whole body: [UInt8]) -> Reception {
    var verifier = BodyVerifier()
    let record = finishedRecord()
    var failed = false
    body.withUnsafeBytes { raw in
      do throws(BenchError) {
        try verifier.take(raw, of: record)
      } catch {
        failed = true
      }
    }
    return Reception(events: verifier.events, isEnded: verifier.isEnded, failed: failed)
  }

  @Test func `an end before all events is no end`() {
    let early =
      Array(pattern.chunks.prefix(2 * EventPattern.chunkBytes)) + EventPattern.framedTail
    #expect(receive(whole: early) == Reception(events: 2, isEnded: false, failed: true))
  }

  @Test func `a stamp is compared like every other byte`() throws {
    let record = StreamRecord(number: 0, pattern: pattern, isStamped: true)
    record.sendStamped(at: 0x0123_4567_89ab_cdef)
    var chunk = Array(pattern.stampedChunk(0, stamp: 0x0123_4567_89ab_cdef))
    #expect(String(decoding: chunk, as: UTF8.self).contains("\"obfuscation\":\"0123456789abcdef\""))

    var verifier = BodyVerifier()
    #expect(throws: Never.self) { try take(chunk, of: record, with: &verifier) }
    #expect(verifier.events == 1)

    let digit = try #require(chunk.lastIndex(of: UInt8(ascii: "f")))
    chunk[digit] = UInt8(ascii: "e")
    var second = BodyVerifier()
    #expect(throws: BenchError.self) { try take(chunk, of: record, with: &second) }
  }

  private func take(
    _ bytes: [UInt8], of record: StreamRecord, with verifier: inout BodyVerifier
  ) throws {
    try bytes.withUnsafeBytes { try verifier.take($0, of: record) }
  }
}
