// Goal: speeds and the last minutes are right, however often somebody looks, and nothing grows.
// Method: looks at chosen instants; the figures of a second are worked out by hand.

import IO
import Testing

@testable import Admin
@testable import Relay
@testable import Telemetry

@Suite struct StatusBoardTests {
  private let board = StatusBoard(
    StatusIdentity(version: "1", commit: "c", loops: 1), start: Instant(nanoseconds: 0))

  private func take(
    _ open: [StreamReading], ended: [ExchangeRecord] = [], _ figures: StatusFigures = .init(),
    atSecond second: Double
  ) {
    var lent = LoopStreams(loop: 0, requestIDs: .first)
    lent.open = open
    lent.openCount = open.count
    lent.ended = ended
    board.take([lent], figures, limits: [], at: Instant(nanoseconds: UInt64(second * 1e9)))
  }

  @Test func aSpeedBeginsAsTheMeanAndFollowsWhatHappens() {
    take([.streaming(1, age: .seconds(4), events: 100)], atSecond: 10)
    #expect(board.rows[0].eventRate == 25)
    // 65 in the next second: a quarter of the way from 25 to 65.
    take([.streaming(1, age: .seconds(5), events: 165)], atSecond: 11)
    #expect(board.rows[0].eventRate == 35)
    for second in 12..<40 {
      take([.streaming(1, age: .seconds(second - 6), events: 165)], atSecond: Double(second))
    }
    #expect(board.rows[0].eventRate < 0.1)
  }

  @Test func lookingOftenMakesNoSpeed() {
    take([.streaming(1, events: 100)], atSecond: 10)
    for step in 1...100 {
      take([.streaming(1, events: 100)], atSecond: 10 + Double(step) / 100_000)
    }
    #expect(board.rows[0].eventRate > 24.9)
    take([.streaming(1, events: 100)], atSecond: 10.001)
    #expect(board.rows[0].eventRate.isFinite)
  }

  @Test func eventsAreCountedOnceThoughTheirStreamEnds() {
    take([.streaming(1, events: 100), .streaming(2, events: 10)], atSecond: 1)
    var gone = Sample.ended(0)
    gone.requestID = RequestIDs.first.id(1)
    gone.events[.content] = 130
    // 30 of the one that ended, 15 of the other, 5 of one that came and 8 of one never seen open.
    var brief = Sample.ended(1)
    brief.events[.content] = 8
    take([.streaming(2, events: 25), .streaming(3, events: 5)], ended: [gone, brief], atSecond: 2)
    #expect(board.rates.events == 58)
  }

  @Test func rowsAreTheOldestFirstAndLimited() {
    let many = (0..<2500).map { StreamReading.streaming($0, age: .milliseconds($0)) }
    take(many, atSecond: 1)
    #expect(board.rows.count == StatusBoard.rowLimit)
    #expect(board.openCount == 2500)
    #expect(board.rows[0].reading.age == Duration.milliseconds(2499).wholeNanoseconds)
  }

  @Test func theLastToEndAreKept() {
    for batch in 0..<10 {
      let records = (0..<50).map { Sample.ended(batch * 50 + $0) }
      take([], ended: records.shuffled(), atSecond: Double(batch + 1))
    }
    #expect(board.recent.count == StatusBoard.recentLimit)
    #expect(board.recent.map(\.requestID) == (300..<500).reversed().map(RequestIDs.ended.id))
  }

  @Test func theWindowIsFiveMinutesOnceThereAreFive() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    func figures() -> StatusFigures { StatusFigures(shard.snapshot(), registry: registry) }
    func failOne() {
      shard.accepted(shard.route("chat").child)
      var record = Sample.ended(0)
      record.outcome = .upstreamError
      (record.origin, record.errorType) = (.upstream, .overloaded)
      shard.record(record)
    }
    let at = { (second: Int) in Instant(nanoseconds: UInt64(second) * 1_000_000_000) }
    failOne()
    board.note(figures(), at: at(100))
    #expect(board.lastMinutes(at: at(100)).nanoseconds == 100_000_000_000)
    // A scraper comes every 15 seconds, and something fails every 30.
    for second in stride(from: 105, through: 1000, by: 15) {
      if second % 30 == 0 { failOne() }
      board.note(figures(), at: at(second))
    }
    take([], figures(), atSecond: 1000)
    let (window, length) = board.lastMinutes(at: at(1000))
    #expect((300_000_000_000..<316_000_000_000).contains(length))
    #expect(window.errorCount == 10)
    #expect(board.figures.errorCount == 31)
  }

  @Test func ratesAreOfTheTimeBetweenTwoLooks() {
    let registry = LabelRegistry()
    let shard = MetricsShard(registry: registry)
    take([], atSecond: 1)
    for _ in 0..<6 { shard.accepted(shard.route("chat").child) }
    shard.relayed(3000, .down, shard.route("chat").child)
    take([], StatusFigures(shard.snapshot(), registry: registry), atSecond: 3)
    #expect(board.rates.requests == 3)
    #expect(board.rates.bytesDown == 1500)
    #expect(board.figures.requestsActive == 6)
  }
}
