// The relay as it runs, on a kernel and a clock that a test owns: loops, listeners, scripted
// clients and upstreams around it, and the accounts that must balance when all is over.

internal import Connections
internal import FakeKernel
internal import IO
internal import Relay
internal import Testing

/// One relay for each loop, all behind one address.
final class RelayHarness {
  static let address = SocketAddress.loopback(port: 9346)

  let world: FakeWorld
  let ledger = Ledger()
  /// The stream limits, shared by all loops.
  let admission: Admission
  private(set) var relays: [Relay] = []
  private(set) var clients: [FakePeer] = []
  private var loops: [EventLoop] = []
  private var listeners: [Listener] = []
  private var upstreams: [ScriptedUpstream] = []

  /// Without `weather`, the seed draws it.
  init(
    _ options: RelayOptions = .scenario(), names: any NameService = FakeNames(), loopCount: Int = 1,
    seed: UInt64 = 1, weather: Weather? = .calm
  ) throws {
    world = FakeWorld(seed: seed, weather: weather)
    admission = Admission(options.limits)
    let sockets = try ListeningSockets.open(
      Self.address, count: loopCount, backlog: 128, kernel: world.kernel)
    for socket in sockets.descriptors {
      let loop = try EventLoop(kernel: world.kernel)
      let relay = try Relay(
        on: loop, options: options, names: names, admission: admission, observer: ledger,
        random: ScenarioRandom(state: seed))
      listeners.append(
        try Listener(socket, on: loop) { relay.serve($0, from: $1, tls: nil) })
      relays.append(relay)
      loops.append(loop)
      world.add(loop)
    }
  }

  var relay: Relay { relays[0] }
  /// How the exchanges ended so far; see `Ledger.endings`.
  var endings: [String] { ledger.endings }

  /// A client that connects, and what it sends first.
  func client(_ text: String = "") -> FakePeer {
    let client = world.connect(to: Self.address)
    if !text.isEmpty { client.send(text) }
    clients.append(client)
    return client
  }

  /// An upstream that does nothing by itself; a test tells its connections what to send.
  func upstream(port: UInt16 = 8000) throws -> ScriptedUpstream {
    let upstream = try ScriptedUpstream(in: world, port: port)
    upstreams.append(upstream)
    return upstream
  }

  /// What a reload does: the limits first, then the loops.
  func apply(_ options: RelayOptions) {
    admission.apply(options.limits)
    for relay in relays { relay.apply(options) }
  }

  /// Runs until all that can happen without waiting has happened.
  func settle() { run(for: .microseconds(1)) }

  /// Lets the clock run; a loop that spins fails the test.
  func run(for duration: Duration) {
    run(for: duration) { false }
  }

  /// Runs until `isOver` holds, which is asked after every round of the loops.
  func run(for duration: Duration, stoppingWhen isOver: () -> Bool) {
    let ending = world.run(for: duration, stoppingWhen: isOver)
    #expect(ending != .livelock, "\(world)")
  }
}

// MARK: - Accounts

extension RelayHarness {
  /// Ends all peers, and asserts that nothing is left of what they began: no exchange,
  /// connection, timer, registration or descriptor, and one entry in the books for each request.
  func close(_ location: SourceLocation = #_sourceLocation) {
    for peer in clients + upstreams.flatMap(\.connections) {
      peer.onChange = nil
      peer.close()
    }
    for upstream in upstreams { upstream.close() }
    run(for: .seconds(600))
    expectBalance(location)
    for listener in listeners { listener.close() }
    // Each relay's resolver and admission desk have a mailbox.
    let mailboxes = loops.map(\.watchedCount)
    #expect(
      mailboxes.allSatisfy { $0 == 2 }, "still registered: \(mailboxes)\n\(world)",
      sourceLocation: location)
    relays = []
    listeners = []
    world.removeLoops()
    loops = []
    #expect(world.leftovers == [], "\(world)", sourceLocation: location)
  }

  private func expectBalance(_ location: SourceLocation) {
    #expect(admission.inconsistencies == [], "\(world)", sourceLocation: location)
    for limit in admission.states {
      #expect(limit.inUse == 0 && limit.queued == 0, "\(limit)", sourceLocation: location)
    }
    #expect(ledger.faults == [], "\(world)", sourceLocation: location)
    #expect(ledger.acceptedCount == ledger.summaries.count, sourceLocation: location)
    #expect(
      relays.reduce(0) { $0 + $1.acceptedCount } == ledger.acceptedCount, sourceLocation: location)
    #expect(
      relays.reduce(0) { $0 + $1.endedCount } == ledger.summaries.count, sourceLocation: location)
    for (relay, loop) in zip(relays, loops) {
      #expect(relay.activeCount == 0, "\(world)", sourceLocation: location)
      #expect(relay.connectionCount == 0, "\(world)", sourceLocation: location)
      #expect(relay.idleUpstreamCount == 0, "\(world)", sourceLocation: location)
      #expect(loop.timers.count == 0, "\(world)", sourceLocation: location)
    }
  }
}

// MARK: - Options

extension RelayOptions {
  /// One route for all paths to `up.test`, port 8000 of this machine; times short and all
  /// different, so that a test tells by the clock which one ended something.
  static func scenario(
    _ edit: (inout RelayOptions) -> Void = { _ in },
    upstream: (inout UpstreamOptions) -> Void = { _ in }
  ) -> RelayOptions {
    var options = RelayOptions()
    options.server.headTimeout = .seconds(1)
    options.server.bodyTimeout = .seconds(2)
    options.server.idleTimeout = .seconds(3)
    options.server.slowClientTimeout = .seconds(4)
    options.routes = [Route(name: "all", pathPrefix: "/", upstream: "up")]
    var up = UpstreamOptions(name: "up", endpoints: [.local(8000)])
    up.pool.connectTimeout = .milliseconds(1500)
    up.pool.idleTimeout = .seconds(10)
    up.firstByteTimeout = .seconds(5)
    up.idleTimeout = .seconds(6)
    upstream(&up)
    options.upstreams = [up]
    edit(&options)
    return options
  }
}

extension EndpointOptions {
  static func local(_ port: UInt16, pathPrefix: String = "") -> EndpointOptions {
    EndpointOptions(
      origin: Origin(host: "127.0.0.1", port: port), authority: "up.test", pathPrefix: pathPrefix)
  }

  static func named(_ host: String) -> EndpointOptions {
    EndpointOptions(origin: Origin(host: host, port: 8000), authority: host)
  }
}

/// Names as a test knows them; answers at once, through the loop's mailbox.
struct FakeNames: NameService {
  var known: [String: [SocketAddress]] = [:]

  func resolve(
    _ host: String, port: UInt16, reply: @escaping @Sendable (Resolution) -> Void
  ) {
    reply(known[host].map { .addresses($0) } ?? .failed("no such name"))
  }
}

/// Knuth's linear congruence: enough to spread a retry's backoff.
private struct ScenarioRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }
}
