// One reader's place in a stream. Whoever owns it minds how much its peer takes.

/// A cursor over a log, which never moves back.
package struct Subscription: Sendable {
  package enum Unit: Sendable {
    /// Bytes as soon as they are there.
    case bytes
    /// Whole events, numbered; the tail once the stream has ended.
    case events
  }

  package let log: StreamLog
  package let unit: Unit
  /// The event after which it reads on; with `Unit.events` the last one that was read.
  package private(set) var event: Int
  /// nil until the event that was asked for has come.
  private var position: Int?

  /// Reads what follows event `event`; 0 for all.
  package init(_ log: StreamLog, after event: Int, unit: Unit) {
    self.log = log
    self.event = event
    self.unit = unit
  }

  /// What comes next, `limit` bytes at most or one event.
  package mutating func next(atMost limit: Int) -> LogReading {
    guard let position = place() else { return absent() }
    switch unit {
    case .bytes:
      let reading = log.read(from: position, atMost: limit)
      if case .run(let run) = reading { self.position = position + run.count }
      return reading
    case .events:
      let reading = log.readEvents(after: event, from: position, atMost: limit)
      if case .run(let run) = reading {
        self.position = position + run.count
        event += run.ends.count
      }
      return reading
    }
  }

  /// Bytes that it could read and has not; 0 if it waits for an event to come. An event that has not
  /// ended, however long, is none of them for who reads whole events: nobody lags behind that.
  package mutating func lag(behind tide: StreamTide) -> Int {
    let readable = unit == .bytes || tide.ending != nil ? tide.position : tide.lastCut
    return place().map { max(0, readable - $0) } ?? 0
  }

  /// How far the stream may grow before this can lag by more than `limit` bytes; nil while it waits
  /// for an event to come.
  package mutating func reach(within limit: Int) -> Int? { place().map { $0 + limit } }

  /// Leaves out all events that have ended, and returns their numbers; empty if there are none.
  /// For `Unit.events`, where nothing of an event is ever read without the rest.
  package mutating func skip() -> Range<Int> {
    let skipped = event + 1
    let newest = log.tide.events
    guard newest >= skipped, let cut = log.cut(of: newest) else { return skipped..<skipped }
    position = cut
    event = newest
    return skipped..<newest + 1
  }

  /// Reads on with `run`, if that is what comes next for it and is no more than `limit` bytes.
  package mutating func take(_ run: StreamRun, atMost limit: Int) -> Bool {
    guard position == run.start, run.count <= limit, (unit == .events) == (run.firstEvent > 0)
    else { return false }
    position = run.start + run.count
    event += run.ends.count
    return true
  }

  /// Whether what comes next for it is there still, or to come.
  package mutating func isPossible() -> Bool { place() != nil || event > log.tide.events }

  private mutating func place() -> Int? {
    if position == nil { position = log.cut(of: event) }
    return position
  }

  /// The event after which it is to read has no known end.
  private func absent() -> LogReading {
    let tide = log.tide
    if event <= tide.events { return .lost(tide.loss ?? .evicted) }
    // Nothing follows an event that never came.
    return tide.ending.map { .ended($0) } ?? .nothingYet
  }
}
