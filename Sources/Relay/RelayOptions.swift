// What a relay is told to do: plain values, made from settings, shared by all loops.

package import Connections
package import Tap

/// Where a request goes, by the beginning of its path.
package struct Route: Sendable {
  package var name: String
  /// A path matches if it begins with these bytes; percent-encoding is not interpreted.
  package var pathPrefix: [UInt8]
  /// Take the prefix away before the rest is put behind the upstream's path.
  package var strips: Bool
  package var upstream: String
  /// Names of limits, from parent to child.
  package var limits: [String] = []
  package var requestHeaders = HeaderRules()
  /// Whether answers are lent to the side path.
  package var observes = true
  /// The format of answers, where it is not to be told from them.
  package var dialect: DialectName?
  /// The lowercased name of the request field whose value is the label `tenant`.
  package var tenantHeader: [UInt8]?
  /// Whether and how its streams are kept for others; nil is not at all.
  package var hub: RouteHub?

  package init(
    name: String, pathPrefix: String, strips: Bool = false, upstream: String,
    requestHeaders: HeaderRules = HeaderRules()
  ) {
    self.name = name
    self.pathPrefix = Array(pathPrefix.utf8)
    self.strips = strips
    self.upstream = upstream
    self.requestHeaders = requestHeaders
  }
}

/// Fields that a route sets and removes on the way upstream.
package struct HeaderRules: Sendable {
  /// Lowercased names, and the values that take the place of whatever the client sent.
  package var replacements: [(name: [UInt8], value: [UInt8])] = []
  /// Lowercased names.
  package var removals: [[UInt8]] = []

  package init() {}

  package var isEmpty: Bool { replacements.isEmpty && removals.isEmpty }
}

/// One address of a provider.
package struct EndpointOptions: Sendable {
  package var origin: Origin
  /// Put before what is left of the request path; no slash at its end.
  package var pathPrefix: [UInt8] = []
  /// The value of `Host`.
  package var authority: [UInt8]
  /// Shared by all that these options are copied to.
  package let health = EndpointHealth()

  package init(origin: Origin, authority: String, pathPrefix: String = "") {
    self.origin = origin
    self.authority = Array(authority.utf8)
    self.pathPrefix = Array(pathPrefix.utf8)
  }
}

/// A provider, and how patient weir is with it.
package struct UpstreamOptions: Sendable {
  /// Which endpoint the next request goes to.
  package enum Balance: Sendable {
    /// The one with the fewest exchanges of this loop.
    case leastStreams
    case roundRobin
  }

  package var name: String
  /// Who serves the model; nil to tell it from what streams show.
  package var provider: Provider?
  /// Never empty.
  package var endpoints: [EndpointOptions]
  package var balance = Balance.leastStreams
  package var pool = PoolOptions()
  /// From the last request byte sent to the answer's head.
  package var firstByteTimeout = Duration.seconds(600)
  /// The longest silence inside an answer.
  package var idleTimeout = Duration.seconds(600)
  /// The whole exchange; nil is no limit.
  package var streamTimeout: Duration?
  /// Tries in all, the first included.
  package var attempts = 2
  /// Before the second try; doubles with each further one.
  package var retryBackoff = Duration.milliseconds(100)
  /// Statuses after which a request that is still whole in its buffer is tried again.
  package var retryStatuses: [Int] = []
  /// The longest that a `Retry-After` is waited for.
  package var retryWaitLimit = Duration.seconds(5)
  /// Only where there are several endpoints.
  package var ejection = EjectionOptions()
  package var health: HealthOptions?

  package init(name: String, endpoints: [EndpointOptions]) {
    self.name = name
    self.endpoints = endpoints
  }
}

/// One generation of a relay's settings.
package struct RelayOptions: Sendable {
  /// The first that matches serves.
  package var routes: [Route] = []
  package var upstreams: [UpstreamOptions] = []
  package var limits: [LimitOptions] = []
  package var server = ServerOptions()
  /// Bytes held for one side while the other does not take them.
  package var relayBufferBytes = 64 * 1024
  /// Bytes of a request held until it may not be sent again.
  package var requestBufferBytes = 64 * 1024
  /// nil is no limit.
  package var requestBodyLimitBytes: UInt64?
  package var tunnelIdleTimeout = Duration.seconds(3600)
  /// By model name.
  package var prices: [String: ModelPrice] = [:]
  package var hub = HubOptions()

  package init() {}
}
