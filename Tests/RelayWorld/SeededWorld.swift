// A whole world that one seed draws: two loops with a relay each, an upstream, some clients and
// the weather; and whether all went as it must, whatever happened.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import TestSupport

package final class SeededWorld {
  package let seed: UInt64
  package private(set) var faults: [String] = []
  /// For the test's own account of what its worlds were like.
  package private(set) var wholeAnswers = 0
  /// The most requests that waited at one limit at one time.
  package private(set) var mostQueued = 0
  /// Answers that brought all of a kept stream that was asked for.
  package var wholeReadings: Int { hub?.wholeReadings ?? 0 }
  package var endings: [String] { stage.endings }

  /// In a third of the worlds nothing goes wrong, so that everything has to arrive.
  private let isPeaceful: Bool
  private let stage: RelayHarness
  private let options: RelayOptions
  private let maxConnections: Int
  private let upstream: SeededUpstream
  private let names: SeededNames?
  /// In a third of the worlds some streams are kept.
  private let hub: SeededHub?
  private var clients: [SeededClient] = []
  private var tunnels: [SeededTunnel] = []
  private var random: SeededRandom
  /// As they were when the world was last looked at.
  private var limitsBefore: [LimitState]?
  /// What reloads have made of each limit since then: after a suspension several come at once.
  private var limitsSince: [String: Int] = [:]

  /// `traceDepth`: of how many calls a failure tells.
  package init(seed: UInt64, traceDepth: Int = 100) throws {
    self.seed = seed
    random = SeededRandom(seed: seed)
    isPeaceful = random.chance(0.33)
    var options = RelayOptions.drawn(isPeaceful: isPeaceful, &random)
    var keptRandom = SeededRandom(seed: seed ^ 0x4b45_5054)
    let keepsStreams = keptRandom.chance(0.35)
    if keepsStreams { options.drawHub(isPeaceful: isPeaceful, &keptRandom) }
    var troubles = Troubles(seed: seed, isPeaceful: isPeaceful)
    names = troubles.drawNames(&options)
    maxConnections = troubles.drawConnections()
    self.options = options
    stage = try RelayHarness(
      options, names: names ?? FakeNames(), loopCount: 2, maxConnections: maxConnections,
      seed: seed,
      weather: .drawn(from: seed, upTo: isPeaceful ? .breezy : .stormy), traceDepth: traceDepth)
    var plans: [[ExchangePlan]] = []
    var count = 0
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      plans.append([])
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let plan = ExchangePlan.drawn(count, isPeaceful: isPeaceful, &random)
        let isKept = keepsStreams && keptRandom.chance(0.5)
        plans[plans.count - 1].append(
          isKept ? .drawnKept(count, .client, isPeaceful: isPeaceful, &keptRandom) : plan)
        count += 1
      }
    }
    let drawn = plans.flatMap { $0 }
    // Who sends behind an answer that ends the connection may lose the answer to a reset.
    if isPeaceful {
      plans = plans.map { plans in
        Array(plans[...(plans.firstIndex(where: \.endsConnection) ?? plans.count - 1)])
      }
    }
    hub =
      keepsStreams
      ? SeededHub(
        on: stage, options, isPeaceful: isPeaceful, known: plans.flatMap { $0 },
        firstNumber: count, keptRandom) : nil
    upstream = try SeededUpstream(
      in: stage.world, at: options.upstreams[0].endpoints.map(\.origin.port),
      answering: drawn + (hub?.ownPlans ?? []))
    for plans in plans { scheduleClient(plans) }
    scheduleControl()
    var tunnelRandom = SeededRandom(seed: seed ^ 0x7e11)
    if tunnelRandom.chance(0.25) { scheduleTunnel(tunnelRandom) }
    if let names {
      names.world = stage.world
      stage.world.setPath(NetworkPath(.silent), to: names.silent)
    }
    troubles.schedule(on: stage)
    hub?.schedule { [unowned self] number in
      clients.lazy.compactMap { $0.streamName(of: number) }.first
    }
  }

  private func scheduleClient(_ plans: [ExchangePlan]) {
    var own = SeededRandom(seed: random.next())
    stage.world.after(random.milliseconds(upTo: 1500)) { [unowned self] in
      let client = SeededClient(stage.client(), plans: plans)
      clients.append(client)
      client.act(in: stage.world, isPeaceful: isPeaceful, &own)
    }
  }

  private func scheduleTunnel(_ random: SeededRandom) {
    var random = random
    stage.world.after(random.milliseconds(upTo: 1500)) { [unowned self] in
      let tunnel = SeededTunnel(stage.client(), &random)
      tunnels.append(tunnel)
      tunnel.act(in: stage.world, isPeaceful: isPeaceful, &random)
    }
  }

  /// Reloads at any time; and drains, or upstream's going, where not all has to arrive.
  private func scheduleControl() {
    if !isPeaceful, random.chance(0.1) {
      let reaches: [NetworkPath.Reach] = [.refused, .noRoute, .hostUnreachable, .silent]
      let reach = reaches.randomElement(using: &random)!
      stage.world.after(random.milliseconds(upTo: 2000)) { [unowned self] in
        stage.world.setPath(NetworkPath(reach), to: .loopback(port: 8000))
      }
    }
    for relay in stage.relays {
      if random.chance(0.3) {
        stage.world.after(random.milliseconds(upTo: 2000)) { [unowned self, unowned relay] in
          reload(relay)
        }
      }
      guard !isPeaceful, random.chance(0.2) else { continue }
      let start = random.milliseconds(upTo: 2000)
      let refusing = random.chance(0.7)
      stage.world.after(start) { [unowned relay] in relay.drain(refusing: refusing) {} }
      stage.world.after(start + random.milliseconds(upTo: 5000)) { [unowned relay] in
        relay.endDrain()
      }
    }
  }

  /// Raises and lowers the limits too.
  private func reload(_ relay: Relay) {
    var changed = options
    for limit in changed.limits.indices where random.chance(0.7) {
      changed.limits[limit].maxStreams = Int.random(in: 1...4, using: &random)
    }
    for limit in changed.limits {
      limitsSince[limit.name] = max(limitsSince[limit.name] ?? 0, limit.maxStreams)
    }
    if let hub { hub.reload(&changed) }
    stage.admission.apply(changed.limits)
    relay.apply(changed)
  }

  // MARK: Running

  package func run() {
    // All clients come within this time.
    stage.run(for: .milliseconds(1500)) { watch() }
    stage.run(for: .seconds(900)) {
      watch() || isOver
    }
    if isPeaceful, !isOver { faults.append("a peaceful world does not end: \(hub?.open ?? "")") }
    for client in clients { client.check() }
    for tunnel in tunnels { tunnel.check() }
    if let hub { faults += hub.check() }
    faults += clients.flatMap(\.faults) + tunnels.flatMap(\.faults) + upstream.faults
    wholeAnswers = clients.reduce(0) { $0 + $1.wholeAnswers }
    checkRepetitions()
    if isPeaceful { checkCompleteness() }
    upstream.close()
    names?.close()
    faults += stage.end()
    if !faults.isEmpty { faults.append("\(stage.world)") }
  }

  private var isOver: Bool {
    clients.allSatisfy(\.isDone) && tunnels.allSatisfy(\.isDone) && hub?.open == nil
  }

  /// Whether something is wrong that must hold in every moment.
  private func watch() -> Bool {
    for relay in stage.relays {
      if relay.acceptedCount != relay.endedCount + relay.activeCount {
        faults.append("accepted \(relay.acceptedCount), ended \(relay.endedCount)")
      }
      let queued = relay.mostQueuedBytes
      // Weir adds a line to heads, and its errors are shorter than this.
      if queued.downstream > options.relayBufferBytes + 1024 {
        faults.append("\(queued.downstream) bytes wait for a client")
      }
      var upLimit = options.relayBufferBytes + options.requestBufferBytes + 2 * 65_536
      if options.limits.contains(where: { $0.basis == .model }) { upLimit += 1 << 20 }
      if queued.upstream > upLimit { faults.append("\(queued.upstream) bytes wait for upstream") }
    }
    if stage.connections.openCount > maxConnections {
      faults.append("\(stage.connections.openCount) clients are connected")
    }
    watchLimits()
    if let hub { faults += hub.watch() }
    return !faults.isEmpty
  }

  /// A limit is never passed: what is above a lowered one was there before. What the limits have
  /// counted is what the exchanges hold, and every open exchange holds a place or waits for one,
  /// unless its model is still to come.
  private func watchLimits() {
    let states = stage.admission.states
    let active = stage.relays.reduce(0) { $0 + $1.activeCount }
    let mayBePeeking = options.limits.contains { $0.basis == .model }
    for (state, earlier) in zip(states, limitsBefore ?? states) {
      let most = max(
        state.maxStreams, earlier.maxStreams, earlier.fullestKeyInUse, limitsSince[state.name] ?? 0)
      let holders = stage.relays.reduce(0) { $0 + ($1.permitHolders[state.name] ?? 0) }
      if state.fullestKeyInUse > most || state.drift(fromHolders: holders) != 0 {
        faults.append("\(holders) hold: \(state), and before: \(earlier)")
      }
      let known = state.inUse + state.queued
      if mayBePeeking ? known > active : known != active {
        faults.append("\(active) exchanges are open: \(state)")
      }
      mostQueued = max(mostQueued, state.queued)
    }
    limitsBefore = states
    limitsSince = [:]
    faults += stage.admission.inconsistencies
  }

  private func checkRepetitions() {
    for plan in clients.flatMap(\.plans) {
      let rules = options.upstreams[0]
      let mayRepeat = plan.isRepeatable || rules.retryStatuses.contains(plan.status)
      let most = mayRepeat ? rules.attempts : 1
      let times = upstream.arrivals[plan.number] ?? 0
      if times > most { faults.append("request \(plan.number) was sent \(times) times") }
    }
  }

  /// In a peaceful world each client gets all its answers, and each exchange a good end.
  private func checkCompleteness() {
    for client in clients {
      if client.wholeAnswers != client.plans.count {
        faults.append(
          "\(client.plans[0].number)...: \(client.wholeAnswers) answers of \(client.plans.count),"
            + " \(client.peer.seenEnd)")
      }
    }
    let asked = clients.reduce(0) { $0 + $1.plans.count } + tunnels.count
    if stage.ledger.acceptedCount != asked + (hub?.ownPlans.count ?? 0) {
      faults.append("\(stage.ledger.acceptedCount) requests were accepted")
    }
    for tunnel in tunnels where !tunnel.isWhole {
      faults.append("a tunnel in a peaceful world brought \(tunnel.peer.received.count) bytes back")
    }
    for ending in endings
    where !ending.hasPrefix("completed") && !ending.hasPrefix("upstream_http_error") {
      faults.append("in a peaceful world: \(ending)")
    }
  }
}
