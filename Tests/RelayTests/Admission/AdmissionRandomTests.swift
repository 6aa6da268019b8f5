// Goal: no long history of requests, ends, departures, reloads and a drain breaks a promise.
// Method: random operations on the book by seed, watched by a witness; at the end all is given
// back and nothing is remembered. Debug builds take some 20,000 operations; `WEIR_SEEDS` asks for
// more, 10,000 operations each.

internal import Glibc
internal import IO
internal import Relay
internal import TestSupport
internal import Testing

private let seeds: Range<UInt64> =
  0..<UInt64(SeedCount.orUsual(4))

private let operationsPerSeed = getenv("WEIR_SEEDS") == nil ? 5_000 : 10_000

/// The book, what a random crowd does to it, and the witness.
private struct Crowd {
  private static let keys = (0..<6).map { LimitKey(of: "key \($0)") }
  private static let models = (0..<3).map { LimitKey(of: "model \($0)") }

  var random: SeededRandom
  var book: AdmissionBook
  var witness: Witness
  private var now = Instant(nanoseconds: 0)
  private var waiting: [AdmissionTicket] = []
  private var granted: [AdmissionTicket] = []
  private var holding: [AdmissionTicket] = []
  private var requests: UInt64 = 0

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    book = AdmissionBook([])
    witness = Witness([:])
    reload(completely: true)
  }

  var errors: [String] { book.inconsistencies + witness.complaints }

  mutating func step() {
    now.nanoseconds += random.next() % 50_000_000
    switch random.next() % 100 {
    case 0..<45: request()
    case 45..<75: end()
    case 75..<80: expire()
    case 80..<85: leave()
    case 85..<98: claim()
    default: reload(completely: false)
    }
    settle()
  }

  mutating func finish() {
    book.drain()
    let answer = book.request(demand().demand, desk: 0, at: now)
    #expect(answer == .refused(.draining))
    // One that leaves the head of its lane may let the next one in.
    while let ticket = take(\.waiting) ?? take(\.granted) {
      book.leave(ticket, as: .draining, at: now)
      witness.gone(ticket)
      settle()
    }
    while !holding.isEmpty { end() }
    settle()
    #expect(book.openTickets == (0, 0))
    #expect(book.rememberedKeys == (0, 0))
    for state in book.states { #expect(state.inUse == 0 && state.queued == 0) }
  }

  private mutating func take(_ list: WritableKeyPath<Crowd, [AdmissionTicket]>) -> AdmissionTicket?
  {
    guard !self[keyPath: list].isEmpty else { return nil }
    let place = Int(random.next() % UInt64(self[keyPath: list].count))
    self[keyPath: list].swapAt(place, self[keyPath: list].count - 1)
    return self[keyPath: list].removeLast()
  }

  private mutating func demand() -> (demand: AdmissionDemand, lane: String) {
    let (key, model) = (Int(random.next() % 6), Int(random.next() % 3))
    let all = book.id(of: "all").map { AdmissionDemand.Entry($0) }
    let own = book.id(of: "key").map { AdmissionDemand.Entry($0, Self.keys[key]) }
    let ofModel = book.id(of: "model").map { AdmissionDemand.Entry($0, Self.models[model]) }
    // "all" always has a queue here, so that a lane is what the demand says: its first key.
    switch random.next() % 3 {
    case 0: return (AdmissionDemand([all, own].compactMap(\.self)), "key \(key)")
    case 1: return (AdmissionDemand([all, own, ofModel].compactMap(\.self)), "key \(key)")
    default: return (AdmissionDemand([all, ofModel].compactMap(\.self)), "model \(model)")
    }
  }

  private mutating func request() {
    let (demand, lane) = demand()
    switch book.request(demand, desk: 0, at: now) {
    case .granted(let ticket):
      witness.admitted(.init(ticket: ticket, demand: demand, lane: lane))
      holding.append(ticket)
    case .waiting(let wait):
      witness.queued(.init(ticket: wait.ticket, demand: demand, lane: lane))
      waiting.append(wait.ticket)
    case .refused(.queueFull(_, let seconds)):
      #expect((1...600).contains(seconds))
      #expect(!witness.fits(demand) || witness.waiting.contains { $0.lane == lane })
    case .refused(let refusal): Issue.record("\(refusal)")
    }
  }

  private mutating func claim() {
    guard let ticket = take(\.granted) else { return }
    let isClaimed = book.claim(ticket, at: now)
    #expect(isClaimed)
    holding.append(ticket)
  }

  private mutating func end() {
    guard let ticket = take(\.holding) else { return }
    book.giveBack(ticket, at: random.next() % 4 == 0 ? nil : now)
    witness.gone(ticket)
  }

  private mutating func leave() {
    guard let ticket = take(random.next() % 2 == 0 ? \.waiting : \.granted) else { return }
    book.leave(ticket, at: now)
    witness.gone(ticket)
    // A second time, and a claim that comes too late, do nothing.
    book.leave(ticket, at: now)
    let isClaimed = book.claim(ticket, at: now)
    #expect(!isClaimed)
  }

  private mutating func expire() {
    guard let ticket = take(\.waiting) else { return }
    let refusal = book.expire(ticket, at: now)
    #expect(refusal != nil)
    witness.gone(ticket)
  }

  private mutating func reload(completely: Bool) {
    var limits = [
      LimitOptions(name: "all", maxStreams: Int(random.next() % 8) + 1),
      LimitOptions(
        name: "key", by: .header(Array("authorization".utf8)),
        maxStreams: Int(random.next() % 3) + 1),
      LimitOptions(name: "model", by: .model, maxStreams: Int(random.next() % 5) + 1),
    ]
    limits[0].queueMax = 20
    limits[1].queueMax = Int(random.next() % 8)
    limits[1].weights = [Self.keys[0]: 3, Self.keys[1]: 100]
    if !completely, random.next() % 4 == 0 { limits.remove(at: 1 + Int(random.next() % 2)) }
    book.apply(limits)
    witness.maxima = Dictionary(
      uniqueKeysWithValues: limits.map { (book.id(of: $0.name)!, $0.maxStreams) })
  }

  private mutating func settle() {
    for grant in book.takeGrants() {
      witness.granted(grant.ticket)
      waiting.removeAll { $0 == grant.ticket }
      granted.append(grant.ticket)
    }
    witness.checkAtRest()
  }
}

@Suite struct AdmissionRandomTests {
  @Test(arguments: seeds)
  func crowdsGetWhatTheyArePromised(seed: UInt64) {
    var crowd = Crowd(seed: seed)
    for step in 0..<operationsPerSeed {
      crowd.step()
      let errors = crowd.errors
      guard errors.isEmpty else {
        Issue.record("seed \(seed), step \(step): \(errors)")
        return
      }
    }
    crowd.finish()
    #expect(crowd.errors == [], "seed \(seed)")
  }
}
