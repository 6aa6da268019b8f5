// One loop's view of a provider: its options, made ready for use, and its endpoints' connections.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry

/// One address of a provider, its pool, and what is under way there.
final class Endpoint {
  let options: EndpointOptions
  let pool: UpstreamPool
  /// Its place in the settings.
  let index: Int
  var activeCount = 0
  /// nil where there is no other endpoint to go to.
  private let ejection: EjectionOptions?
  /// What the last try to connect said; up until one has failed.
  private(set) var isUp = true
  private(set) var lastTry = Instant(nanoseconds: 0)

  init(_ options: EndpointOptions, index: Int, pool: UpstreamPool, ejection: EjectionOptions?) {
    self.options = options
    self.index = index
    self.pool = pool
    self.ejection = ejection
  }

  // Asked here, where the pool is one step away: a further step counts a reference.

  /// An idle connection, no longer the pool's.
  func takeIdle() -> ClientConnection? { pool.takeIdle() }
  /// Whether the pool keeps it; it is closed otherwise.
  func giveBack(_ connection: consuming ClientConnection) -> Bool { pool.giveBack(connection) }

  func noteTry(succeeded: Bool, at now: Instant) {
    isUp = succeeded
    lastTry = now
    if !succeeded { noteAnswer(succeeded: false, at: now) }
  }

  /// Whether a request sent there was answered, and not with 5xx. In line, because a call would count the
  /// endpoint for each answer.
  @inline(__always)
  func noteAnswer(succeeded: Bool, at now: Instant) {
    guard let ejection else { return }
    if succeeded {
      options.health.succeeded()
    } else {
      options.health.failed(at: now, by: ejection)
    }
  }
}

final class Upstream {
  let options: UpstreamOptions
  let endpoints: [Endpoint]
  let provider: Provider?
  let meter: MetricChild
  // Durations divide slowly, and these are added to a clock for every read.
  let firstByteNanoseconds: UInt64
  let idleNanoseconds: UInt64
  var rateLimits: [RateLimitResource: RateLimitReading] = [:]
  private let loop: EventLoop
  private var turn = 0
  private var checks: HealthChecks?

  init(
    _ options: UpstreamOptions, on loop: EventLoop, resolver: Resolver,
    supplies: ConnectionSupplies,
    metrics: MetricsShard
  ) {
    self.options = options
    self.loop = loop
    let meter = metrics.upstream(options.name)
    self.meter = meter
    provider = options.provider ?? Provider(host: options.endpoints[0].origin.host)
    firstByteNanoseconds = options.firstByteTimeout.wholeNanoseconds
    idleNanoseconds = options.idleTimeout.wholeNanoseconds
    let ejection = options.endpoints.count > 1 ? options.ejection : nil
    endpoints = options.endpoints.enumerated().map { index, endpoint in
      let pool = UpstreamPool(
        to: endpoint.origin, options: options.pool, on: loop, resolver: resolver, supplies: supplies
      )
      pool.idleClosed = { metrics.upstreamConnection(meter, from: .idle, to: nil) }
      return Endpoint(endpoint, index: index, pool: pool, ejection: ejection)
    }
    checks = options.health.map { HealthChecks($0, of: endpoints, on: loop) }
  }

  /// The endpoint for the next try: one that is well and has not been tried, as `balance` says.
  /// One that is not well, before one that this request has just failed at; any, before none.
  func pick(avoiding tried: TriedEndpoints = []) -> Endpoint {
    if endpoints.count == 1 { return endpoints[0] }
    turn = (turn + 1) % endpoints.count
    return best { !tried.contains($0) && $0.options.health.isAvailable(at: loop.now) }
      ?? best { !tried.contains($0) } ?? best { $0.options.health.isAvailable(at: loop.now) }
      ?? endpoints[turn]
  }

  /// Whether `pick` would find one that is well.
  func hasUntried(_ tried: TriedEndpoints) -> Bool {
    endpoints.contains { !tried.contains($0) && $0.options.health.isAvailable(at: loop.now) }
  }

  /// Beginning at each endpoint in turn, so that equals share.
  private func best(where isEligible: (Endpoint) -> Bool) -> Endpoint? {
    var found: Endpoint?
    for step in endpoints.indices {
      let endpoint = endpoints[(turn + step) % endpoints.count]
      guard isEligible(endpoint) else { continue }
      if options.balance == .roundRobin { return endpoint }
      if found.map({ endpoint.activeCount < $0.activeCount }) ?? true { found = endpoint }
    }
    return found
  }

  var idleCount: Int { endpoints.reduce(0) { $0 + $1.pool.idleCount } }

  /// No new connection is to be made here but by exchanges that are under way.
  func retire() {
    for endpoint in endpoints { endpoint.pool.close() }
    checks?.stop()
    checks = nil
  }
}

/// Where a request has failed already; of more than 64 endpoints, two may share a place.
struct TriedEndpoints: ExpressibleByArrayLiteral {
  private var bits: UInt64 = 0

  init(arrayLiteral elements: Endpoint...) {
    for element in elements { insert(element) }
  }

  func contains(_ endpoint: Endpoint) -> Bool { bits & 1 << UInt64(endpoint.index % 64) != 0 }
  mutating func insert(_ endpoint: Endpoint) { bits |= 1 << UInt64(endpoint.index % 64) }
}

/// A route with its upstream at hand. Exchanges keep theirs through a reload.
final class ActiveRoute {
  let route: Route
  /// nil for the route of requests that no route matched.
  let upstream: Upstream?
  let meter: RouteMeter
  let limits: RouteLimits
  // Upstream's own, so that what each read of a stream asks for is one step away. Without an upstream
  // they are never asked for: the exchange ends before it connects.
  let upstreamMeter: MetricChild
  let firstByteNanoseconds: UInt64
  let idleNanoseconds: UInt64
  let streamTimeout: Duration?
  let retriesAnyStatus: Bool
  var lastMeaning: (path: [UInt8], meaning: PathMeaning)?

  init(_ route: Route, to upstream: Upstream?, limits: RouteLimits, metrics: MetricsShard) {
    self.route = route
    self.limits = limits
    self.upstream = upstream
    meter = metrics.route(route.name)
    upstreamMeter = upstream?.meter ?? meter.child
    firstByteNanoseconds = upstream?.firstByteNanoseconds ?? 0
    idleNanoseconds = upstream?.idleNanoseconds ?? 0
    streamTimeout = upstream?.options.streamTimeout
    retriesAnyStatus = upstream?.options.retryStatuses.isEmpty == false
  }

  /// The endpoint for a request's first try; nil without an upstream.
  func pick() -> Endpoint? { upstream?.pick() }

  func matches(_ path: Span<UInt8>) -> Bool {
    let prefix = route.pathPrefix
    guard path.count >= prefix.count else { return false }
    for index in prefix.indices where path[index] != prefix[index] { return false }
    return true
  }
}
