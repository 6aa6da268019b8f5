// From settings to what the loops use: files become TLS contexts, names become places.

import Connections
import Hub
import IO
import Relay
import Tap

extension WorkerOptions {
  /// Reads every certificate anew. Throws a line for each file that does not serve.
  init(_ settings: Settings) throws(SetupErrors) {
    var errors: [String] = []
    relay = RelayOptions(settings, errors: &errors)
    listenerTLS = settings.listen.enumerated().map { place, listener in
      settings.tls(of: listener).flatMap { tls in
        Self.context("listen[\(place)].tls", &errors) { () throws(TLSError) in
          try TLSContext(
            server: TLSServerOptions(
              certificateFile: tls.certificate, keyFile: tls.key, clientCAFile: tls.clientCA))
        }
      }
    }
    if !errors.isEmpty { throw SetupErrors(lines: errors) }
  }

  fileprivate static func context(
    _ setting: String, _ errors: inout [String], _ make: () throws(TLSError) -> TLSContext
  ) -> TLSContext? {
    do {
      return try make()
    } catch {
      errors.append("\(setting): \(error.message)")
      return nil
    }
  }
}

/// Settings that are well-formed and still cannot be used.
struct SetupErrors: Error {
  let lines: [String]
}

extension RelayOptions {
  fileprivate init(_ settings: Settings, errors: inout [String]) {
    self.init()
    for (name, upstream) in settings.upstreams.sorted(by: { $0.key < $1.key }) {
      upstreams.append(UpstreamOptions(name, upstream, settings, errors: &errors))
    }
    routes = settings.routes.map(Route.init)
    limits = settings.limits.sorted { $0.key < $1.key }.map { LimitOptions($0.key, $0.value) }
    server.headLimitBytes = settings.maxHeaderBytes
    server.headTimeout = settings.clientHeaderTimeout
    server.bodyTimeout = settings.clientBodyTimeout ?? .unlimited
    server.idleTimeout = settings.clientIdleTimeout
    server.slowClientTimeout = settings.slowClientTimeout ?? .unlimited
    relayBufferBytes = settings.relayBufferBytes
    requestBufferBytes = settings.requestBufferBytes
    requestBodyLimitBytes = settings.maxRequestBodyBytes.map(UInt64.init)
    prices = settings.prices.mapValues {
      ModelPrice(
        input: $0.input, cachedInput: $0.cachedInputPrice, cacheWriteInput: $0.cacheWriteInputPrice,
        output: $0.output)
    }
    tunnelIdleTimeout = settings.tunnelIdleTimeout ?? .unlimited
    hub = HubOptions(settings.hub)
  }
}

extension Settings {
  /// A stream takes two descriptors, so half of them are for clients.
  var connectionLimit: Int { maxConnections ?? max(16, ProcessEnvironment.descriptorLimit / 2) }
}

