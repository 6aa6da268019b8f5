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
  private func queue(of place: Int) -> Int? {
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
  private func namesake(of place: Int, below home: Int) -> Int {
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

// MARK: - Waiting

extension AdmissionBook {
  private mutating func wait(_ place: Int) -> Answer {
    guard let home = queue(of: place) else { preconditionFailure("waits where no queue is") }
    let lane = lane(of: place, in: home)
    let isFirst = lanes[lane].first < 0
    append(place, to: lane)
    tickets[place].state = .waiting
    for semaphore in tickets[place].semaphores {
      semaphores[semaphore].waiting += 1
      limits[semaphores[semaphore].limit].queued += 1
    }
    if isFirst { stand(lane, at: tickets[place].limiter) }
    return .waiting(
      AdmissionWait(
        ticket: ticket(at: place), limit: name(of: tickets[place].limiter),
        timeout: timeout(of: place)))
  }

  private func timeout(of place: Int) -> Duration {
    tickets[place].semaphores.map { limits[semaphores[$0].limit] }
      .filter { $0.queueMax > 0 }.map(\.options.queueTimeout).min() ?? .zero
  }

  private mutating func lane(of place: Int, in home: Int) -> Int {
    let namesake = namesake(of: place, below: home)
    if let known = semaphores[home].lanes[namesake] { return known }
    let fresh = Lane(home: home, namesake: namesake, weight: weight(after: namesake))
    let made = lanes.add(fresh)
    lanes[made] = fresh
    semaphores[home].lanes[namesake] = made
    return made
  }

  func weight(after namesake: Int) -> Int {
    limits[semaphores[namesake].limit].weight(of: semaphores[namesake].key)
  }

  private mutating func append(_ place: Int, to lane: Int) {
    let last = lanes[lane].last
    tickets[place].lane = lane
    tickets[place].previous = last
    tickets[place].next = -1
    if last >= 0 { tickets[last].next = place } else { lanes[lane].first = place }
    lanes[lane].last = place
  }

  /// Takes a waiting ticket out of its lane and off all counts of what waits.
  private mutating func unlink(_ place: Int) {
    let (lane, previous, next) = (
      tickets[place].lane, tickets[place].previous, tickets[place].next
    )
    if previous >= 0 { tickets[previous].next = next } else { lanes[lane].first = next }
    if next >= 0 { tickets[next].previous = previous } else { lanes[lane].last = previous }
    tickets[place].lane = -1
    for semaphore in tickets[place].semaphores {
      semaphores[semaphore].waiting -= 1
      limits[semaphores[semaphore].limit].queued -= 1
    }
  }

  /// Puts a lane in the ring of `semaphore`.
  private mutating func stand(_ lane: Int, at semaphore: Int) {
    let hasHadTurn = semaphores[lanes[lane].namesake].inUse > 0
    semaphores[semaphore].ring.insert(lane, at: semaphore, hasHadTurn: hasHadTurn, &lanes)
  }
}

// MARK: - Taking and giving back

extension AdmissionBook {
  private mutating func take(_ place: Int) {
    for index in 0..<demandCount(place) {
      let semaphore = semaphore(index, of: place)
      limits[semaphores[semaphore].limit].taken(&semaphores[semaphore])
    }
  }

  /// The loop that waited has heard of its grant, and the request now holds its places.
  ///
  /// False if the ticket has ended meanwhile.
  package mutating func claim(_ ticket: AdmissionTicket, at now: Instant) -> Bool {
    guard let place = known(ticket), tickets[place].state == .granted else { return false }
    tickets[place].state = .held
    noteClaimed(place)
    record(.waited, of: place, at: now)
    tickets[place].since = now
    return true
  }

  /// Gives back what a claimed or immediate ticket holds; others take it at once.
  ///
  /// `now` is nil where nobody looked at the clock: the hold then teaches nothing about how long
  /// holds are.
  package mutating func giveBack(_ ticket: AdmissionTicket, at now: Instant?) {
    guard let place = known(ticket), tickets[place].state == .held else {
      preconditionFailure("a permit was given back twice")
    }
    if let now {
      let held = now.nanoseconds(since: tickets[place].since)
      for index in 0..<demandCount(place) {
        limits[semaphores[semaphore(index, of: place)].limit].held(for: held)
      }
    }
    release(place)
  }

  /// The client has gone: the request waits no longer, and a grant on its way is taken back.
  ///
  /// Does nothing if the ticket has ended or is held.
  package mutating func leave(
    _ ticket: AdmissionTicket, as decision: AdmissionDecision = .clientGone, at now: Instant
  ) {
    guard let place = known(ticket) else { return }
    switch tickets[place].state {
    case .free, .held: return
    case .waiting:
      record(decision, of: place, at: now)
      withdraw(place)
    case .granted:
      record(decision, of: place, at: now)
      noteClaimed(place)
      release(place)
    }
  }

  /// The wait has lasted too long; nil if the turn has come just now, or the ticket has ended.
  package mutating func expire(_ ticket: AdmissionTicket, at now: Instant) -> AdmissionRefusal? {
    guard let place = known(ticket), tickets[place].state == .waiting else { return nil }
    record(.timeout, of: place, at: now)
    let limiter = tickets[place].limiter
    let refusal = AdmissionRefusal.queueTimeout(
      limit: name(of: limiter),
      // It is among those who wait still, and would be the last of them.
      retryAfterSeconds: retryAfterSeconds(limiter, position: semaphores[limiter].waiting))
    withdraw(place)
    return refusal
  }

  private func known(_ ticket: AdmissionTicket) -> Int? {
    let place = Int(ticket.place)
    return tickets[place].generation == ticket.generation ? place : nil
  }

  private mutating func noteClaimed(_ place: Int) {
    for semaphore in tickets[place].semaphores {
      limits[semaphores[semaphore].limit].unclaimed -= 1
    }
  }

  private mutating func release(_ place: Int) {
    // Children first: a lane that its own key held up joins the others at the parent's ring, and
    // does not get past them to the place that its own stream has left.
    for index in (0..<demandCount(place)).reversed() {
      let semaphore = semaphore(index, of: place)
      limits[semaphores[semaphore].limit].returned(&semaphores[semaphore])
      if !semaphores[semaphore].ring.isEmpty { awakened.append(semaphore) }
    }
    serve()
    close(place)
  }

  /// Takes a waiting ticket away. Its lane's next one may need less than it did.
  private mutating func withdraw(_ place: Int) {
    let lane = tickets[place].lane
    let wasFirst = lanes[lane].first == place
    unlink(place)
    if wasFirst {
      semaphores[lanes[lane].ring].ring.remove(lane, &lanes)
      advance(lane, from: nil)
      serve()
    }
    close(place)
  }

  /// Forgets a ticket that neither waits nor holds, and its keys if nothing else uses them.
  private mutating func close(_ place: Int) {
    while let semaphore = tickets[place].semaphores.popLast() { forgetIfIdle(semaphore) }
    tickets[place].state = .free
    tickets[place].generation &+= 1
    tickets.remove(place)
  }

  private mutating func forgetIfIdle(_ semaphore: Int) {
    guard semaphores[semaphore].isIdle, semaphores[semaphore].key != .whole else { return }
    limits[semaphores[semaphore].limit].semaphores[semaphores[semaphore].key] = nil
    semaphores.remove(semaphore)
  }
}

// MARK: - Whose turn it is

extension AdmissionBook {
  /// Grants what the awakened semaphores allow, in the order of their rings.
  ///
  /// A lane that meets another obstacle moves to that one's ring, which is full or still to be
  /// served here. Serving only takes places, so what has been served stays full or empty, unless a
  /// grant uncovers a request that needs something else: as many rounds as there are grants.
  mutating func serve() {
    guard !awakened.isEmpty else { return }
    var next = 0
    while next < awakened.count {
      serve(awakened[next])
      next += 1
    }
    awakened.removeAll(keepingCapacity: true)
  }

  private mutating func serve(_ semaphore: Int) {
    while semaphores[semaphore].hasRoom,
      let lane = semaphores[semaphore].ring.removeFirst(&lanes)
    {
      let first = lanes[lane].first
      if let other = obstacle(of: first, besides: semaphore) {
        stand(lane, at: other)
        continue
      }
      semaphores[semaphore].ring.charge(lane, at: semaphore, &lanes)
      grant(first)
      advance(lane, from: semaphore)
    }
  }

  private mutating func grant(_ place: Int) {
    unlink(place)
    take(place)
    tickets[place].state = .granted
    for semaphore in tickets[place].semaphores {
      limits[semaphores[semaphore].limit].unclaimed += 1
    }
    grants.append(Grant(ticket: ticket(at: place), desk: tickets[place].desk))
  }

  /// Places a lane that stands nowhere, after its first request has left it.
  ///
  /// `server` is the semaphore that is being served; it takes the lane back if nothing else is in
  /// its way and the next request needs it too.
  private mutating func advance(_ lane: Int, from server: Int?) {
    let first = lanes[lane].first
    guard first >= 0 else {
      semaphores[lanes[lane].home].lanes[lanes[lane].namesake] = nil
      return lanes.remove(lane)
    }
    if let obstacle = obstacle(of: first) { return stand(lane, at: obstacle) }
    // It fits. Its turn is decided as all turns are: in a ring, of a semaphore that it needs.
    let needed = tickets[first].semaphores
    if let server, needed.contains(server) { return stand(lane, at: server) }
    stand(lane, at: needed[0])
    awakened.append(needed[0])
  }
}
