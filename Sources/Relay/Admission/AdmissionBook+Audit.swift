// The book, checked against itself: every count is made again from the tickets, and every lane is
// asked whether it waits for good reason. Tests call this after each step.

extension AdmissionBook {
  /// What does not add up, a line each.
  package var inconsistencies: [String] {
    countErrors + limitErrors + laneErrors + (awakened.isEmpty ? [] : ["semaphores left awake"])
  }

  /// Requests that wait, and those that hold or were granted.
  package var openTickets: (waiting: Int, holding: Int) {
    let waiting = tickets.records.count { $0.state == .waiting }
    let free = tickets.records.count { $0.state == .free }
    return (waiting, tickets.records.count - waiting - free)
  }

  /// Keys that are remembered, and lanes: 0 of both once all is given back.
  package var rememberedKeys: (keys: Int, lanes: Int) {
    (limits.reduce(0) { $0 + $1.semaphores.count }, lanes.count)
  }

  private var countErrors: [String] {
    var (inUse, waiting) = ([Int: Int](), [Int: Int]())
    for ticket in tickets.records where ticket.state != .free {
      for semaphore in ticket.semaphores {
        if ticket.state == .waiting {
          waiting[semaphore, default: 0] += 1
        } else {
          inUse[semaphore, default: 0] += 1
        }
      }
    }
    var errors: [String] = []
    for place in liveSemaphores {
      let semaphore = semaphores[place]
      if semaphore.inUse != inUse.removeValue(forKey: place) ?? 0 {
        errors.append("semaphore \(place) counts \(semaphore.inUse) in use")
      }
      if semaphore.waiting != waiting.removeValue(forKey: place) ?? 0 {
        errors.append("semaphore \(place) counts \(semaphore.waiting) waiting")
      }
      if semaphore.hasRoom, !semaphore.ring.isEmpty {
        errors.append("semaphore \(place) has room, and lanes wait for it")
      }
      if semaphore.isIdle, semaphore.key != .whole {
        errors.append("semaphore \(place) is idle and remembered")
      }
    }
    return errors
      + (Array(inUse.keys) + waiting.keys).map { "semaphore \($0) is used and forgotten" }
  }

  private var limitErrors: [String] {
    limits.indices.flatMap { limit -> [String] in
      let keys = liveSemaphores.map { semaphores[$0] }.filter { $0.limit == limit }
      let state = LimitState(limits[limit], whole: nil)
      let unclaimed = tickets.records.count { ticket in
        ticket.state == .granted
          && ticket.semaphores.contains { semaphores[$0].limit == limit }
      }
      let isRight =
        state.inUse == keys.reduce(0) { $0 + $1.inUse }
        && state.queued == keys.reduce(0) { $0 + $1.waiting }
        && state.fullestKeyInUse == keys.map(\.inUse).max() ?? 0 && state.unclaimed == unclaimed
      return isRight ? [] : ["\(state.name)'s sums are wrong: \(state)"]
    }
  }

  private var laneErrors: [String] {
    let waiting = Set(tickets.records.filter { $0.state == .waiting }.map(\.lane))
    let known = liveSemaphores.flatMap { semaphores[$0].lanes.values }
    var errors: [String] = []
    if waiting != Set(known) || known.count != lanes.count { errors.append("lanes are lost") }
    for lane in known {
      let (first, ring) = (lanes[lane].first, lanes[lane].ring)
      if ring < 0 || semaphores[ring].ring.entries[lanes[lane].place].lane != lane {
        errors.append("lane \(lane) stands nowhere")
      } else if !tickets[first].semaphores.contains(ring) {
        errors.append("lane \(lane) stands where it needs nothing")
      }
      if tickets[first].semaphores.allSatisfy({ semaphores[$0].hasRoom }) {
        errors.append("lane \(lane) waits although its first request fits")
      }
    }
    return errors
  }
}

// MARK: - States that behave alike

extension AdmissionBook {
  /// Equal for two books that will answer alike from now on, apart from figures: what is held, who
  /// waits where, and whose turn is how far away. Desks stand for requests.
  package var fingerprint: [Int] {
    var print = [isDraining ? 1 : 0]
    for limit in limits.indices {
      let places = Array(limits[limit].semaphores.values) + [limits[limit].whole]
      let live = places.filter { $0 >= 0 && !semaphores[$0].isIdle }
      for place in live.sorted(by: { semaphores[$0].key.precedes(semaphores[$1].key) }) {
        print += [-1, limit, semaphores[place].key.hashValue] + fingerprint(of: place)
      }
    }
    return print
  }

  private func fingerprint(of place: Int) -> [Int] {
    let semaphore = semaphores[place]
    var print = [semaphore.inUse, semaphore.maximum, Int(semaphore.ring.step)]
    for entry in semaphore.ring.entries.sorted(by: { $0.precedes($1) }) {
      print += [-2, Int(entry.turn) - Int(semaphore.ring.clock)] + members(of: entry.lane)
      // Where it is not standing now, its turn counts only as far as the clock is behind it.
      let lane = lanes[entry.lane]
      for other in [lane.home, lane.away] where other >= 0 && other != place {
        let ahead = Int(lane.turn(at: other) ?? 0) - Int(semaphores[other].ring.clock)
        print += [-3, lane.turn(at: other) == nil ? -1 : max(0, ahead)]
      }
    }
    return print
  }

  private func members(of lane: Int) -> [Int] {
    var desks: [Int] = []
    var next = lanes[lane].first
    while next >= 0 {
      desks.append(tickets[next].desk)
      next = tickets[next].next
    }
    return desks
  }
}
