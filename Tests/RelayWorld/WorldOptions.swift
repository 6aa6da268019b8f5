// The settings of a world, as its seed draws them.

internal import Connections
internal import Hub
internal import Relay
internal import TestSupport

extension RelayOptions {
  /// Short times, so that each of them ends something in some worlds; long ones in peaceful
  /// worlds. Buffers from tiny to the default.
  static func drawn(isPeaceful: Bool, _ random: inout SeededRandom) -> RelayOptions {
    var options = RelayOptions.scenario()
    options.relayBufferBytes = [1024, 5000, 65_536].randomElement(using: &random)!
    options.requestBufferBytes = [300, 65_536].randomElement(using: &random)!
    options.upstreams[0].pool.idleLimit = Int.random(in: 0...3, using: &random)
    options.drawLimits(isPeaceful: isPeaceful, &random)
    if random.chance(0.3) { options.upstreams[0].drawEndpoints(&random) }
    guard isPeaceful else {
      options.upstreams[0].attempts = Int.random(in: 1...3, using: &random)
      options.server.slowClientTimeout = .seconds(1)
      options.upstreams[0].firstByteTimeout = .seconds(2)
      options.upstreams[0].idleTimeout = .seconds(2)
      if random.chance(0.2) { options.upstreams[0].streamTimeout = .seconds(3) }
      if random.chance(0.2) { options.requestBodyLimitBytes = 2000 }
      return options
    }
    options.server.headTimeout = .seconds(60)
    options.server.bodyTimeout = .seconds(60)
    options.server.slowClientTimeout = .seconds(60)
    options.server.idleTimeout = .seconds(20)
    options.upstreams[0].pool.connectTimeout = .seconds(30)
    options.upstreams[0].firstByteTimeout = .seconds(60)
    options.upstreams[0].idleTimeout = .seconds(60)
    return options
  }

  /// None, or one or two out of a small number, often with a key; in peaceful worlds queues are
  /// long enough for all.
  private mutating func drawLimits(isPeaceful: Bool, _ random: inout SeededRandom) {
    // `x-odd` is in some requests; bodies are no JSON, so that every model is unknown.
    let bases: [LimitOptions.Basis] = [
      .none, .header(Array("x-odd".utf8)), .model, .client, .route,
    ]
    for basis in bases.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random)) {
      var limit = LimitOptions(
        name: "limit \(limits.count)", by: basis,
        maxStreams: Int.random(in: 1...3, using: &random))
      limit.queueMax = isPeaceful ? 100 : [0, 1, 3, 100].randomElement(using: &random)!
      limit.queueTimeout = isPeaceful ? .seconds(800) : .milliseconds(1700)
      limits.append(limit)
    }
    routes[0].limits = limits.map(\.name)
  }
}

extension UpstreamOptions {
  /// A second endpoint, soon ejected; often with statuses that are tried again.
  fileprivate mutating func drawEndpoints(_ random: inout SeededRandom) {
    endpoints.append(.local(8001))
    balance = random.chance(0.5) ? .roundRobin : .leastStreams
    ejection.failures = Int.random(in: 0...3, using: &random)
    ejection.time = .milliseconds(400)
    if random.chance(0.5) { retryStatuses = [500] }
  }
}

// MARK: - Kept streams

extension RelayOptions {
  /// One more route, whose streams are kept, and one that takes messages for requests. In a world
  /// that is not peaceful there is little memory for them, and little time.
  mutating func drawHub(isPeaceful: Bool, _ random: inout SeededRandom) {
    var kept = RouteHub()
    kept.continuesOnDisconnect = random.chance(0.6)
    for (name, path, takesMessages) in [("messages", "/m/", true), ("kept", "/k/", false)] {
      var route = Route(name: name, pathPrefix: path, upstream: routes.last!.upstream)
      route.limits = routes.last!.limits
      kept.takesMessages = takesMessages
      route.hub = kept
      routes.insert(route, at: 0)
    }
    hub.lag.action = [.drop, .skip, .wait].randomElement(using: &random)!
    hub.lag.limitBytes = [2000, 1 << 20].randomElement(using: &random)!
    hub.lag.waitNanoseconds = 300_000_000
    hub.socket.queueLimitBytes = [2000, 256 * 1024].randomElement(using: &random)!
    hub.socket.pingInterval = .seconds([1, 20].randomElement(using: &random)!)
    guard isPeaceful else {
      hub.bounds.retainNanoseconds = [300_000_000, 60_000_000_000].randomElement(using: &random)!
      hub.bounds.streamBytes = [4000, 20_000, 4 << 20].randomElement(using: &random)!
      hub.bounds.memoryBytes = [10_000, 60_000, 64 << 20].randomElement(using: &random)!
      hub.bounds.streams = [2, 1000].randomElement(using: &random)!
      return
    }
    // Nobody is dropped who only reads slowly, and so answers a ping late.
    hub.socket.pingInterval = .seconds(100)
    hub.lag.action = .wait
    hub.lag.waitNanoseconds = 800_000_000_000
    hub.bounds.retainNanoseconds = 300_000_000_000
  }

  var keepsOnDisconnect: Bool { routes[0].hub?.continuesOnDisconnect ?? false }
}
