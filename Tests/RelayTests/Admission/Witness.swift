// Someone who watches admission from outside and keeps books of their own, in the plainest way
// there is: lists that are searched. It knows the promises and nothing of how they are kept.

internal import IO
internal import Relay

struct Witness: Sendable {
  struct Request: Sendable {
    var ticket: AdmissionTicket
    var demand: AdmissionDemand
    /// What may not overtake what: requests of one name, first come, first served.
    var lane: String
  }

  /// What one key may have; a limit that is not here has been removed.
  var maxima: [LimitID: Int]
  private(set) var holding: [Request] = []
  private(set) var waiting: [Request] = []
  /// Broken promises, a line each.
  private(set) var complaints: [String] = []

  init(_ maxima: [LimitID: Int]) { self.maxima = maxima }

  func inUse(_ entry: AdmissionDemand.Entry) -> Int {
    holding.count { $0.demand.entries.contains(entry) }
  }

  func fits(_ demand: AdmissionDemand) -> Bool {
    demand.entries.allSatisfy { inUse($0) < maxima[$0.limit] ?? .max }
  }

  mutating func admitted(_ request: Request) {
    if !fits(request.demand) { complaints.append("\(request.lane) went above a limit") }
    if waiting.contains(where: { $0.lane == request.lane }) {
      complaints.append("\(request.lane) was overtaken")
    }
    holding.append(request)
  }

  mutating func queued(_ request: Request) {
    if fits(request.demand), !waiting.contains(where: { $0.lane == request.lane }) {
      complaints.append("\(request.lane) has to wait although it fits")
    }
    waiting.append(request)
  }

  mutating func granted(_ ticket: AdmissionTicket) {
    guard let place = waiting.firstIndex(where: { $0.ticket == ticket }) else {
      return complaints.append("a grant to nobody")
    }
    let request = waiting.remove(at: place)
    if waiting[..<place].contains(where: { $0.lane == request.lane }) {
      complaints.append("\(request.lane) was overtaken in the queue")
    }
    if !fits(request.demand) { complaints.append("\(request.lane) went above a limit") }
    holding.append(request)
  }

  mutating func gone(_ ticket: AdmissionTicket) {
    waiting.removeAll { $0.ticket == ticket }
    holding.removeAll { $0.ticket == ticket }
  }

  /// The first of each lane must not fit, now that everything has come to rest.
  mutating func checkAtRest() {
    var seen: Set<String> = []
    for request in waiting where seen.insert(request.lane).inserted && fits(request.demand) {
      complaints.append("\(request.lane) waits although it fits")
    }
  }
}
