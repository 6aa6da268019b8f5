// Goal: log lines say what happened in the documented keys and no others, and a slow writer costs
// lines, never a loop's time or memory beyond the limit.

import Foundation
import Testing

@testable import Telemetry
import TestSupport

@Suite struct LogTests {
  private func line(_ record: ExchangeRecord) -> String {
    var log = JSONLog()
    return log.withLine(of: record, text)
  }

  private func text(_ span: Span<UInt8>) -> String {
    String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
  }

  @Test func aFullLine() {
    var record = Sample.stream(tenant: "acme")
    record.traceID = "0af7651916cd43dd8448eb211c80319c"
    record.spanID = "b7ad6b7169203331"
    record.upstream = "openai-eu"
    record.modelRequested = "gpt-4o-latest"
    record.limiter = "per-key"
    record.queued = 1_500_000
    record.connected = 12_345_678
    record.bytesUp = 512
    record.bytesDown = 9000
    record.usage.cacheWrite = 5
    record.costPicoUSD = 1_250_000_000
    record.backpressureEvents = 2
    record.backpressured = 3_000_000
    record.contentEncoding = "gzip"
    record.responseID = "chatcmpl-1\"\n"
    record.upstreamRequestID = "req_1"
    record.reusedConnection = true
    #expect(
      line(record) == #"""
        {"ts":"2025-11-20T20:24:49.123Z","level":"info","event":"exchange","request_id":"4f1d0a2b-00000001",\#
        "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331",\#
        "route":"openai","upstream":"openai-eu","provider":"openai","operation":"chat",\#
        "model_requested":"gpt-4o-latest","model":"gpt-4o","stream":true,"status":200,\#
        "outcome":"completed","limiter":"per-key","queue_ms":1.5,"connect_ms":12.345,\#
        "header_ms":90,"ttft_ms":100,"ttft_visible_ms":100,"ttft_client_ms":130,\#
        "duration_ms":2250,"events":42,"content_events":40,"bytes_up":512,"bytes_down":9000,\#
        "input_tokens":125,"cache_read_tokens":20,"cache_write_tokens":5,"output_tokens":41,\#
        "reasoning_tokens":11,"usage_source":"reported","cost_usd":0.00125,"finish_reason":"stop",\#
        "max_gap_ms":300,"tokens_per_second":20,"backpressure_events":2,"backpressure_ms":3,\#
        "content_encoding":"gzip","response_id":"chatcmpl-1\"\n","upstream_request_id":"req_1",\#
        "reused_connection":true,"tenant":"acme"}

        """#)
  }

  @Test func absentFactsAreAbsentKeys() {
    var record = ExchangeRecord(route: "none", outcome: .invalidRequest)
    (record.requestID, record.status) = (RequestID(prefix: 7, number: 0xffff_fffe), 404)
    (record.origin, record.errorType) = (.client, .noRoute)
    #expect(
      line(record) == #"""
        {"ts":"1970-01-01T00:00:00.000Z","level":"info","event":"exchange","request_id":"00000007-fffffffe",\#
        "route":"none","provider":"other","operation":"other","stream":false,"status":404,\#
        "outcome":"invalid_request","error_type":"no_route","error_origin":"client",\#
        "duration_ms":0,"bytes_up":0,"bytes_down":0,"backpressure_events":0,"backpressure_ms":0}

        """#)
  }

  @Test func everyLineIsOneObjectOfKnownKeys() throws {
    let known: Set<String> = Set(
      """
      ts level event request_id trace_id span_id route upstream provider operation \
      model_requested model stream status outcome error_type error_origin limiter queue_ms \
      connect_ms header_ms ttft_ms ttft_visible_ms ttft_client_ms duration_ms events \
      content_events bytes_up bytes_down input_tokens cache_read_tokens cache_write_tokens \
      output_tokens reasoning_tokens usage_source cost_usd finish_reason max_gap_ms \
      tokens_per_second backpressure_events backpressure_ms content_encoding response_id \
      upstream_request_id reused_connection tenant
      """.split(separator: " ").map(String.init))
    var random = SeededRandom(seed: 21)
    for _ in 0..<100 {
      let text = line(Sample.random(using: &random))
      #expect(text.hasSuffix("}\n") && text.dropLast().contains("\n") == false)
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      #expect(Set(try #require(object).keys).isSubset(of: known))
    }
  }

  @Test func levels() {
    var record = Sample.stream()
    #expect(LogLevel(origin: record.origin, outcome: record.outcome) == .info)
    record.origin = .upstream
    #expect(LogLevel(origin: record.origin, outcome: record.outcome) == .warn)
    (record.origin, record.outcome) = (.relay, .rejected)
    #expect(LogLevel(origin: record.origin, outcome: record.outcome) == .warn)
    record.outcome = .relayError
    #expect(LogLevel(origin: record.origin, outcome: record.outcome) == .error)
    #expect(LogLevel.debug < .info && LogLevel.warn < .error)
  }

  @Test func lifecycle() {
    var log = JSONLog()
    let started = log.withLine(
      event: "started", level: .info, at: 951_782_400_000_000_000,
      fields: [("version", "0.1"), ("listen", "127.0.0.1:9346")], text)
    #expect(
      started == #"""
        {"ts":"2000-02-29T00:00:00.000Z","level":"info","event":"started","version":"0.1",\#
        "listen":"127.0.0.1:9346"}

        """#)
  }

  @Test func timestampsAgreeWithTheCalendar() {
    let reference = ISO8601DateFormatter()
    reference.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    var random = SeededRandom(seed: 22)
    // Every month's end from 1970 on for eighty years, and moments up to the year 2500.
    var seconds = (0..<80 * 12).map { UInt64($0) * 2_629_746 }
    seconds += (0..<500).map { _ in UInt64.random(in: 0..<16_725_225_600, using: &random) }
    for second in seconds {
      var bytes: [UInt8] = []
      Timestamp.append(unixNanoseconds: second * 1_000_000_000 + 999_999, to: &bytes)
      let expected = reference.string(from: Date(timeIntervalSince1970: Double(second)))
      #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
  }

  // MARK: - The queue

  private func append(_ text: String, to queue: LogQueue) -> LogQueue.Appended {
    queue.append(Array(text.utf8).span)
  }

  @Test func linesComeOutInOrder() {
    let queue = LogQueue()
    #expect(append("a\n", to: queue) == .first)
    #expect(append("b\n", to: queue) == .queued)
    #expect(queue.waitingBytes == 4)
    var buffer = Array("old".utf8)
    #expect(queue.drain(into: &buffer) == 2)
    #expect(buffer == Array("a\nb\n".utf8))
    #expect(append("c\n", to: queue) == .first)
    #expect(queue.drain(into: &buffer) == 1)
    #expect(buffer == Array("c\n".utf8))
    #expect(queue.drain(into: &buffer) == 0)
    #expect(buffer.isEmpty)
    #expect(queue.counts == LogQueue.Counts(taken: 3, dropped: 0))
  }

  @Test func whatDoesNotFitIsDroppedAndCounted() {
    var limits = LogQueue.Limits()
    (limits.lines, limits.bytes) = (3, 10)
    let queue = LogQueue(limits: limits)
    #expect(append("12345678901", to: queue) == .dropped)
    #expect(append("1234567890", to: queue) == .first)
    #expect(append("1", to: queue) == .dropped)
    var buffer: [UInt8] = []
    #expect(queue.drain(into: &buffer) == 1)
    for index in 0..<5 { #expect((append("x", to: queue) == .dropped) == (index >= 3)) }
    #expect(queue.counts == LogQueue.Counts(taken: 4, dropped: 4))
  }

  @Test func takenAndDroppedAddUpWhileDraining() {
    var limits = LogQueue.Limits()
    limits.lines = 16
    let queue = LogQueue(limits: limits)
    let drained = LogQueue()
    DispatchQueue.concurrentPerform(iterations: 4) { index in
      var buffer: [UInt8] = []
      for _ in 0..<1_000 {
        if index > 0 {
          _ = append("line\n", to: queue)
        } else if queue.drain(into: &buffer) > 0 {
          _ = drained.append(buffer.span)
        }
      }
    }
    var (rest, all): ([UInt8], [UInt8]) = ([], [])
    let left = queue.drain(into: &rest)
    _ = drained.drain(into: &all)
    #expect(queue.counts.taken + queue.counts.dropped == 3_000)
    #expect(UInt64((all.count + rest.count) / 5) == queue.counts.taken)
    #expect(rest.count == left * 5)
  }
}
