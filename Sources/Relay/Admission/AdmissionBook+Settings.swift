// How limits change while streams are open, and what can be seen of them.

internal import IO

extension AdmissionBook {
  /// Puts these limits in the place of the present ones, each known by its name.
  ///
  /// A lowered limit takes nothing from anybody and admits nobody until use has fallen below it;
  /// a raised one admits at once. One that is not in `options` limits nothing from now on; what it
  /// counts goes on being returned to it. Those who wait keep the queue and the timeout that they
  /// found.
  package mutating func apply(_ options: [LimitOptions]) {
    for index in limits.indices {
      let name = limits[index].options.name
      limits[index].apply(options.first { $0.name == name })
    }
    for limit in options where id(of: limit.name) == nil { limits.append(LimitRecord(limit)) }
    let live = liveSemaphores
    for semaphore in live { adjust(semaphore) }
    for semaphore in live { semaphores[semaphore].ring.reweigh(lanes) }
    serve()
  }

  /// Where a limit of that name is, or once was; nil if there never was one.
  package func id(of name: String) -> LimitID? {
    limits.firstIndex { $0.options.name == name }.map { LimitID(index: Int32($0)) }
  }

  private mutating func adjust(_ semaphore: Int) {
    let limit = limits[semaphores[semaphore].limit]
    semaphores[semaphore].maximum = limit.maximum(of: semaphores[semaphore].key)
    for lane in semaphores[semaphore].lanes.values {
      lanes[lane].weight = weight(after: lanes[lane].namesake)
    }
    if semaphores[semaphore].hasRoom, !semaphores[semaphore].ring.isEmpty {
      awakened.append(semaphore)
    }
  }

  var liveSemaphores: [Int] {
    limits.flatMap { limit in
      limit.semaphores.values.sorted() + (limit.whole < 0 ? [] : [limit.whole])
    }
  }
}

// MARK: - Looking

extension AdmissionBook {
  /// How soon it may be worth asking again, `position` requests being served by then, oneself
  /// included, at the pace at which this key's places have lately come free. From 1 s to 10
  /// minutes; 1 s while nothing is known.
  func retryAfterSeconds(_ semaphore: Int, position: Int) -> Int {
    let hold = limits[semaphores[semaphore].limit].holdNanoseconds ?? 0
    let places = Double(semaphores[semaphore].maximum)
    let seconds = Double(hold) / 1e9 * Double(position) / places
    return Int(min(max(seconds.rounded(.up), 1), 600))
  }

  mutating func record(_ decision: AdmissionDecision, inAllOf place: Int) {
    for index in 0..<demandCount(place) {
      limits[semaphores[semaphore(index, of: place)].limit].record(decision, waitedNanoseconds: 0)
    }
  }

  /// Books the end of a wait to the limit that caused it.
  mutating func record(_ decision: AdmissionDecision, of place: Int, at now: Instant) {
    let waited = now.nanoseconds(since: tickets[place].since)
    limits[semaphores[tickets[place].limiter].limit].record(decision, waitedNanoseconds: waited)
  }

  /// All limits that ever were, in the order of their first appearance.
  ///
  /// Its cost grows with the number of limits, not with that of keys, streams or waiters.
  package var states: [LimitState] {
    limits.map { LimitState($0, whole: $0.whole < 0 ? nil : semaphores[$0.whole]) }
  }
}

/// One limit as it stands between two requests.
package struct LimitState: Sendable {
  package var name: String
  /// What one key may have; 0 once the limit is no longer among the settings.
  package var maxStreams: Int
  /// Over all keys: places taken.
  package var inUse: Int
  /// Of these, places of requests that waited and whose loops have not come for them yet.
  package var unclaimed: Int
  /// Requests that wait and need a place here, whichever queue they wait in.
  package var queued: Int
  /// Keys in use or waited for.
  package var keys: Int
  /// Places in use of the key that has most.
  package var fullestKeyInUse: Int
  /// Grows with every place taken or given back: equal in two looks means that the limit stood
  /// still in between.
  package var changes: UInt64
  /// The mean of recent holds; nil before the first came back.
  package var holdNanoseconds: UInt64?
  /// For each decision how often it was made, and after which waits.
  ///
  /// `immediate` is booked to every limit of the demand, each other decision to the one limit that
  /// was in the way. A request that comes while weir drains is booked to its parent limit.
  package var waits: [(decision: AdmissionDecision, times: WaitTimes)]

  init(_ limit: LimitRecord, whole: StreamSemaphore?) {
    name = limit.options.name
    maxStreams = limit.isRemoved ? 0 : limit.options.maxStreams
    inUse = limit.usage.inUse
    unclaimed = limit.unclaimed
    queued = limit.queued
    keys = limit.semaphores.count + (whole.map { $0.isIdle ? 0 : 1 } ?? 0)
    fullestKeyInUse = limit.usage.fullest
    changes = limit.changes
    holdNanoseconds = limit.holdNanoseconds
    waits = AdmissionDecision.allCases.map { ($0, limit.waits($0)) }
  }

  /// What `weir_limit_drift` is, given how many open exchanges hold a permit of this limit: 0, or
  /// places have been lost.
  package func drift(fromHolders holders: Int) -> Int { inUse - unclaimed - holders }
}
