// Goal: what a user reads about limits, case by case.
// Method: small books; tenants are keys of a limit below an unkeyed one that has the queue.

internal import IO
internal import Relay
internal import Testing

private struct Unexpected: Error {}

/// A book, its clock, and requests that are named by their tenant.
private final class Bench {
  var book: AdmissionBook
  var now = Instant(nanoseconds: 0)
  /// Desk numbers stand for requests.
  private var count = 0

  init(_ limits: [LimitOptions]) { book = AdmissionBook(limits) }

  static func shared(
    _ maxStreams: Int, queue: Int, tenant: Int = 1000, tenantQueue: Int = 0,
    weights: [String: Int] = [:], overrides: [String: Int] = [:]
  ) -> [LimitOptions] {
    var all = LimitOptions(name: "all", maxStreams: maxStreams)
    all.queueMax = queue
    var own = LimitOptions(name: "tenant", by: .header(Array("x".utf8)), maxStreams: tenant)
    own.queueMax = tenantQueue
    for (name, weight) in weights { own.weights[LimitKey(of: name)] = weight }
    for (name, maximum) in overrides { own.overrides[LimitKey(of: name)] = maximum }
    return [all, own]
  }

  func ask(_ tenant: String) -> AdmissionBook.Answer {
    count += 1
    let entries = [
      AdmissionDemand.Entry(book.id(of: "all")!),
      AdmissionDemand.Entry(book.id(of: "tenant")!, LimitKey(of: tenant)),
    ]
    return book.request(AdmissionDemand(entries), desk: count, at: now)
  }

  /// A stream that must start at once.
  @discardableResult func hold(_ tenant: String) throws -> AdmissionTicket {
    guard case .granted(let ticket) = ask(tenant) else { throw Unexpected() }
    return ticket
  }

  /// A request that must wait.
  @discardableResult func wait(_ tenant: String) throws -> AdmissionTicket {
    guard case .waiting(let wait) = ask(tenant) else { throw Unexpected() }
    return wait.ticket
  }

  func refuses(_ tenant: String) -> Bool {
    if case .refused = ask(tenant) { true } else { false }
  }

  func claim(_ ticket: AdmissionTicket) -> Bool { book.claim(ticket, at: now) }

  func expire(_ ticket: AdmissionTicket) -> AdmissionRefusal? { book.expire(ticket, at: now) }

  func takeGrants() -> [AdmissionTicket] { book.takeGrants().map(\.ticket) }

  /// Ends a stream; whoever is granted its place holds it at once.
  func end(_ ticket: AdmissionTicket) -> [AdmissionTicket] {
    book.giveBack(ticket, at: now)
    let grants = book.takeGrants().map(\.ticket)
    for grant in grants { #expect(claim(grant)) }
    return grants
  }

  /// Ends one stream after the other and tells whose turn came each time.
  func serve(
    _ turns: Int, from first: AdmissionTicket, names: [AdmissionTicket: String]
  ) -> [String] {
    var (running, served) = (first, [String]())
    for _ in 0..<turns {
      guard let next = end(running).first else { break }
      served.append(names[next] ?? "?")
      running = next
    }
    return served
  }

  func state(_ name: String) -> LimitState { book.states.first { $0.name == name }! }

  func count(_ name: String, _ decision: AdmissionDecision) -> UInt64 {
    state(name).waits.first { $0.decision == decision }!.times.total
  }
}

@Suite struct AdmissionBookTests {
  @Test func theExcessWaitsAndThenIsRefused() throws {
    let bench = Bench(Bench.shared(2, queue: 1))
    let first = try bench.hold("a")
    try bench.hold("b")
    let waiting = try bench.wait("c")
    #expect(bench.ask("d") == .refused(.queueFull(limit: "all", retryAfterSeconds: 1)))
    #expect(bench.end(first) == [waiting])
    #expect(bench.state("all").inUse == 2)
    #expect(bench.count("all", .immediate) == 2)
    #expect(bench.count("all", .waited) == 1)
    #expect(bench.count("all", .queueFull) == 1)
  }

  @Test func withoutAQueueTheExcessIsRefused() throws {
    let bench = Bench(Bench.shared(9, queue: 0, tenant: 1))
    try bench.hold("a")
    #expect(bench.ask("a") == .refused(.queueFull(limit: "tenant", retryAfterSeconds: 1)))
    // What was refused holds nothing, at the parent either.
    #expect(bench.state("all").inUse == 1)
    #expect(bench.state("tenant").keys == 1)
  }

  @Test func aFullTenantHoldsUpItselfAlone() throws {
    let bench = Bench(Bench.shared(3, queue: 10, tenant: 1))
    let ofA = try bench.hold("a")
    let waiting = try bench.wait("a")
    try bench.hold("b")
    #expect(bench.state("tenant").queued == 1)
    #expect(bench.end(ofA) == [waiting])
  }