extension Route {
  fileprivate init(_ settings: RouteSettings) {
    self.init(
      name: settings.name, pathPrefix: settings.path, strips: settings.strip,
      upstream: settings.upstream)
    limits = settings.limits
    requestHeaders.replacements = settings.requestHeaders.set
      .map { (name: Array($0.key.lowercased().utf8), value: $0.value.bytes) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    tenantHeader = settings.tenantHeader.map { Array($0.lowercased().utf8) }
    observes = settings.dialect != .off
    if settings.hub.resume {
      hub = RouteHub()
      hub?.continuesOnDisconnect = settings.hub.onDisconnect == .continue
      hub?.takesMessages = settings.hub.websocket == .messages
    }
    if case .named(let name) = settings.dialect { dialect = name }
    requestHeaders.removals = settings.requestHeaders.remove.map { Array($0.lowercased().utf8) }
  }
}

extension HubOptions {
  fileprivate init(_ settings: HubSettings) {
    self.init()
    bounds.retainNanoseconds = settings.retain.wholeNanoseconds
    bounds.memoryBytes = settings.memoryBytes
    bounds.streamBytes = settings.streamMemoryBytes
    bounds.streams = settings.streams
    bounds.subscribers = settings.subscribers
    bounds.streamSubscribers = settings.streamSubscribers ?? .max
    lag.action =
      switch settings.onLag {
      case .wait: .wait
      case .skip: .skip
      case .drop: .drop
      }
    lag.limitBytes = settings.lagLimitBytes
    socket.messageLimitBytes = settings.websocket.maxMessageBytes
    socket.queueLimitBytes = settings.websocket.queueBytes
    socket.pingInterval = settings.websocket.pingInterval
    lag.waitNanoseconds = settings.lagWait.wholeNanoseconds
    crossOrigin.allowsAny = settings.corsOrigins == ["*"]
    crossOrigin.origins = settings.corsOrigins.filter { $0 != "*" }.map { Array($0.utf8) }
  }
}

extension UpstreamOptions {
  fileprivate init(
    _ name: String, _ upstream: UpstreamSettings, _ settings: Settings, errors: inout [String]
  ) {
    let needsTLS = upstream.targets.contains { $0.scheme == .https }
    let tls = needsTLS ? Self.context(name, upstream.tls, &errors) : nil
    let endpoints = upstream.targets.map { target in
      EndpointOptions(
        origin: Origin(
          host: target.host, port: target.port, tls: target.scheme == .https ? tls : nil,
          serverName: upstream.tls.serverName),
        authority: target.authority, pathPrefix: target.path)
    }
    self.init(name: name, endpoints: endpoints)
    provider = Provider(rawValue: upstream.provider.rawValue)
    balance = upstream.balance == .roundRobin ? .roundRobin : .leastStreams
    pool.connectTimeout = upstream.connectTimeout
    pool.idleLimit = upstream.keepAlive.maxIdle
    pool.idleTimeout = upstream.keepAlive.idleTimeout
    pool.headLimitBytes = settings.maxHeaderBytes
    pool.delaysAcknowledgements = upstream.delayedAcknowledgements
    firstByteTimeout = upstream.firstByteTimeout ?? .unlimited
    idleTimeout = upstream.idleTimeout ?? .unlimited
    streamTimeout = upstream.streamTimeout
    attempts = upstream.retry.attempts
    retryBackoff = upstream.retry.backoff
    retryStatuses = upstream.retry.statuses
    retryWaitLimit = upstream.retry.maxWait
    ejection.failures = upstream.eject.failures
    ejection.time = upstream.eject.time
    health = upstream.health.path.map {
      var health = HealthOptions(path: $0)
      health.interval = upstream.health.interval
      health.timeout = upstream.health.timeout
      return health
    }
  }

  private static func context(
    _ name: String, _ tls: UpstreamTLSSettings, _ errors: inout [String]
  ) -> TLSContext? {
    WorkerOptions.context("upstreams.\(name).tls", &errors) { () throws(TLSError) in
      try TLSContext(
        client: TLSClientOptions(
          caFile: tls.caFile, certificateFile: tls.clientCertificate, keyFile: tls.clientKey,
          serverName: tls.serverName))
    }
  }
}

extension LimitOptions {
  fileprivate init(_ name: String, _ settings: LimitSettings) {
    let basis: Basis =
      switch settings.by {
      case .none: .none
      case .route: .route
      case .model: .model
      case .client: .client
      case .header(let field): .header(Array(field.utf8))
      }
    self.init(name: name, by: basis, maxStreams: settings.maxStreams)
    queueMax = settings.queue.max
    queueTimeout = settings.queue.timeout
    weights = Self.keyed(settings.weights)
    overrides = Self.keyed(settings.overrides)
  }

  private static func keyed(_ values: [String: Int]) -> [LimitKey: Int] {
    var keyed: [LimitKey: Int] = [:]
    // The settings have been checked: a hash that is none does not come this far.
    for (text, value) in values {
      keyed[LimitKey(settingsText: text) ?? LimitKey(of: text)] = value
    }
    return keyed
  }
}

extension Duration {
  /// What `off` means for a timeout: longer than any clock runs.
  fileprivate static let unlimited = Duration.seconds(Int64.max / 2)
}
