// The right of one request to its places. A value of which there is one, and which gives itself
// back when it goes: whatever way an exchange ends, its places cannot be forgotten.

package import IO

package struct StreamPermit: ~Copyable, Sendable {
  private let admission: Admission
  private let ticket: AdmissionTicket
  private var end: Instant?

  init(_ admission: Admission, _ ticket: AdmissionTicket) {
    self.admission = admission
    self.ticket = ticket
  }

  // Any thread may let go of it. Those who waited hear of it by mailbox, so nothing of theirs runs
  // inside this.
  deinit { admission.giveBack(ticket, at: end) }

  /// Gives it back and says when, so that `Retry-After` learns how long places are held.
  package consuming func giveBack(at now: Instant) { end = now }
}
