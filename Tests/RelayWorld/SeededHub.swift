// What goes on around the kept streams of a world: readers who come for them, sockets that start and
// follow them, clients who leave them to others, and some who would stop them.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import Telemetry
internal import TestSupport

final class SeededHub {
  /// Requests that none of the world's clients sends.
  private(set) var ownPlans: [ExchangePlan] = []
  private let stage: RelayHarness
  private let options: RelayOptions
  private let isPeaceful: Bool
  private var plans: [ExchangePlan]
  private var random: SeededRandom
  private var readers: [SeededReader] = []
  private var sockets: [SeededSocket] = []
  private var stoppers: [SeededStopper] = []
  /// Clients who leave as soon as they know their stream's name, in routes that go on without them.
  private var leavers: [SeededClient] = []
  private var faults: [String] = []
  /// Quotes grow where JSON holds them.
  private var longestMessage = 12_000
  private var nameOfClients: (Int) -> String? = { _ in nil }
  /// What the kept streams may take, and what they took when the world was last looked at.
  private var memoryBound: Int
  private var memoryBefore = 0

  /// `known`: the plans of the world's clients, whose numbers come before `firstNumber`.
  init(
    on stage: RelayHarness, _ options: RelayOptions, isPeaceful: Bool, known: [ExchangePlan],
    firstNumber: Int, _ random: SeededRandom
  ) {
    self.stage = stage
    self.options = options
    self.isPeaceful = isPeaceful
    self.random = random
    memoryBound = options.hub.bounds.memoryBytes
    plans = known.filter(\.isKept)
    drawOwnPlans(from: firstNumber)
    plans += ownPlans.filter(\.isKept)
    for plan in ownPlans {
      longestMessage = max(longestMessage, plan.answerBody.payload.count * 2)
    }
  }

  private func drawOwnPlans(from number: Int) {
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      let count = Int.random(in: 0...3, using: &random)
      let started = (0..<count).map { _ in own(.command, from: number) }
      sockets.append(SeededSocket(starting: started, isPeaceful: isPeaceful))
    }
    if random.chance(0.4) {
      sockets.append(SeededSocket(sending: own(.message, from: number), isPeaceful: isPeaceful))
    }
    if options.keepsOnDisconnect, random.chance(0.5) { _ = own(.client, from: number) }
  }

  /// One more request; of a client's, that of one who leaves, which speaks HTTP/1.1.
  private func own(_ carrier: ExchangePlan.Carrier, from number: Int) -> ExchangePlan {
    var plan = ExchangePlan.drawnKept(
      number + ownPlans.count, carrier, isPeaceful: isPeaceful, &random)
    plan.isHTTP10 = false
    ownPlans.append(plan)
    return plan
  }

  /// `name` says under which name the answer to a client's request is kept, once it is known.
  func schedule(_ name: @escaping (_ number: Int) -> String?) {
    nameOfClients = name
    for plan in ownPlans where plan.folder == "k" && !plan.requestFields.contains("identity") {
      scheduleLeaver(plan)
    }
    for socket in sockets { scheduleSocket(socket) }
    for plan in plans {
      for _ in 0..<[0, 1, 1, 2, 5].randomElement(using: &random)! { scheduleReader(of: plan) }
      if random.chance(0.25) { scheduleStopper(of: plan) }
    }
  }

  private func name(of number: Int) -> String? {
    nameOfClients(number)
      ?? sockets.lazy.compactMap { $0.names[number] }.first
      ?? leavers.lazy.compactMap { $0.streamName(of: number) }.first
  }

  private func scheduleReader(of plan: ExchangePlan) {
    let reader = SeededReader(of: plan, on: stage, isPeaceful: isPeaceful, &random) {
      [unowned self] in name(of: plan.number)
    }
    readers.append(reader)
    stage.world.after(random.milliseconds(upTo: 3000)) { reader.begin() }
  }

  private func scheduleSocket(_ socket: SeededSocket) {
    var own = SeededRandom(seed: random.next())
    let others = plans.filter { _ in random.chance(0.3) }
    stage.world.after(random.milliseconds(upTo: 1500)) { [unowned self] in
      socket.act(on: stage, following: others, &own) { [unowned self] in name(of: $0) }
    }
  }

  private func scheduleStopper(of plan: ExchangePlan) {
    let stopper = SeededStopper(
      of: plan, isAllowed: !isPeaceful && random.chance(0.5), isPeaceful: isPeaceful)
    stoppers.append(stopper)
    stage.world.after(random.milliseconds(upTo: 3000)) { [unowned self] in
      if let name = name(of: plan.number) { stopper.ask(for: name, on: stage) }
    }
  }

  private func scheduleLeaver(_ plan: ExchangePlan) {
    let patience = random.milliseconds(upTo: 300)
    stage.world.after(random.milliseconds(upTo: 1500)) { [unowned self] in
      let client = SeededClient(stage.client(), plans: [plan])
      leavers.append(client)
      client.peer.send(plan.request)
      client.peer.onChange = { [unowned self] peer in
        guard client.streamName(of: plan.number) != nil else { return }
        peer.onChange = nil
        stage.world.after(patience) { peer.close() }
      }
    }
  }
}

