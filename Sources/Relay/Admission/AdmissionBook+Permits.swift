// How places are taken and given back, and how a ticket ends.

package import IO

extension AdmissionBook {
  mutating func take(_ place: Int) {
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
  mutating func withdraw(_ place: Int) {
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
  mutating func close(_ place: Int) {
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
