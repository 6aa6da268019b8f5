// The records that AdmissionBook keeps: a count for each key, a lane for each key that waits, a
// ticket for each request. They name each other by their places in the book's slabs.

internal import IO

/// The count of one key of one limit.
struct StreamSemaphore: Sendable {
  var limit: Int
  var key: LimitKey
  /// Int.max while the limit is not among the settings.
  var maximum: Int
  var inUse = 0
  /// Requests that wait, here or elsewhere, and need a place here too.
  var waiting = 0
  /// Lanes whose first request lacks a place here. At rest it is empty while there is room.
  var ring = LaneRing()
  /// Lanes that wait in this key's queue, by the semaphore that they are named after.
  var lanes: [Int: Int] = [:]

  /// Below the maximum: a lowered limit has none until use has fallen under it.
  var hasRoom: Bool { inUse < maximum }
  var isIdle: Bool { inUse == 0 && waiting == 0 }
}

/// What waits in one queue under one key, first come, first served.
struct Lane: Sendable {
  /// The semaphore whose queue this is.
  var home: Int
  /// The semaphore whose key this lane's requests share, and which gives its weight.
  var namesake: Int
  var weight: Int
  /// Tickets; -1 for none, which is never so at rest.
  var first = -1
  var last = -1
  /// The semaphore in whose ring it stands, -1 for none, and its place in the ring's heap.
  var ring = -1
  var place = -1
  /// When its next turn is due on the clock of `home`'s ring; nil if it never stood there.
  var homeTurn: UInt64?
  /// The same for the last other ring that it stood in.
  var away = -1
  var awayTurn: UInt64 = 0

  func turn(at semaphore: Int) -> UInt64? {
    semaphore == home ? homeTurn : semaphore == away ? awayTurn : nil
  }

  mutating func setTurn(_ turn: UInt64, at semaphore: Int) {
    if semaphore == home {
      homeTurn = turn
    } else {
      (away, awayTurn) = (semaphore, turn)
    }
  }
}

/// One request, from the moment it waits or holds until neither.
struct Ticket: Sendable {
  enum State: Sendable {
    case free, waiting
    /// Its places are taken, and the loop that asked has not come for them yet.
    case granted
    case held
  }

  var generation: UInt32 = 0
  var state = State.free
  /// What it holds or needs, from parent to child.
  var semaphores: [Int] = []
  /// Who is told of a grant.
  var desk = 0
  var lane = -1
  var previous = -1
  var next = -1
  /// The one of its semaphores that held it up when it came.
  var limiter = -1
  /// When it began to wait, then when it was admitted.
  var since = Instant(nanoseconds: 0)
}

/// Names a ticket to the outside; one that has ended is known by its generation.
package struct AdmissionTicket: Hashable, Sendable {
  let place: Int32
  let generation: UInt32
}
