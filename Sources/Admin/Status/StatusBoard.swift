// What is known of the whole process from the last look at its loops: the streams, how fast they
// go, what ended, and how the figures have changed over the last minutes.

package import IO
package import Relay
package import Telemetry

/// Values in, values out: it reads no clock and asks no loop.
package final class StatusBoard {
  /// An open exchange, and its speed of the last seconds.
  struct Row {
    var id: String
    var reading: StreamReading
    /// Content events, and body bytes, in a second.
    var eventRate: Double
    var byteRate: Double
  }

  /// What has happened within a second, of late.
  struct Rates {
    var requests = 0.0
    var errors = 0.0
    var events = 0.0
    var bytesDown = 0.0
    var bytesUp = 0.0
  }

  /// Rows of one look at most; what more there is, is counted.
  package static let rowLimit = 2000
  /// Ended exchanges that are remembered.
  package static let recentLimit = 200
  /// Distributions and errors are told of this time.
  static let window = Duration.seconds(300)
  private static let sampleSpacing = Duration.seconds(5)
  /// Speeds follow what happens within about this time.
  private static let smoothingSeconds = 3.0

  let identity: StatusIdentity
  /// Oldest first.
  private(set) var rows: [Row] = []
  private(set) var openCount = 0
  /// Newest first.
  private(set) var recent: [ExchangeRecord] = []
  /// All that have ended, those included that nobody remembers.
  private(set) var endedCount = 0
  private(set) var limits: [LimitState] = []
  private(set) var figures = StatusFigures()
  private(set) var rates = Rates()
  private(set) var lastLook: Instant?
  package var isDraining = false

  private let start: Instant
  private var samples: [(at: Instant, figures: StatusFigures)]

  /// - Parameter start: when the process began to count.
  package init(_ identity: StatusIdentity, start: Instant) {
    self.identity = identity
    self.start = start
    samples = [(start, StatusFigures())]
  }

  package func uptime(at now: Instant) -> UInt64 { now.nanoseconds(since: start) }
}

/// Which weir it is.
package struct StatusIdentity: Sendable {
  var version: String
  var commit: String
  var loops: Int

  package init(version: String, commit: String, loops: Int) {
    self.version = version
    self.commit = commit
    self.loops = loops
  }
}

// MARK: - Taking a look

extension StatusBoard {
  /// Takes what the loops lent.
  package func take(
    _ loops: [LoopStreams], _ figures: StatusFigures, limits: [LimitState], at now: Instant
  ) {
    let seconds = lastLook.map { Double(now.nanoseconds(since: $0)) / 1e9 }
    let ended = loops.flatMap(\.ended).sorted { $0.endedAt < $1.endedAt }
    let last = Dictionary(rows.map { ($0.id, $0) }) { first, _ in first }
    openCount = loops.reduce(0) { $0 + $1.openCount }
    rows = Self.rows(loops, last, seconds)
    if let seconds, seconds > 0 {
      rates = Self.rates(figures.since(self.figures), seconds)
      rates.events = newEvents(ended, last) / seconds
    }
    recent = Array((ended.reversed() + recent).prefix(Self.recentLimit))
    endedCount += ended.count
    self.limits = limits
    self.figures = figures
    lastLook = now
    note(figures, at: now)
  }

  private static func rows(
    _ loops: [LoopStreams], _ last: [String: Row], _ seconds: Double?
  ) -> [Row] {
    let all = loops.flatMap { loop in
      loop.open.map { reading in
        let id = loop.requestIDs.id(reading.number).text
        return row(id, reading, last[id], seconds)
      }
    }
    return Array(all.sorted { $0.reading.age > $1.reading.age }.prefix(rowLimit))
  }

  /// A stream's speed is its mean when first seen, and then follows what it does.
  private static func row(
    _ id: String, _ reading: StreamReading, _ last: Row?, _ seconds: Double?
  ) -> Row {
    guard let last, let seconds, seconds > 0 else {
      let time = max(Double(reading.age) / 1e9, 0.001)
      return Row(
        id: id, reading: reading, eventRate: Double(reading.contentEvents) / time,
        byteRate: Double(reading.bytesDown) / time)
    }
    let weight = seconds / (seconds + smoothingSeconds)
    let events = Double(reading.contentEvents - last.reading.contentEvents) / seconds
    let bytes = Double(reading.bytesDown &- last.reading.bytesDown) / seconds
    return Row(
      id: id, reading: reading, eventRate: last.eventRate + (events - last.eventRate) * weight,
      byteRate: last.byteRate + (bytes - last.byteRate) * weight)
  }

  private static func rates(_ change: StatusFigures, _ seconds: Double) -> Rates {
    Rates(
      requests: Double(change.accepted) / seconds, errors: Double(change.errorCount) / seconds,
      bytesDown: Double(change.bytes(.down)) / seconds,
      bytesUp: Double(change.bytes(.up)) / seconds)
  }

  /// Content events since the last look. The metrics count a stream's events at its end, so they
  /// are taken from the streams themselves.
  private func newEvents(_ ended: [ExchangeRecord], _ last: [String: Row]) -> Double {
    let open = rows.reduce(0) {
      $0 + $1.reading.contentEvents - (last[$1.id]?.reading.contentEvents ?? 0)
    }
    let gone = ended.reduce(0) {
      $0 + Int($1.events[.content]) - (last[$1.requestID.text]?.reading.contentEvents ?? 0)
    }
    return Double(max(0, open + gone))
  }
}

// MARK: - The last minutes

extension StatusBoard {
  /// Remembers figures that were added up for another reason: with a scraper about, the last
  /// minutes are known before anybody opens the page.
  package func note(_ figures: StatusFigures, at now: Instant) {
    if let newest = samples.last, now.nanoseconds(since: newest.at) < Self.spacing { return }
    samples.append((now, figures))
    let isOld = { (place: Int) in
      now.nanoseconds(since: self.samples[place].at) >= Self.window.wholeNanoseconds
    }
    // The newest of those that are old enough is what the window begins with.
    while samples.count > 1, isOld(1) { samples.removeFirst() }
  }

  private static let spacing = sampleSpacing.wholeNanoseconds

  /// What has happened in the last minutes, and how long that is: longer where weir was not looked
  /// at, shorter after its start.
  func lastMinutes(at now: Instant) -> (figures: StatusFigures, nanoseconds: UInt64) {
    let first = samples.first ?? (start, StatusFigures())
    return (figures.since(first.figures), now.nanoseconds(since: first.at))
  }
}
