// Goal: requests of several loops share limits; each is told once, on its own loop, and whoever
// leaves leaves at once.
// Method: two loops on a fake kernel, whose clock moves only when told; waiters that write down
// what they are told.

internal import FakeKernel
internal import IO
internal import Relay
internal import TestSupport
internal import Testing

private final class Caller: AdmissionWaiter {
  private(set) var permit: StreamPermit?
  private(set) var refusal: AdmissionRefusal?
  private(set) var waitedMilliseconds: UInt64?
  private(set) var calls = 0
  var place: PlaceInQueue?

  init(at desk: AdmissionDesk, _ demand: AdmissionDemand) {
    switch desk.admit(demand, for: self) {
    case .admitted(let permit): self.permit = consume permit
    case .waiting(let place): self.place = place
    case .refused(let refusal): self.refusal = refusal
    }
  }

  func admitted(_ permit: consuming StreamPermit, waitedNanoseconds: UInt64) {
    calls += 1
    waitedMilliseconds = waitedNanoseconds / 1_000_000
    self.permit = consume permit
  }

  func turnedAway(_ refusal: AdmissionRefusal, waitedNanoseconds: UInt64) {
    calls += 1
    waitedMilliseconds = waitedNanoseconds / 1_000_000
    self.refusal = refusal
  }

  var holds: Bool { permit != nil }

  /// As an exchange does that has ended: by name or by letting go.
  func end(at now: Instant? = nil) {
    guard let permit = permit.take() else { return }
    if let now { permit.giveBack(at: now) }
  }
}

private final class Office {
  let world: FakeWorld
  let admission: Admission
  let desks: [AdmissionDesk]
  let demand: AdmissionDemand
  private let loops: [EventLoop]

  init(_ maxStreams: Int, queue: Int, seed: UInt64 = 0, weather: Weather? = .calm) throws {
    world = FakeWorld(seed: seed, weather: weather)
    var limit = LimitOptions(name: "all", maxStreams: maxStreams)
    limit.queueMax = queue
    limit.queueTimeout = .seconds(10)
    let admission = Admission([limit])
    let kernel = world.kernel
    loops = try (0..<2).map { _ in try EventLoop(kernel: kernel) }
    desks = try loops.map { try AdmissionDesk(on: $0, of: admission) }
    demand = AdmissionDemand([AdmissionDemand.Entry(admission.limit(named: "all")!)])
    self.admission = admission
    for loop in loops { world.add(loop) }
  }

  func call(at desk: Int = 0) -> Caller { Caller(at: desks[desk], demand) }

  func pass(_ duration: Duration) { world.run(for: duration) }

  var inUse: Int { admission.states[0].inUse }
  var queued: Int { admission.states[0].queued }

  func count(_ decision: AdmissionDecision) -> UInt64 {
    admission.states[0].waits.first { $0.decision == decision }!.times.total
  }
}

@Suite struct AdmissionDeskTests {
  @Test func aGrantCrossesLoops() throws {
    let office = try Office(1, queue: 5)
    let (first, second) = (office.call(at: 0), office.call(at: 1))
    #expect(first.holds && !second.holds)
    office.pass(.milliseconds(1500))
    first.end()
    // Not yet claimed, and taken all the same: nobody else can have it.
    #expect(office.inUse == 1)
    #expect(!office.call(at: 0).holds)
    office.pass(.milliseconds(100))
    #expect(second.holds && second.calls == 1)
    #expect(second.waitedMilliseconds == 1500)
  }

  @Test func queueTimeoutTurnsAway() throws {
    let office = try Office(1, queue: 5)
    let (first, second) = (office.call(), office.call())
    office.pass(.seconds(9))
    #expect(second.refusal == nil)
    office.pass(.seconds(2))
    #expect(second.refusal == .queueTimeout(limit: "all", retryAfterSeconds: 1))
    #expect(second.waitedMilliseconds == 10_000 && second.calls == 1)
    #expect(office.queued == 0 && office.count(.timeout) == 1)
    first.end()
    #expect(office.inUse == 0)
  }

  /// The clock stands still: leaving waits for no loop.
  @Test func whoLeavesIsGoneAtOnce() throws {
    let office = try Office(1, queue: 1)
    let first = office.call()
    let gone = office.call()
    #expect(office.call().refusal == .queueFull(limit: "all", retryAfterSeconds: 1))
    gone.place?.leave()
    #expect(office.queued == 0)
    let next = office.call()
    #expect(next.place != nil)
    first.end()
    office.pass(.milliseconds(1))
    #expect(next.holds && gone.calls == 0)
    #expect(office.count(.clientGone) == 1)
  }

