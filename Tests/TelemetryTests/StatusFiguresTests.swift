// Goal: what a status page says in all is what the metrics page says under its labels; quantiles are
// where they should be; the ring of ended exchanges forgets the oldest.
// Method: random exchanges on two shards, against the sums of the page; small cases by hand.

import Testing

@testable import Telemetry
import TestSupport

@Suite struct StatusFiguresTests {
  @Test func sumsAreThoseOfThePage() {
    var random = SeededRandom(seed: 7)
    let registry = LabelRegistry()
    let shards = [MetricsShard(registry: registry), MetricsShard(registry: registry)]
    for _ in 0..<300 {
      let shard = shards.randomElement(using: &random)!
      let record = Sample.random(using: &random)
      shard.accepted(shard.route(record.route).child)
      shard.relayed(100, .down, shard.route(record.route).child)
      shard.gap(30_000_000, shard.exchange(record.key))
      shard.record(record)
    }
    shards[0].accepted(shards[0].route("a").child)
    shards[1].backpressureBegan(.client, shards[1].route("b"))
    var sum = shards[0].snapshot()
    sum.merge(shards[1].snapshot())
    let figures = StatusFigures(sum, registry: registry)
    let page = Sample.page(sum, registry)
    #expect(Double(figures.accepted) == Sample.sum("weir_requests_accepted_total", in: page))
    #expect(Double(figures.ended) == Sample.sum("weir_requests_total", in: page))
    #expect(Double(figures.errorCount) == Sample.sum("weir_errors_total", in: page))
    #expect(figures.requestsActive == 1)
    #expect(figures.bytes(.down) == 30_000)
    #expect(figures.pauses(.client) == 1 && figures.pausedNow(.client) == 1)
    #expect(figures.pausedNow(.upstream) == 0)
    #expect(
      Double(figures.firstToken.total)
        == Sample.sum("weir_time_to_first_token_seconds_count", in: page))
    #expect(figures.gap.total == 300)
    let byType = Dictionary(
      uniqueKeysWithValues: figures.errorCounts.map { ("\($0.origin) \($0.type)", $0.count) })
    #expect(byType.values.reduce(0, +) == figures.errorCount)
    #expect(figures.errorCounts.map(\.count) == figures.errorCounts.map(\.count).sorted(by: >))
  }

  @Test func changesAreDifferencesAndGaugesStay() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    let route = shard.route("a")
    shard.accepted(route.child)
    shard.streamOpened(route)
    let before = StatusFigures(shard.snapshot(), registry: registry)
    shard.accepted(route.child)
    shard.streamOpened(route)
    let change = StatusFigures(shard.snapshot(), registry: registry).since(before)
    #expect(change.accepted == 1)
    #expect(change.requestsActive == 2)
    #expect(change.streamsActive == 2)
    #expect(StatusFigures().since(StatusFigures()) == StatusFigures())
  }

  @Test func quantilesLieWithinTheirBuckets() throws {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    let child = shard.exchange(Sample.stream().key)
    #expect(StatusFigures().gap.quantile(0.5) == nil)
    // 100 gaps within (0.01, 0.025], then one beyond every bound.
    for _ in 0..<100 { shard.gap(20_000_000, child) }
    var gap = StatusFigures(shard.snapshot(), registry: registry).gap
    #expect(try abs(#require(gap.quantile(0.5)) - 0.0175) < 1e-9)
    #expect(gap.quantile(1) == 0.025)
    shard.gap(60_000_000_000, child)
    gap = StatusFigures(shard.snapshot(), registry: registry).gap
    #expect(gap.quantile(1) == 30)
    #expect(gap.total == 101)
  }
}

@Suite struct RecentExchangesTests {
  private func record(_ number: Int) -> ExchangeRecord {
    var record = ExchangeRecord(route: "a", outcome: .completed)
    record.requestID = RequestID(prefix: 0, number: UInt32(number))
    return record
  }

  @Test(arguments: [1, 3, 10])
  func keepsTheLast(_ capacity: Int) {
    var recent = RecentExchanges(capacity: capacity)
    for count in 0..<25 {
      for seen in 0...count + 2 {
        let kept = recent.after(UInt64(seen)).map(\.requestID)
        let expected = (max(seen, count - capacity)..<max(seen, count)).map {
          RequestID(prefix: 0, number: UInt32($0))
        }
        #expect(kept == expected, "\(count) noted, \(seen) seen")
      }
      recent.note(record(count))
    }
    #expect(recent.count == 25)
  }
}
