// Goal: figures add up over loops and time, and caps hold whatever names traffic brings.

import Foundation
import Testing

@testable import Telemetry
import TestSupport

@Suite struct ShardTests {
  @Test func whatAnExchangeCounts() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    shard.accepted(shard.route("openai").child)
    var page = Sample.page(shard.snapshot(), registry)
    #expect(Sample.sum("weir_requests_active", in: page) == 1)
    shard.record(Sample.stream())
    page = Sample.page(shard.snapshot(), registry)
    let labels = #"route="openai",provider="openai",operation="chat",model="gpt-4o""#
    let series = Sample.series(page)
    #expect(
      series[#"weir_requests_total{\#(labels),stream="true",code="2xx",outcome="completed"}"#] == 1)
    #expect(series[#"weir_tokens_total{\#(labels),direction="input",kind="uncached"}"#] == 100)
    #expect(series[#"weir_tokens_total{\#(labels),direction="input",kind="cache_read"}"#] == 20)
    #expect(series[#"weir_tokens_total{\#(labels),direction="output",kind="response"}"#] == 30)
    #expect(series[#"weir_tokens_total{\#(labels),direction="output",kind="reasoning"}"#] == 11)
    #expect(series[#"weir_tokens_total{\#(labels),direction="output",kind="uncached"}"#] == nil)
    #expect(series[#"weir_request_tokens_sum{\#(labels),direction="output"}"#] == 41)
    #expect(series[#"weir_events_total{\#(labels),kind="content"}"#] == 40)
    #expect(series[#"weir_finish_reasons_total{\#(labels),reason="stop"}"#] == 1)
    // (41 − 1) tokens in two seconds.
    #expect(series[#"weir_output_tokens_per_second_sum{\#(labels)}"#] == 20)
    #expect(series[#"weir_time_per_output_token_seconds_sum{\#(labels)}"#] == 0.05)
    #expect(series[#"weir_requests_active{route="openai"}"#] == 0)
    #expect(series[#"weir_stream_max_gap_seconds_sum{route="openai"}"#] == 0.3)
  }

  @Test func aNewChildHasItsOutcomesAndErrorsAtZero() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    _ = shard.exchange(Sample.stream().key)
    let page = Sample.page(shard.snapshot(), registry)
    let series = Sample.series(page)
    for outcome in Label.Outcome.allCases {
      let found = series.filter { $0.key.contains(#"outcome="\#(outcome.rawValue)""#) }
      #expect(found.count >= 2 && found.values.allSatisfy { $0 == 0 }, "\(outcome)")
    }
    for type in Label.ErrorType.allCases {
      #expect(series.keys.contains { $0.contains(#"error_type="\#(type.rawValue)""#) }, "\(type)")
    }
  }

  @Test func aModelBecomesALabelOnlyOnceAccepted() {
    var record = Sample.stream()
    record.isModelAccepted = false
    #expect(record.key.model == "unknown")
    record.isModelAccepted = true
    #expect(record.key.model == "gpt-4o")
    record.model = nil
    record.modelRequested = "asked"
    #expect(record.key.model == "asked")
  }

  @Test func stallsCountEachThresholdPassed() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    let child = shard.exchange(Sample.stream().key)
    for seconds in [1, 2, 6, 31] as [UInt64] { shard.gap(seconds * 1_000_000_000, child) }
    let page = Sample.page(shard.snapshot(), registry)
    let stalls = Sample.series(page).filter { $0.key.hasPrefix("weir_stream_stalls_total") }
    #expect(stalls.values.sorted() == [1, 2, 3])
  }