  /// The queue is shared, but its own limit's queue says how many of one tenant may be in it.
  @Test func aTenantCannotFillTheSharedQueue() throws {
    let bench = Bench(Bench.shared(1, queue: 100, tenantQueue: 2))
    try bench.hold("a")
    try bench.wait("a")
    try bench.wait("a")
    #expect(bench.ask("a") == .refused(.queueFull(limit: "tenant", retryAfterSeconds: 1)))
    try bench.wait("b")
  }

  @Test func theShortestQueueTimeoutHolds() throws {
    var limits = Bench.shared(1, queue: 9, tenantQueue: 9)
    limits[0].queueTimeout = .seconds(30)
    limits[1].queueTimeout = .seconds(3)
    let bench = Bench(limits)
    try bench.hold("a")
    guard case .waiting(let wait) = bench.ask("a") else { throw Unexpected() }
    #expect(wait.timeout == .seconds(3))
    #expect(wait.limit == "all")
  }

  @Test func overridesHoldInPlaceOfTheLimit() throws {
    let bench = Bench(Bench.shared(9, queue: 0, tenant: 1, overrides: ["big": 2]))
    try bench.hold("big")
    try bench.hold("big")
    #expect(bench.refuses("big"))
    try bench.hold("small")
    #expect(bench.refuses("small"))
    #expect(bench.state("tenant").fullestKeyInUse == 2)
    #expect(bench.state("tenant").inUse == 3)
  }
}

// MARK: - Fairness

extension AdmissionBookTests {
  /// A has one stream and 100 waiting on the only place when B comes with one: B is next.
  @Test func oneWaiterIsServedWithinOneServiceTime() throws {
    let bench = Bench(Bench.shared(1, queue: 200))
    let running = try bench.hold("a")
    for _ in 0..<100 { try bench.wait("a") }
    let ofB = try bench.wait("b")
    #expect(bench.end(running) == [ofB])
  }

  /// As before, wherever in A's service B comes: it never waits for two of A's.
  @Test(arguments: 1..<20)
  func oneWaiterIsServedNextLaterToo(earlier: Int) throws {
    let bench = Bench(Bench.shared(1, queue: 200))
    var running = try bench.hold("a")
    for _ in 0..<100 { try bench.wait("a") }
    for _ in 0..<earlier { running = try #require(bench.end(running).first) }
    let ofB = try bench.wait("b")
    #expect(bench.end(running) == [ofB])
  }

  @Test func weightsDivideTheTurns() throws {
    let bench = Bench(Bench.shared(1, queue: 5000, weights: ["a": 3]))
    let running = try bench.hold("x")
    var names: [AdmissionTicket: String] = [:]
    for _ in 0..<1000 {
      for name in ["b", "a"] { names[try bench.wait(name)] = name }
    }
    let served = bench.serve(1000, from: running, names: names)
    let ofA = served.count { $0 == "a" }
    #expect(served.count == 1000)
    #expect((713...787).contains(ofA), "3 of 4 within 5 %: \(ofA)")
    // And evenly: B never waits for more than one round.
    let longest = served.split(separator: "b").map(\.count).max() ?? 0
    #expect(longest <= 4)
  }

  @Test func equalTenantsTakeTurns() throws {
    let bench = Bench(Bench.shared(1, queue: 500))
    let running = try bench.hold("x")
    var names: [AdmissionTicket: String] = [:]
    for name in ["a", "b", "c"] {
      for _ in 0..<50 { names[try bench.wait(name)] = name }
    }
    let served = bench.serve(150, from: running, names: names)
    for round in stride(from: 0, to: 150, by: 3) {
      #expect(Set(served[round..<round + 3]) == ["a", "b", "c"])
    }
  }

  /// A tenant with a new key for each request comes new each time, and newcomers are served soon;
  /// still they must not keep the others waiting for ever.
  @Test func newcomersStarveNobody() throws {
    let bench = Bench(Bench.shared(1, queue: 500))
    var running = try bench.hold("a")
    let patient = try bench.wait("a")
    for number in 0..<8 { try bench.wait("new \(number)") }
    var turns = 0
    while running != patient, turns < 1000 {
      running = try #require(bench.end(running).first)
      turns += 1
      _ = bench.ask("newer \(turns)")
    }
    #expect(turns <= 20, "served after \(turns) turns")
  }

  /// One that asks again as soon as it is served gets no more than one that waits in advance.
  @Test func askingOneByOneGainsNothing() throws {
    let bench = Bench(Bench.shared(2, queue: 500))
    var running = [try bench.hold("a"), try bench.hold("b")]
    var names: [AdmissionTicket: String] = [:]
    for _ in 0..<200 { names[try bench.wait("a")] = "a" }
    var ofB = 0
    for _ in 0..<200 {
      names[try bench.wait("b")] = "b"
      let next = try #require(bench.end(running.removeFirst()).first)
      ofB += names[next] == "b" ? 1 : 0
      running.append(next)
    }
    #expect((90...110).contains(ofB), "\(ofB) of 200")
  }
}

// MARK: - Changes

extension AdmissionBookTests {
  @Test func loweringCutsNobodyAndAdmitsNobody() throws {
    let bench = Bench(Bench.shared(3, queue: 9))
    let held = try (0..<3).map { _ in try bench.hold("a") }
    let waiting = try bench.wait("a")
    bench.book.apply(Bench.shared(1, queue: 9))
    #expect(bench.state("all").inUse == 3)
    #expect(bench.end(held[0]) == [])
    #expect(bench.end(held[1]) == [])
    #expect(bench.end(held[2]) == [waiting])
  }

