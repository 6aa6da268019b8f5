// How requests wait: in which queue, behind whom, and who is next when a place comes free.

internal import IO

extension AdmissionBook {
  mutating func wait(_ place: Int) -> Answer {
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
  mutating func unlink(_ place: Int) {
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
  mutating func advance(_ lane: Int, from server: Int?) {
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