  @Test func sumsOverLoopsAreOneLoop() {
    var random = SeededRandom(seed: 11)
    let (registry, oneRegistry) = (LabelRegistry(), LabelRegistry())
    let shards = (0..<3).map { _ in MetricsShard(registry: registry) }
    let one = MetricsShard(registry: oneRegistry)
    for _ in 0..<300 {
      let record = Sample.random(using: &random)
      for shard in [shards.randomElement(using: &random)!, one] {
        shard.accepted(shard.route(record.route).child)
        shard.record(record)
      }
    }
    var total = MetricsSnapshot()
    for shard in shards { total.merge(shard.snapshot()) }
    #expect(
      Sample.series(Sample.page(total, registry))
        == Sample.series(
          Sample.page(one.snapshot(), oneRegistry)))
  }

  @Test func acceptedIsEndedPlusActiveAtEveryScrape() {
    var random = SeededRandom(seed: 12)
    let registry = LabelRegistry()
    let shards = (0..<2).map { _ in MetricsShard(registry: registry) }
    var open: [ExchangeRecord] = []
    for step in 0..<400 {
      if open.isEmpty || Bool.random(using: &random) {
        let record = Sample.random(using: &random)
        let shard = shards.randomElement(using: &random)!
        shard.accepted(shard.route(record.route).child)
        open.append(record)
      } else {
        // Ended on any loop.
        shards.randomElement(using: &random)!.record(
          open.remove(at: Int.random(in: 0..<open.count, using: &random)))
      }
      guard step % 20 == 0 else { continue }
      var total = MetricsSnapshot()
      for shard in shards { total.merge(shard.snapshot()) }
      let page = Sample.page(total, registry)
      #expect(Sample.sum("weir_requests_active", in: page) == Double(open.count))
      #expect(
        Sample.sum("weir_requests_accepted_total", in: page)
          == Sample.sum("weir_requests_total", in: page) + Double(open.count))
    }
  }

  // Goal: what is lent again and again adds up to what was counted, and nothing counts twice.
  // Method: one shard lends after every few exchanges, another with the same traffic never.
  @Test func whatIsLentAddsUp() {
    var random = SeededRandom(seed: 14)
    let (registry, otherRegistry) = (LabelRegistry(), LabelRegistry())
    let shard = MetricsShard(registry: registry)
    let other = MetricsShard(registry: otherRegistry)
    var total = MetricsSnapshot()
    for step in 0..<60 {
      var record = Sample.random(using: &random)
      record.route = "a"
      record.endedAt += UInt64(step)
      record.traceID = String(repeating: "a", count: 29) + "\(100 + step)"
      record.isTraceSampled = step % 3 == 0
      for one in [shard, other] {
        one.accepted(one.route(record.route).child)
        // Some stay open, so that gauges are lent too.
        if step % 5 > 0 { one.record(record) }
      }
      guard step % 12 == 0 else { continue }
      total.merge(shard.lend(for: total.blank))
      let page = Sample.page(total, registry, format: .openMetrics)
      let expected = Sample.page(other.snapshot(), otherRegistry, format: .openMetrics)
      let differs = zip(page.split(separator: "\n"), expected.split(separator: "\n")).first {
        $0 != $1
      }
      #expect(differs == nil && page.utf8.count == expected.utf8.count)
    }
    let hasRest = shard.lend(for: MetricsSnapshot()) != MetricsSnapshot()
    #expect(hasRest)
    let isEmpty = shard.snapshot() == MetricsSnapshot()
    #expect(isEmpty)
  }

  @Test func aSeriesNeverDisappears() {
    var random = SeededRandom(seed: 13)
    var caps = LabelRegistry.Caps()
    caps.series = 3_000
    let registry = LabelRegistry(caps: caps)
    let shard = MetricsShard(registry: registry)
    var seen: Set<String> = []
    for _ in 0..<40 {
      for _ in 0..<10 { shard.record(Sample.random(using: &random)) }
      let names = Set(Sample.series(Sample.page(shard.snapshot(), registry)).keys)
      #expect(seen.subtracting(names) == [])
      seen = names
    }
  }

  @Test func junkModelsAddOneSeriesToAFamily() {
    let registry = LabelRegistry()
    let shards = (0..<2).map { _ in MetricsShard(registry: registry) }
    for index in 0..<5_000 { shards[index % 2].record(Sample.stream(model: "junk-\(index)")) }
    var total = MetricsSnapshot()
    for shard in shards { total.merge(shard.snapshot()) }
    let page = Sample.page(total, registry)
    let counts = Sample.series(page).filter {
      $0.key.hasPrefix("weir_usage_reports_total") && $0.key.contains("reported")
    }
    #expect(counts.count <= 129)
    #expect(counts.values.reduce(0, +) == 5_000)
    #expect(Sample.sum("weir_metrics_series", in: page) <= 20_000)
    #expect(Sample.sum("weir_label_overflow_total", in: page) > 4_800)
  }

  @Test func theModelCapHoldsOverAllLoops() {
    var caps = LabelRegistry.Caps()
    (caps.models, caps.series) = (3, .max)
    let registry = LabelRegistry(caps: caps)
    let shards = (0..<2).map { _ in MetricsShard(registry: registry) }
    for index in 0..<20 { shards[index % 2].record(Sample.stream(model: "m\(index)")) }
    var total = MetricsSnapshot()
    for shard in shards { total.merge(shard.snapshot()) }
    let page = Sample.page(total, registry)
    let series = Sample.series(page)
    for (model, count) in [("m0", 1.0), ("m1", 1), ("m2", 1), ("other", 17)] {
      let name = #"weir_cost_usd_total"#
      #expect(!page.contains(name))
      let labels = #"route="openai",provider="openai",operation="chat",model="\#(model)""#
      #expect(series[#"weir_usage_reports_total{\#(labels),source="reported"}"#] == count)
    }
    #expect(series[#"weir_label_overflow_total{label="model"}"#] == 17)
  }

  @Test func theTenantCap() {
    var caps = LabelRegistry.Caps()
    (caps.tenants, caps.series) = (2, .max)
    let registry = LabelRegistry(caps: caps)
    let shard = MetricsShard(registry: registry)
    for index in 0..<10 { shard.record(Sample.stream(tenant: "t\(index)")) }
    let page = Sample.page(shard.snapshot(), registry)
    let series = Sample.series(page)
    let tenants = Set(page.matches(of: /tenant="([a-z0-9]+)"/).map { String($0.output.1) })
    #expect(tenants == ["t0", "t1", "other"])
    #expect(series[#"weir_label_overflow_total{label="tenant"}"#] == 8)
    // Families without the label count all of them together.
    #expect(Sample.sum("weir_request_duration_seconds_count", in: page) == 10)
  }

  /// Room for five pairs of children beside the process and one route: one is set aside for the
  /// last resort, one for the route's own `other`.
  @Test func maxSeriesFoldsIntoOther() {
    var caps = LabelRegistry.Caps()
    let size = SlotLayout.childSeries
    caps.series = size[.process] + size[.route] + 5 * (size[.exchange] + size[.tenant])
    let registry = LabelRegistry(caps: caps)
    let shard = MetricsShard(registry: registry)
    for index in 0..<10 { shard.record(Sample.stream(model: "m\(index)")) }
    // Another provider of the same route finds no room at all.
    var elsewhere = Sample.stream(model: "m0")
    elsewhere.provider = .groq
    shard.record(elsewhere)
    let page = Sample.page(shard.snapshot(), registry)
    let series = Sample.series(page)
    let ours = #"route="openai",provider="openai",operation="chat",model="#
    let counts = [
      (#"\#(ours)"m0""#, 1.0), (#"\#(ours)"m1""#, 1), (#"\#(ours)"m2""#, 1),
      (#"\#(ours)"other""#, 7),
      (#"route="other",provider="other",operation="other",model="other""#, 1),
    ]
    for (labels, count) in counts {
      #expect(
        series[#"weir_usage_reports_total{\#(labels),source="reported"}"#] == count, "\(labels)")
    }
    #expect(Sample.sum("weir_usage_reports_total", in: page) == 11)
    #expect(series[#"weir_label_overflow_total{label="series"}"#] == 8)
    #expect(Sample.sum("weir_metrics_series", in: page) <= Double(caps.series))
  }

  @Test func thePeakIsThatOfTheSum() {
    let registry = LabelRegistry()
    let shards = (0..<2).map { _ in MetricsShard(registry: registry) }
    for shard in shards { shard.streamOpened(shard.route("a")) }
    for shard in shards { shard.streamClosed(shard.route("a")) }
    shards[0].streamOpened(shards[0].route("a"))
    var total = MetricsSnapshot()
    for shard in shards { total.merge(shard.snapshot()) }
    let page = Sample.page(total, registry)
    #expect(Sample.sum("weir_streams_peak", in: page) == 2)
    #expect(Sample.sum("weir_streams_active", in: page) == 1)
  }

  /// Loops on threads of their own meet the same children at the same time.
  @Test func loopsShareOneRegistry() {
    let registry = LabelRegistry()
    nonisolated(unsafe) var snapshots = [MetricsSnapshot](repeating: MetricsSnapshot(), count: 4)
    // Each iteration writes its own element, and they are read after all have ended.
    snapshots.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let places = buffer
      DispatchQueue.concurrentPerform(iterations: 4) { index in
        var random = SeededRandom(seed: UInt64(index))
        let shard = MetricsShard(registry: registry)
        for _ in 0..<200 { shard.record(Sample.random(using: &random)) }
        places[index] = shard.snapshot()
      }
    }
    var total = MetricsSnapshot()
    for snapshot in snapshots { total.merge(snapshot) }
    let page = Sample.page(total, registry)
    #expect(Sample.sum("weir_requests_total", in: page) == 800)
    #expect(Sample.sum("weir_request_duration_seconds_count", in: page) == 800)
  }

  @Test func aSnapshotStandsStill() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    shard.record(Sample.stream())
    let lent = shard.snapshot()
    let before = Sample.page(lent, registry)
    for _ in 0..<10 { shard.record(Sample.stream()) }
    #expect(Sample.page(lent, registry) == before)
  }
}