// MARK: - Accounts

extension SeededHub {
  /// What goes on still, in words; nil if nothing does.
  var open: String? {
    let active = stage.relays.reduce(0) { $0 + $1.activeCount }
    let readers = readers.count { !$0.isDone }
    let sockets = sockets.count { !$0.isDone }
    let leavers = leavers.count { !$0.isDone }
    let stoppers = stoppers.count { !$0.isDone }
    if active + readers + sockets + leavers + stoppers == 0 { return nil }
    return "\(active) exchanges, \(readers) readers, \(sockets) sockets, \(leavers) leavers,"
      + " \(stoppers) stoppers"
  }

  var wholeReadings: Int { readers.reduce(0) { $0 + $1.wholeReadings } }

  /// New bounds, and a route that keeps no more streams, at any time; but where all has to arrive.
  func reload(_ options: inout RelayOptions) {
    guard !isPeaceful, random.chance(0.5) else { return }
    memoryBound = [8000, 100_000].randomElement(using: &random)!
    options.hub.bounds.memoryBytes = memoryBound
    stage.streams.apply(options.hub.bounds)
    if random.chance(0.3) { options.routes[0].hub = nil }
  }

  /// What must hold in every moment: memory never above its bound, or, where that was lowered, what
  /// it was; no reader holds more than its room and an event.
  func watch() -> [String] {
    var faults: [String] = []
    let bytes = stage.streams.figures.bytes
    if bytes > max(memoryBound, memoryBefore) || bytes < 0 {
      faults.append("kept streams take \(bytes) bytes of \(memoryBound)")
    }
    memoryBefore = bytes
    for relay in stage.relays {
      let most = relay.mostSubscriberBytes
      if most.reader > options.relayBufferBytes + 12_000 {
        faults.append("\(most.reader) bytes wait for a reader")
      }
      // An event, or an answer that is no stream and goes as one message.
      if most.socket > options.hub.socket.queueLimitBytes + longestMessage {
        faults.append("\(most.socket) bytes wait for a socket")
      }
    }
    return faults
  }

  func check() -> [String] {
    for leaver in leavers { leaver.check() }
    faults += leavers.flatMap(\.faults) + readers.flatMap { $0.check() }
    faults += sockets.flatMap { $0.check() } + stoppers.flatMap { $0.check() }
    checkBooks()
    return faults
  }

  /// Each request is in the books once, with its own usage, however many have read its stream.
  private func checkBooks() {
    for plan in plans {
      guard let stream = plan.stream else { continue }
      let entries = stage.ledger.summaries.filter { $0.record.model?.string == stream.model }
      if entries.count > 1 {
        faults.append("\(stream.model) is \(entries.count) times in the books")
      }
      for entry in entries where entry.record.usageSource == .reported {
        let usage = entry.record.usage
        if usage.uncached != stream.inputTokens || usage.response != stream.outputTokens {
          faults.append("the usage of \(stream.model) is \(usage)")
        }
      }
      guard isPeaceful else { continue }
      if entries.map(\.record.usageSource) != [.reported] || name(of: plan.number) == nil {
        faults.append("\(stream.model) is in the books as \(entries.map(\.record.usageSource))")
      }
    }
  }
}
