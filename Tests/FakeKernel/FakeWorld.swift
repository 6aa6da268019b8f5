// Everything outside and around the code under test: one kernel, its clock, the loops that run on
// it in turn, and the steps of a script. One seed decides all that chance decides.

package import IO

package final class FakeWorld {
  /// Why `run` returned.
  package enum Ending: Equatable, Sendable {
    /// The clock has reached the given instant.
    case deadline
    /// The condition holds.
    case condition
    /// Nothing will happen any more: no event, no timer, no script.
    case idle
    /// The loops keep finding something to do though nothing happens: they spin.
    case livelock
  }

  package let seed: UInt64
  package let kernel: FakeKernel
  let network: FakeNetwork
  private var loops: [() -> Instant?] = []
  private var peers: [AnyObject] = []
  /// Rounds in a row in which nothing arrived and no time was waited for, after which `run` gives
  /// up. A round takes each loop once.
  package var livelockRounds = 10_000
  /// How often the loops were taken in all.
  package private(set) var rounds = 0

  /// Without `weather`, the seed draws it from what `Weather.stormy` allows.
  package init(seed: UInt64, weather: Weather? = nil, traceDepth: Int = 100) {
    self.seed = seed
    network = FakeNetwork(
      random: Dice(seed: seed), weather: weather ?? .drawn(from: seed), traceDepth: traceDepth)
    kernel = FakeKernel(network: network)
  }

  package var now: Instant { network.now }

  package var weather: Weather {
    get { network.weather }
    set { network.weather = newValue }
  }

  package var trace: Trace { network.trace }

  /// What lies on the way to an address; with port 0, to all ports of its host.
  package func setPath(_ path: NetworkPath, to address: SocketAddress) {
    network.paths[address] = path
  }

  /// A loop that takes part from now on. `turn` attends once to what is ready and returns when it
  /// next wants to run though nothing happens: nil for never. A loop that has ended returns nil.
  package func add(loop turn: @escaping () -> Instant?) { loops.append(turn) }

  /// Turns `loop` from now on.
  package func add(_ loop: EventLoop) {
    add(loop: {
      loop.turn()
      return loop.nextWakeUp
    })
  }

  /// Lets go of all loops, so that those that nobody else holds close their pollers.
  package func removeLoops() { loops = [] }

  /// Performs a script's step when the clock gets there; at once in the next `run` if it is past.
  package func at(_ instant: Instant, _ step: @escaping () -> Void) {
    network.schedule.add(at: instant, step)
  }

  package func after(_ delay: Duration, _ step: @escaping () -> Void) {
    at(now + delay, step)
  }

  /// The clock goes on at once by `time`, as for who was not running meanwhile.
  package func jump(by time: Duration) { network.now = network.now + time }

  func keep(_ peer: AnyObject) { peers.append(peer) }
}

// MARK: - Running

extension FakeWorld {
  /// Turns the loops, in an order that the seed draws for each round, and moves the clock whenever
  /// all are idle, to the next arrival, step or timer.
  ///
  /// Never moves it past `deadline`, except by the time that rounds take.
  @discardableResult
  package func run(
    until deadline: Instant = .distantFuture, stoppingWhen isDone: () -> Bool = { false }
  ) -> Ending {
    var fruitless = 0
    while !isDone() {
      let hasHappened = network.runDue()
      fruitless = hasHappened ? 0 : fruitless + 1
      if fruitless > livelockRounds { return .livelock }
      let (isBusy, next) = takeRound()
      if hasHappened || isBusy || (next.map { $0 <= now } ?? false) {
        network.now = network.now + weather.roundTime
        if now > deadline { return isDone() ? .condition : .deadline }
        continue
      }
      guard let next, next <= deadline else {
        if deadline != .distantFuture { network.now = max(now, deadline) }
        return isDone() ? .condition : next == nil ? .idle : .deadline
      }
      network.now = next
      fruitless = 0
    }
    return .condition
  }

  @discardableResult
  package func run(for duration: Duration, stoppingWhen isDone: () -> Bool = { false }) -> Ending {
    run(until: now + duration, stoppingWhen: isDone)
  }

  /// Takes each loop once; returns whether one was told of something or skipped, and the earliest
  /// time at which anything will happen.
  private func takeRound() -> (isBusy: Bool, next: Instant?) {
    rounds += 1
    var isBusy = false
    let eventsBefore = kernel.eventsTold
    for poller in kernel.pollers { poller.wantedWakeUp = nil }
    var wanted: [Instant] = []
    for loop in loops.indices.shuffled(using: &network.random) {
      if network.random.chance(weather.skippedTurns) {
        isBusy = true
      } else if let deadline = loops[loop]() {
        wanted.append(deadline)
      }
    }
    if kernel.eventsTold > eventsBefore { isBusy = true }
    wanted += kernel.pollers.compactMap(\.wantedWakeUp)
    if let due = network.schedule.nextDue { wanted.append(due) }
    return (isBusy, wanted.min())
  }
}

// MARK: - Accounts

extension FakeWorld: CustomStringConvertible {
  /// What is not back to zero, a line each: open descriptors, bytes in flight, calls with closed
  /// descriptors. Sockets of scripted peers count by the bytes they hold alone.
  package var leftovers: [String] {
    var lines = kernel.openDescriptors.map { "descriptor \($0.descriptor): \($0.kind)" }
    for socket in network.liveSockets where socket.inboundByteCount + socket.received.count > 0 {
      lines.append(
        "socket \(socket.number): \(socket.inboundByteCount) bytes on their way,"
          + " \(socket.received.count) unread")
    }
    return lines + kernel.misuses
  }

  /// What to print when a test fails: the seed, the state and the last calls.
  package var description: String {
    let lines =
      ["seed \(seed), \(trace.count) calls, hash \(trace.hash), \(weather)"] + leftovers
      + ["the last calls:"] + trace.lines
    return lines.joined(separator: "\n")
  }
}
