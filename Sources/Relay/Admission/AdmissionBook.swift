// Who holds which places, and who waits for them: the whole of admission as one value, without
// locks, threads or a clock, so that a test can go through all its states.
//
// A request takes one place in each semaphore of its demand, or waits without holding any. It
// waits in the queue of the first limit of its demand that has one, behind earlier requests of the
// same key: that is its lane. The key is that of the next keyed limit below the queue's. Every
// limit of the demand that has a queue bounds how many of its key wait, and for how long, wherever
// they wait; so a shared queue cannot be filled by one tenant whose own limit says less.
//
// A lane whose first request does not fit stands in the ring of one semaphore that lacks room for
// it, and is looked at again when that gets room; it holds up nobody else. Therefore, between two
// calls, a semaphore whose ring is not empty is full, and a grant looks only at lanes that can
// move.

package import IO

package struct AdmissionBook: Sendable {
  /// What a request is told at once.
  package enum Answer: Equatable, Sendable {
    case granted(AdmissionTicket)
    case waiting(AdmissionWait)
    case refused(AdmissionRefusal)
  }

  /// A request whose turn has come while it waited.
  package struct Grant: Equatable, Sendable {
    package var ticket: AdmissionTicket
    package var desk: Int
  }

  var limits: [LimitRecord] = []
  var semaphores = Slab<StreamSemaphore>()
  var lanes = Slab<Lane>()
  var tickets = Slab<Ticket>()
  /// Semaphores that got room while lanes stand in their rings.
  var awakened: [Int] = []
  /// What the last calls granted, in this order, until it is taken by `takeGrants`.
  var grants: [Grant] = []
  package private(set) var isDraining = false

  package init(_ limits: [LimitOptions]) { apply(limits) }

  package mutating func takeGrants() -> [Grant] {
    guard !grants.isEmpty else { return [] }
    defer { grants = [] }
    return grants
  }

  /// From now on every request is refused. Those that wait go on waiting until they leave.
  package mutating func drain() { isDraining = true }
}

/// A request that waits: what it is told.
package struct AdmissionWait: Equatable, Sendable {
  package var ticket: AdmissionTicket
  /// The limit that has no room for it.
  package var limit: String
  /// The shortest of its limits' queue timeouts.
  package var timeout: Duration
}

// MARK: - Coming

extension AdmissionBook {
  /// Takes all that `demand` names, or waits for it, or takes nothing.
  ///
  /// `desk` is handed back in the grant.
  package mutating func request(
    _ demand: AdmissionDemand, desk: Int, at now: Instant
  ) -> Answer {
    guard !isDraining else {
      if let parent = demand.entries.first {
        limits[parent.limit.place].record(.draining, waitedNanoseconds: 0)
      }
      return .refused(.draining)
    }
    let place = open(demand, desk: desk, at: now)
    guard let limiter = obstacle(of: place) ?? queueWithLaneAhead(of: place) else {
      take(place)
      tickets[place].state = .held
      record(.immediate, inAllOf: place)
      return .granted(ticket(at: place))
    }
    tickets[place].limiter = limiter
    if let full = fullQueue(for: place, limiter: limiter) { return refuse(place, full) }
    return wait(place)
  }

  private mutating func open(_ demand: AdmissionDemand, desk: Int, at now: Instant) -> Int {
    let place = tickets.add(Ticket())
    tickets[place].desk = desk
    tickets[place].since = now
    for entry in demand.entries {
      tickets[place].semaphores.append(semaphore(of: entry))
    }
    return place
  }

  private mutating func semaphore(of entry: AdmissionDemand.Entry) -> Int {
    let limit = entry.limit.place
    if entry.key == .whole {
      if limits[limit].whole < 0 { limits[limit].whole = makeSemaphore(of: entry) }
      return limits[limit].whole
    }
    if let known = limits[limit].semaphores[entry.key] { return known }
    let made = makeSemaphore(of: entry)
    limits[limit].semaphores[entry.key] = made
    return made
  }

  private mutating func makeSemaphore(of entry: AdmissionDemand.Entry) -> Int {
    let limit = entry.limit.place
    let maximum = limits[limit].maximum(of: entry.key)
    let made = semaphores.add(
      StreamSemaphore(limit: limit, key: entry.key, maximum: maximum))
    semaphores[made].limit = limit
    semaphores[made].key = entry.key
    semaphores[made].maximum = maximum
    semaphores[made].ring.reset()
    return made
  }

  /// The first semaphore, from parent to child, that cannot serve this ticket now.
  ///
  /// One that has room while lanes stand in its ring has just been awakened: they come first.
  func obstacle(of place: Int, besides known: Int = -1) -> Int? {
    for index in 0..<demandCount(place) {
      let semaphore = semaphore(index, of: place)
      if semaphore == known { continue }
      if !semaphores[semaphore].hasRoom || !semaphores[semaphore].ring.isEmpty { return semaphore }
    }
    return nil
  }

  /// The queue in which earlier requests of the same key wait, which need something else: first
  /// come, first served.
  private func queueWithLaneAhead(of place: Int) -> Int? {
    guard let home = queue(of: place), !semaphores[home].lanes.isEmpty,
      semaphores[home].lanes[namesake(of: place, below: home)] != nil
    else { return nil }
    return home
  }

  /// The first semaphore whose limit has a queue.
  func queue(of place: Int) -> Int? {
    for index in 0..<demandCount(place) {
      let semaphore = semaphore(index, of: place)
      if limits[semaphores[semaphore].limit].queueMax > 0 { return semaphore }
    }
    return nil
  }

  /// The semaphores of a ticket one by one: its array, walked as a whole, would be retained and
  /// released in each of the dozen walks that a request takes.
  func semaphore(_ index: Int, of place: Int) -> Int { tickets[place].semaphores[index] }

  func demandCount(_ place: Int) -> Int { tickets[place].semaphores.count }

  /// The semaphore after which the ticket's lane is named: the next keyed one below the queue's.
  func namesake(of place: Int, below home: Int) -> Int {
    let below = tickets[place].semaphores.drop { $0 != home }.dropFirst()
    return below.first { semaphores[$0].key != .whole } ?? home
  }

  /// The semaphore at which there is no place to wait.
  private func fullQueue(for place: Int, limiter: Int) -> Int? {
    guard queue(of: place) != nil else { return limiter }
    return tickets[place].semaphores.first {
      let queueMax = limits[semaphores[$0].limit].queueMax
      return queueMax > 0 && semaphores[$0].waiting >= queueMax
    }
  }

  private mutating func refuse(_ place: Int, _ full: Int) -> Answer {
    limits[semaphores[full].limit].record(.queueFull, waitedNanoseconds: 0)
    let refusal = AdmissionRefusal.queueFull(
      limit: name(of: full),
      retryAfterSeconds: retryAfterSeconds(full, position: semaphores[full].waiting + 1))
    close(place)
    return .refused(refusal)
  }

  func name(of semaphore: Int) -> String { limits[semaphores[semaphore].limit].options.name }

  func ticket(at place: Int) -> AdmissionTicket {
    AdmissionTicket(place: Int32(place), generation: tickets[place].generation)
  }
}