  @Test func raisingAdmitsAtOnce() throws {
    let bench = Bench(Bench.shared(1, queue: 9))
    try bench.hold("a")
    let waiting = try (0..<3).map { _ in try bench.wait("a") }
    bench.book.apply(Bench.shared(3, queue: 9))
    #expect(bench.takeGrants() == Array(waiting[..<2]))
  }

  @Test func aRemovedLimitLetsAllInAndCountsOn() throws {
    let bench = Bench(Bench.shared(1, queue: 9))
    let held = try bench.hold("a")
    let waiting = try bench.wait("a")
    bench.book.apply([])
    #expect(bench.takeGrants() == [waiting])
    #expect(bench.claim(waiting))
    #expect(bench.state("all").inUse == 2)
    // It comes back with its count whole.
    bench.book.apply(Bench.shared(2, queue: 0))
    #expect(bench.refuses("b"))
    _ = bench.end(held)
    try bench.hold("b")
  }

  @Test func newWeightsHoldForThoseWhoWait() throws {
    let bench = Bench(Bench.shared(1, queue: 900))
    let running = try bench.hold("x")
    var names: [AdmissionTicket: String] = [:]
    for _ in 0..<100 { for name in ["a", "b"] { names[try bench.wait(name)] = name } }
    bench.book.apply(Bench.shared(1, queue: 900, weights: ["a": 4]))
    let served = bench.serve(100, from: running, names: names)
    #expect((78...82).contains(served.count { $0 == "a" }))
  }

  @Test func idleKeysAreForgotten() throws {
    let bench = Bench(Bench.shared(100, queue: 9))
    let held = try (0..<50).map { try bench.hold("tenant \($0)") }
    #expect(bench.state("tenant").keys == 50)
    for ticket in held { _ = bench.end(ticket) }
    #expect(bench.state("tenant").keys == 0)
    #expect(bench.state("tenant").fullestKeyInUse == 0)
    #expect(bench.book.rememberedKeys == (0, 0))
  }
}

// MARK: - Figures

extension AdmissionBookTests {
  /// Holds of 8 s on two places: with one ahead and oneself, another place comes free in 8 s.
  @Test func retryAfterFollowsTheHolds() throws {
    let bench = Bench(Bench.shared(2, queue: 1))
    for _ in 0..<3 {
      let held = try bench.hold("a")
      bench.now = bench.now + .seconds(8)
      _ = bench.end(held)
    }
    #expect(bench.state("all").holdNanoseconds == 8_000_000_000)
    try bench.hold("a")
    try bench.hold("a")
    let waiting = try bench.wait("a")
    #expect(bench.ask("a") == .refused(.queueFull(limit: "all", retryAfterSeconds: 8)))
    bench.now = bench.now + .seconds(10)
    #expect(
      bench.expire(waiting)
        == .queueTimeout(limit: "all", retryAfterSeconds: 4))
    let times = bench.state("all").waits.first { $0.decision == .timeout }!.times
    #expect(times.sumNanoseconds == 10_000_000_000)
    #expect(times.counts[10] == 1, "10 s belong to the bucket up to 10 s")
  }

  @Test func retryAfterStaysWithinTenMinutes() throws {
    let bench = Bench(Bench.shared(1, queue: 0))
    let held = try bench.hold("a")
    bench.now = bench.now + .seconds(86_400)
    _ = bench.end(held)
    try bench.hold("a")
    #expect(bench.ask("a") == .refused(.queueFull(limit: "all", retryAfterSeconds: 600)))
  }

  @Test func waitsEndInOneDecisionEach() throws {
    let bench = Bench(Bench.shared(1, queue: 9))
    let held = try bench.hold("a")
    let (gone, late, granted) = (
      try bench.wait("a"), try bench.wait("a"), try bench.wait("a")
    )
    bench.book.leave(gone, at: bench.now)
    _ = bench.expire(late)
    bench.book.giveBack(held, at: bench.now)
    #expect(bench.state("all").unclaimed == 1)
    #expect(bench.state("all").drift(fromHolders: 0) == 0)
    // Too late to expire, and a client that goes now gives the grant back.
    #expect(bench.expire(granted) == nil)
    bench.book.leave(granted, at: bench.now)
    #expect(bench.state("all").inUse == 0)
    #expect(bench.count("all", .clientGone) == 2)
    #expect(bench.count("all", .timeout) == 1)
    #expect(bench.count("all", .waited) == 0)
  }
}
