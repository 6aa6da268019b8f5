// The relay as it runs, on a kernel and a clock that a test owns: loops, listeners, scripted
// clients and upstreams around it, and the accounts that must balance when all is over.

internal import Connections
package import FakeKernel
package import Hub
package import IO
package import Relay

/// One relay for each loop, all behind one address.
package final class RelayHarness {
  package static let address = SocketAddress.loopback(port: 9346)

  package let world: FakeWorld
  package let ledger = Ledger()
  /// The stream limits, shared by all loops.
  package let admission: Admission
  /// The kept streams, likewise.
  package let streams: StreamDirectory
  /// How many clients there may be at once, likewise.
  package let connections: ConnectionBound
  package private(set) var relays: [Relay] = []
  package private(set) var clients: [FakePeer] = []
  private var loops: [EventLoop] = []
  private var listeners: [Listener] = []
  private var upstreams: [ScriptedUpstream] = []
  /// What was wrong so far, beyond what a test looks at.
  private var faults: [String] = []

  /// Without `weather`, the seed draws it.
  package init(
    _ options: RelayOptions = .scenario(), names: any NameService = FakeNames(), loopCount: Int = 1,
    maxConnections: Int = .max, seed: UInt64 = 1, weather: Weather? = .calm, traceDepth: Int = 100
  ) throws {
    world = FakeWorld(seed: seed, weather: weather, traceDepth: traceDepth)
    admission = Admission(options.limits)
    streams = StreamDirectory(options.hub.bounds)
    connections = ConnectionBound(maxConnections)
    let sockets = try ListeningSockets.open(
      Self.address, count: loopCount, backlog: 128, kernel: world.kernel)
    for (number, socket) in sockets.descriptors.enumerated() {
      let loop = try EventLoop(kernel: world.kernel)
      let relay = try Relay(
        on: loop, options: options, names: names, admission: admission,
        streams: streams, bound: connections, observer: ledger,
        // Each loop its own: what it draws are names of streams too.
        random: ScenarioRandom(state: seed ^ UInt64(number) << 32))
      let listener = try Listener(socket, on: loop, bound: connections) {
        relay.serve($0, from: $1, tls: nil)
      }
      listener.turnedAway = { relay.turnedAway() }
      listeners.append(listener)
      relays.append(relay)
      loops.append(loop)
      world.add(loop)
    }
  }

  package var relay: Relay { relays[0] }
  /// How the exchanges ended so far; see `Ledger.endings`.
  package var endings: [String] { ledger.endings }

  /// A client that connects, and what it sends first.
  package func client(_ text: String = "") -> FakePeer {
    let client = world.connect(to: Self.address)
    if !text.isEmpty { client.send(text) }
    clients.append(client)
    return client
  }

  /// An upstream that does nothing by itself; a test tells its connections what to send.
  package func upstream(port: UInt16 = 8000) throws -> ScriptedUpstream {
    let upstream = try ScriptedUpstream(in: world, port: port)
    upstreams.append(upstream)
    return upstream
  }

  /// What a reload does: the limits first, then the loops.
  package func apply(_ options: RelayOptions) {
    admission.apply(options.limits)
    for relay in relays { relay.apply(options) }
  }

  /// Runs until all that can happen without waiting has happened.
  package func settle() { run(for: .microseconds(1)) }

  /// Lets the clock run; a loop that spins is a fault.
  package func run(for duration: Duration) {
    run(for: duration) { false }
  }

  /// Runs until `isOver` holds, which is asked after every round of the loops.
  package func run(for duration: Duration, stoppingWhen isOver: () -> Bool) {
    let ending = world.run(for: duration, stoppingWhen: isOver)
    if ending == .livelock { faults.append("a loop spins") }
  }
}

// MARK: - Expectations

extension RelayHarness {
  /// Whether the network has kept a client's only head from the relay for longer than the relay
  /// waits for one. Then, and only then, the answer may be 408.
  func isHeadLate(of client: FakePeer) -> Bool {
    !client.wasPrompt(within: relay.options.server.headTimeout)
  }
}

// MARK: - Accounts

extension RelayHarness {
  /// Ends all peers, and returns what is left of what they began, which must be nothing: no
  /// exchange, connection, timer, registration or descriptor, and one entry in the books for each
  /// request.
  package func end() -> [String] {
    for peer in clients + upstreams.flatMap(\.connections) {
      peer.onChange = nil
      peer.close()
    }
    for upstream in upstreams { upstream.close() }
    run(for: .seconds(600))
    checkBalance()
    for listener in listeners { listener.close() }
    // Each relay's resolver and admission desk have a mailbox, and its hub where it is on.
    let mailboxes = zip(relays, loops).map { $1.watchedCount - ($0.hub.isOpen ? 1 : 0) }
    expect(mailboxes, Array(repeating: 2, count: loops.count), "still registered")
    relays = []
    listeners = []
    world.removeLoops()
    loops = []
    expect(world.leftovers, [], "left over")
    return faults
  }

  private func checkBalance() {
    expect(admission.inconsistencies, [], "the limits' own audit")
    for limit in admission.states where limit.inUse != 0 || limit.queued != 0 {
      faults.append("limit \(limit)")
    }
    faults += ledger.faults
    expect(ledger.acceptedCount, ledger.summaries.count, "accepted and ended")
    expect(relays.reduce(0) { $0 + $1.acceptedCount }, ledger.acceptedCount, "accepted")
    expect(relays.reduce(0) { $0 + $1.endedCount }, ledger.summaries.count, "ended")
    expect(relays.reduce(0) { $0 + $1.activeCount }, 0, "active")
    expect(relays.reduce(0) { $0 + $1.hub.openCount }, 0, "kept streams that are open, and readers")
    // Time has dropped the streams; what is still known of them goes where there is no room for it.
    expect(streams.figures.streams, 0, "kept streams")
    var nothing = StreamBounds()
    nothing.memoryBytes = 0
    streams.apply(nothing)
    expect(streams.figures.bytes, 0, "bytes of kept streams")
    expect(relays.reduce(0) { $0 + $1.connectionCount }, 0, "connections")
    expect(connections.openCount, 0, "places of connections")
    expect(relays.reduce(0) { $0 + $1.idleUpstreamCount }, 0, "idle upstream connections")
    expect(loops.map(\.timers.count), Array(repeating: 0, count: loops.count), "timers")
  }

  private func expect<Value: Equatable>(_ found: Value, _ right: Value, _ name: String) {
    if found != right { faults.append("\(name): \(found) instead of \(right)") }
  }
}

// MARK: - Options

extension RelayOptions {
  /// One route for all paths to `up.test`, port 8000 of this machine; times short and all
  /// different, so that a test tells by the clock which one ended something.
  package static func scenario(
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
  package static func local(_ port: UInt16, pathPrefix: String = "") -> EndpointOptions {
    EndpointOptions(
      origin: Origin(host: "127.0.0.1", port: port), authority: "up.test", pathPrefix: pathPrefix)
  }

  package static func named(_ host: String) -> EndpointOptions {
    EndpointOptions(origin: Origin(host: host, port: 8000), authority: host)
  }
}

/// Names as a test knows them; answers at once, through the loop's mailbox.
package struct FakeNames: NameService {
  package var known: [String: [SocketAddress]]

  package init(known: [String: [SocketAddress]] = [:]) { self.known = known }

  package func resolve(
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
