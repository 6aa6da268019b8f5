// One loop's view of a provider: its options, made ready for use, and its endpoints' connections.

internal import Connections
internal import IO
internal import Tap
internal import Telemetry

/// One address of a provider, its pool, and what is under way there.
final class Endpoint {
  let options: EndpointOptions
  let pool: UpstreamPool
  var activeCount = 0
  /// What the last try to connect said; up until one has failed.
  private(set) var isUp = true
  private(set) var lastTry = Instant(nanoseconds: 0)

  init(_ options: EndpointOptions, pool: UpstreamPool) {
    self.options = options
    self.pool = pool
  }

  func noteTry(succeeded: Bool, at now: Instant) {
    isUp = succeeded
    lastTry = now
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
  private var turn = 0

  init(
    _ options: UpstreamOptions, on loop: EventLoop, resolver: Resolver, scratch: PayloadScratch,
    metrics: MetricsShard
  ) {
    self.options = options
    let meter = metrics.upstream(options.name)
    self.meter = meter
    provider = options.provider ?? Provider(host: options.endpoints[0].origin.host)
    firstByteNanoseconds = options.firstByteTimeout.wholeNanoseconds
    idleNanoseconds = options.idleTimeout.wholeNanoseconds
    endpoints = options.endpoints.map {
      let pool = UpstreamPool(
        to: $0.origin, options: options.pool, on: loop, resolver: resolver, scratch: scratch)
      pool.idleClosed = { metrics.upstreamConnection(meter, from: .idle, to: nil) }
      return Endpoint($0, pool: pool)
    }
  }

  /// The endpoint for the next try: another one than `failed`, if there is another.
  func pick(avoiding failed: Endpoint?) -> Endpoint {
    if endpoints.count == 1 { return endpoints[0] }
    turn = (turn + 1) % endpoints.count
    // Beginning at each endpoint in turn, so that equals share.
    let candidates = (0..<endpoints.count).map { endpoints[($0 + turn) % endpoints.count] }
      .filter { $0 !== failed }
    switch options.balance {
    case .roundRobin: return candidates[0]
    case .leastStreams: return candidates.min { $0.activeCount < $1.activeCount }!
    }
  }

  var idleCount: Int { endpoints.reduce(0) { $0 + $1.pool.idleCount } }

  func closePools() {
    for endpoint in endpoints { endpoint.pool.close() }
  }
}

/// A route with its upstream at hand. Exchanges keep theirs through a reload.
final class ActiveRoute {
  let route: Route
  let upstream: Upstream
  let meter: RouteMeter
  let limits: RouteLimits
  var lastMeaning: (path: [UInt8], meaning: PathMeaning)?

  init(_ route: Route, to upstream: Upstream, limits: RouteLimits, metrics: MetricsShard) {
    self.route = route
    self.limits = limits
    self.upstream = upstream
    meter = metrics.route(route.name)
  }

  func matches(_ path: Span<UInt8>) -> Bool {
    let prefix = route.pathPrefix
    guard path.count >= prefix.count else { return false }
    for index in prefix.indices where path[index] != prefix[index] { return false }
    return true
  }
}
