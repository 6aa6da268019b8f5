// One loop's way to admission: asks for its requests, and calls those that had to wait when their
// turn has come, on the loop's own thread.

package import IO

/// A request that may have to wait.
package protocol AdmissionWaiter: AnyObject {
  /// Its turn has come. Neither this nor `turnedAway` is called from inside `admit` or `leave`.
  func admitted(_ permit: consuming StreamPermit, waitedNanoseconds: UInt64)
  /// It waits no longer and holds nothing.
  func turnedAway(_ refusal: AdmissionRefusal, waitedNanoseconds: UInt64)
}

/// What a request is told at once.
package enum AdmissionAnswer: ~Copyable {
  case admitted(StreamPermit)
  /// One call to the waiter follows, unless it leaves.
  case waiting(PlaceInQueue)
  case refused(AdmissionRefusal)
}

/// Confined to its loop. What waits keeps neither the desk nor the loop alive: close it.
package final class AdmissionDesk {
  package let admission: Admission
  fileprivate let loop: EventLoop
  fileprivate var places: [AdmissionTicket: PlaceInQueue] = [:]
  private var number = -1
  private var notices: MailboxReceiver<AdmissionTicket>?

  package init(on loop: EventLoop, of admission: Admission) throws(SystemError) {
    self.loop = loop
    self.admission = admission
    let notices = try MailboxReceiver<AdmissionTicket>(on: loop) { [unowned self] ticket in
      granted(ticket)
    }
    self.notices = notices
    number = admission.open(notices.mailbox)
  }

  deinit { close() }

  /// Requests of this loop that wait.
  package var waitingCount: Int { places.count }

  /// Takes all that `demand` names, or waits for it, or takes nothing.
  package func admit(_ demand: AdmissionDemand, for waiter: any AdmissionWaiter) -> AdmissionAnswer
  {
    precondition(notices != nil, "a request came to a desk that is closed")
    switch admission.request(demand, desk: number, at: loop.now) {
    case .granted(let ticket): return .admitted(StreamPermit(admission, ticket))
    case .refused(let refusal): return .refused(refusal)
    case .waiting(let wait):
      let place = PlaceInQueue(wait, for: waiter, at: self)
      places[wait.ticket] = place
      return .waiting(place)
    }
  }

  /// Admits nobody any more, in the whole process, and turns away those who wait here.
  package func drain() {
    admission.drain()
    for place in orderedPlaces { place.turnAway() }
  }

  /// The loop's end: those who wait here are forgotten without a call. Once or more.
  package func close() {
    guard let notices else { return }
    // Also in `deinit`, where nothing may come back to the desk.
    let forgotten = orderedPlaces
    places = [:]
    for place in forgotten { place.forget(in: admission, at: loop.now) }
    notices.close()
    self.notices = nil
    admission.close(desk: number)
  }

  // In the order in which they came: a dictionary has none that a seed could replay.
  private var orderedPlaces: [PlaceInQueue] {
    places.values.sorted { ($0.start, $0.ticket.place) < ($1.start, $1.ticket.place) }
  }

  private func granted(_ ticket: AdmissionTicket) { places[ticket]?.granted() }
}

/// A request's place in a queue, until it is admitted, turned away or gone.
package final class PlaceInQueue: TimerOwner {
  /// The limit that has no room for it: the log's `limiter`.
  package let limit: String
  fileprivate let ticket: AdmissionTicket
  fileprivate let start: Instant
  private var waiter: (any AdmissionWaiter)?
  private unowned let desk: AdmissionDesk
  private var timer: LoopTimer?

  fileprivate init(_ wait: AdmissionWait, for waiter: any AdmissionWaiter, at desk: AdmissionDesk) {
    limit = wait.limit
    ticket = wait.ticket
    start = desk.loop.now
    self.waiter = waiter
    self.desk = desk
    let timer = LoopTimer(on: desk.loop, owner: self)
    timer.set(start + wait.timeout)
    self.timer = timer
  }

  /// The request has ended: the place is given up at once, and a grant on its way with it.
  ///
  /// Does nothing once the waiter has been called.
  package func leave(as decision: AdmissionDecision = .clientGone) {
    guard waiter != nil else { return }
    desk.admission.leave(ticket, as: decision, at: desk.loop.now)
    _ = end()
  }

  fileprivate func granted() {
    let now = desk.loop.now
    guard let permit = desk.admission.claim(ticket, at: now) else { return }
    end()?.admitted(permit, waitedNanoseconds: now.nanoseconds(since: start))
  }

  package func timerFired(_ timer: LoopTimer) {
    let now = desk.loop.now
    // Without a refusal its turn has come in this moment, and the grant is on its way here.
    guard let refusal = desk.admission.expire(ticket, at: now) else { return }
    end()?.turnedAway(refusal, waitedNanoseconds: now.nanoseconds(since: start))
  }

  fileprivate func turnAway() {
    let now = desk.loop.now
    desk.admission.leave(ticket, as: .draining, at: now)
    end()?.turnedAway(.draining, waitedNanoseconds: now.nanoseconds(since: start))
  }

  fileprivate func forget(in admission: Admission, at now: Instant) {
    admission.leave(ticket, as: .draining, at: now)
    _ = letGo()
  }

  private func end() -> (any AdmissionWaiter)? {
    desk.places[ticket] = nil
    return letGo()
  }

  /// Drops all that keeps this alive, and hands out the waiter for its one call.
  private func letGo() -> (any AdmissionWaiter)? {
    timer?.invalidate()
    timer = nil
    defer { waiter = nil }
    return waiter
  }
}