  @Test func whoLeavesWhileTheGrantIsUnderWayGivesItBack() throws {
    let office = try Office(1, queue: 2)
    let first = office.call(at: 0)
    let (gone, next) = (office.call(at: 1), office.call(at: 0))
    first.end()
    gone.place?.leave()
    office.pass(.milliseconds(1))
    #expect(gone.calls == 0 && !gone.holds)
    #expect(next.holds)
  }

  /// The grant is in the mailbox when the timeout is due: the request is admitted, and told once.
  @Test func aGrantBeatsTheTimeoutOfTheSameMoment() throws {
    let office = try Office(1, queue: 2)
    let (first, second) = (office.call(), office.call())
    office.world.at(office.world.now + .seconds(10)) { first.end() }
    office.pass(.seconds(11))
    #expect(second.holds && second.calls == 1)
    second.end()
    #expect(office.inUse == 0 && office.queued == 0)
  }

  @Test func drainRefusesAndTurnsAway() throws {
    let office = try Office(1, queue: 5)
    let first = office.call()
    let (here, there) = (office.call(at: 0), office.call(at: 1))
    office.desks[0].drain()
    #expect(here.refusal == .draining && here.calls == 1)
    #expect(there.refusal == nil)
    office.desks[1].drain()
    #expect(there.refusal == .draining)
    #expect(office.call().refusal == .draining)
    #expect(first.holds && office.inUse == 1 && office.queued == 0)
  }

  @Test func aClosedDeskLeavesNothing() throws {
    let office = try Office(1, queue: 5)
    let first = office.call(at: 0)
    let waiting = (0..<3).map { _ in office.call(at: 1) }
    first.end()
    // One is granted and unclaimed, two wait; the loop never turns again.
    office.desks[1].close()
    #expect(office.inUse == 0 && office.queued == 0)
    #expect(waiting.allSatisfy { $0.calls == 0 })
    #expect(office.admission.inconsistencies == [])
  }

  @Test func aPermitThatIsForgottenGivesItselfBack() throws {
    let office = try Office(1, queue: 0)
    var caller: Caller? = office.call()
    #expect(caller?.holds == true && office.inUse == 1)
    caller = nil
    #expect(office.inUse == 0)
    office.call().end(at: office.world.now + .seconds(4))
    #expect(office.admission.states[0].holdNanoseconds == 4_000_000_000)
  }

  @Test func raisingTheLimitWakesEveryLoop() throws {
    let office = try Office(1, queue: 5)
    let callers = (0..<3).map { office.call(at: $0 % 2) }
    #expect(callers.map(\.holds) == [true, false, false])
    var limit = LimitOptions(name: "all", maxStreams: 3)
    limit.queueMax = 5
    office.admission.apply([limit])
    office.pass(.milliseconds(1))
    #expect(callers.map(\.holds) == [true, true, true])
  }

  /// Callers on two loops in any weather, who end, leave and time out as chance has it.
  @Test(arguments: 0..<50 as Range<UInt64>)
  func nothingIsLostInAnyWeather(seed: UInt64) throws {
    let office = try Office(3, queue: 6, seed: seed, weather: nil)
    var random = SeededRandom(seed: seed)
    var callers: [Caller] = []
    for _ in 0..<200 {
      switch random.next() % 10 {
      case 0..<4: callers.append(office.call(at: Int(random.next() % 2)))
      case 4..<7: callers.randomElement(using: &random)?.end(at: office.world.now)
      case 7: callers.randomElement(using: &random)?.place?.leave()
      default: office.pass(.milliseconds(Int64(random.next() % 3000)))
      }
      let holders = callers.count { $0.holds }
      let state = office.admission.states[0]
      #expect(state.inUse <= 3 && state.drift(fromHolders: holders) == 0, "seed \(seed)")
      #expect(office.admission.inconsistencies == [], "seed \(seed)")
    }
    office.pass(.seconds(11))
    for caller in callers {
      caller.place?.leave()
      caller.end()
      #expect(caller.calls <= 1)
    }
    office.pass(.seconds(11))
    for caller in callers { caller.end() }
    #expect(office.inUse == 0 && office.queued == 0, "seed \(seed)")
  }
}
