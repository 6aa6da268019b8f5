// The process's one book of stream limits, and the lock around it. Loops come here once when a
// request asks for admission and once when it ends, never for a byte.

internal import IO
internal import Synchronization

package final class Admission: Sendable {
  private struct State: Sendable {
    var book: AdmissionBook
    /// Where each desk's loop hears of grants; nil once it has closed.
    var desks: [Mailbox<AdmissionTicket>?] = []
  }

  private struct Notice {
    var desk: Mailbox<AdmissionTicket>
    var ticket: AdmissionTicket
  }

  private let state: Mutex<State>

  package init(_ limits: [LimitOptions]) { state = Mutex(State(book: AdmissionBook(limits))) }

  /// Puts these limits in the place of the present ones; see `AdmissionBook.apply`.
  ///
  /// Call it before the loops get routes that name new limits.
  package func apply(_ limits: [LimitOptions]) { change { $0.apply(limits) } }

  /// The limit of that name, also of one that `apply` has removed; nil if there never was one.
  package func limit(named name: String) -> LimitID? { state.withLock { $0.book.id(of: name) } }

  /// Refuses all further requests, for good.
  package func drain() { change { $0.drain() } }

  /// All limits at one moment.
  package var states: [LimitState] { state.withLock { $0.book.states } }

  /// What is wrong with the book by its own count, a line each: empty, or there is a bug.
  ///
  /// Costs a walk over all streams and waiters under the lock: for tests.
  package var inconsistencies: [String] { state.withLock { $0.book.inconsistencies } }

  /// Changes the book, and tells the loops of those whose turn has come. Outside the lock: a loop
  /// that is woken at once must not find it taken.
  private func change<Result>(_ body: (inout AdmissionBook) -> Result) -> Result {
    let (result, notices) = state.withLock { state in
      let result = body(&state.book)
      return (result, Self.notices(&state))
    }
    for notice in notices { notice.desk.send(notice.ticket) }
    return result
  }

  private static func notices(_ state: inout State) -> [Notice] {
    guard !state.book.grants.isEmpty else { return [] }
    return state.book.takeGrants().compactMap { grant in
      state.desks[grant.desk].map { Notice(desk: $0, ticket: grant.ticket) }
    }
  }
}

// MARK: - For desks and permits

extension Admission {
  /// A number for a new desk, to whose mailbox its grants go.
  func open(_ mailbox: Mailbox<AdmissionTicket>) -> Int {
    state.withLock { state in
      state.desks.append(mailbox)
      return state.desks.count - 1
    }
  }

  /// The desk must have withdrawn all that waits.
  func close(desk: Int) { state.withLock { $0.desks[desk] = nil } }

  func request(_ demand: AdmissionDemand, desk: Int, at now: Instant) -> AdmissionBook.Answer {
    // A request grants nothing to others, so there is nobody to tell.
    state.withLock { $0.book.request(demand, desk: desk, at: now) }
  }

  /// The permit that a grant has told of; nil if its request has left meanwhile.
  func claim(_ ticket: AdmissionTicket, at now: Instant) -> StreamPermit? {
    guard state.withLock({ $0.book.claim(ticket, at: now) }) else { return nil }
    return StreamPermit(self, ticket)
  }

  func leave(_ ticket: AdmissionTicket, as decision: AdmissionDecision, at now: Instant) {
    change { $0.leave(ticket, as: decision, at: now) }
  }

  func expire(_ ticket: AdmissionTicket, at now: Instant) -> AdmissionRefusal? {
    change { $0.expire(ticket, at: now) }
  }

  func giveBack(_ ticket: AdmissionTicket, at now: Instant?) {
    change { $0.giveBack(ticket, at: now) }
  }
}
