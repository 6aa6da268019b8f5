// Goal: with real threads and real loops, no limit is ever exceeded and nothing is left over.
// Method: four loops on threads of their own hammer one Admission with callers that hold for a few
// turns. Holders count themselves with an atomic for each key; the book is not asked.
// The thread sanitizer does not know Synchronization.Mutex of Swift 6.3 on Linux and reports whatever
// it guards; with a pthread mutex in its place, here and in Mailbox, it has nothing to report.

internal import IO
internal import Relay
internal import Synchronization
internal import TestSupport
internal import Testing

/// Counts who holds, and the most that ever held at once.
private final class Gauge: Sendable {
  private let holders = Atomic<Int>(0)
  private let most = Atomic<Int>(0)
  private let entries = Atomic<Int>(0)

  func enter() {
    let count = holders.add(1, ordering: .sequentiallyConsistent).newValue
    _ = most.max(count, ordering: .sequentiallyConsistent)
    entries.add(1, ordering: .relaxed)
  }

  func exit() { holders.subtract(1, ordering: .sequentiallyConsistent) }

  var present: Int { holders.load(ordering: .sequentiallyConsistent) }
  var peak: Int { most.load(ordering: .sequentiallyConsistent) }
  var total: Int { entries.load(ordering: .relaxed) }
}

/// A request that holds from admission to `end`.
private final class Caller: AdmissionWaiter {
  private let gauges: [Gauge]
  private var permit: StreamPermit?
  private(set) var place: PlaceInQueue?

  init(_ gauges: [Gauge]) { self.gauges = gauges }

  func ask(_ desk: AdmissionDesk, for demand: AdmissionDemand) {
    switch desk.admit(demand, for: self) {
    case .admitted(let permit): begin(consume permit)
    case .waiting(let place): self.place = place
    case .refused: break
    }
  }

  func admitted(_ permit: consuming StreamPermit, waitedNanoseconds: UInt64) {
    begin(consume permit)
  }

  func turnedAway(_ refusal: AdmissionRefusal, waitedNanoseconds: UInt64) { place = nil }

  private func begin(_ permit: consuming StreamPermit) {
    self.permit = consume permit
    place = nil
    for gauge in gauges { gauge.enter() }
  }

  /// Ends the stream, or gives up waiting for it.
  func end(at now: Instant) {
    place?.leave()
    place = nil
    guard let permit = permit.take() else { return }
    for gauge in gauges { gauge.exit() }
    permit.giveBack(at: now)
  }
}

/// Keeps a loop from waiting for its mailbox.
private final class Alarm: TimerOwner {
  func timerFired(_ timer: LoopTimer) {}
}

/// One loop's crowd: born, working and gone on one thread.
private func hammer(
  _ admission: Admission, _ demands: [AdmissionDemand], _ gauges: [[Gauge]], seed: UInt64,
  turns: Int
) throws(SystemError) {
  let loop = try EventLoop(kernel: LinuxKernel())
  let desk = try AdmissionDesk(on: loop, of: admission)
  let timer = LoopTimer(on: loop, owner: Alarm())
  var random = SeededRandom(seed: seed)
  var callers: [Caller] = []
  for _ in 0..<turns {
    let key = Int(random.next() % UInt64(demands.count))
    let caller = Caller(gauges[key])
    caller.ask(desk, for: demands[key])
    callers.append(caller)
    if callers.count > 6 {
      callers.remove(at: Int(random.next() % UInt64(callers.count))).end(at: loop.now)
    }
    timer.set(loop.now)
    loop.turn()
  }
  for caller in callers { caller.end(at: loop.now) }
  timer.invalidate()
  desk.close()
}

@Suite struct AdmissionThreadTests {
  @Test func threadsNeverExceedALimit() throws {
    var all = LimitOptions(name: "all", maxStreams: 8)
    all.queueMax = 100
    let own = LimitOptions(name: "own", by: .header(Array("x".utf8)), maxStreams: 3)
    let admission = Admission([all, own])
    let demands = (0..<5).map { key in
      AdmissionDemand([
        AdmissionDemand.Entry(admission.limit(named: "all")!),
        AdmissionDemand.Entry(admission.limit(named: "own")!, LimitKey(of: "\(key)")),
      ])
    }
    let total = Gauge()
    let keys = demands.map { _ in Gauge() }
    let gauges = keys.map { [total, $0] }
    let failures = Gauge()

    let threads = try (0..<4).map { number in
      try Thread.start("hammer-\(number)") {
        do {
          try hammer(admission, demands, gauges, seed: UInt64(number), turns: 5000)
        } catch {
          failures.enter()
        }
      }
    }
    for thread in threads { thread.join() }

    #expect(failures.total == 0)
    #expect(total.present == 0 && total.peak <= 8)
    for key in keys { #expect(key.present == 0 && key.peak <= 3) }
    // They did get in, and did get into each other's way.
    #expect(total.total > 1000 && total.peak > 3)
    let state = admission.states[0]
    #expect(state.inUse == 0 && state.queued == 0 && state.unclaimed == 0)
    #expect(state.waits.first { $0.decision == .waited }!.times.total > 0)
    #expect(admission.inconsistencies == [])
  }
}
