// What one setting asks of another. That each value alone is of its kind has been checked before.

internal import IO

enum SettingsChecks {
  /// Runs after reading, whether or not that found mistakes; of what is found here, nothing is
  /// kept that only follows from them.
  static func run(_ settings: Settings, _ reading: inout SettingsReading) {
    let count = reading.errors.count
    if count == 0 { checkPresence(settings, &reading) }
    checkListeners(settings, &reading)
    checkUpstreams(settings, &reading)
    checkRoutes(settings, &reading)
    checkLimits(settings, &reading)
    checkHub(settings.hub, &reading)
    reading.dropConsequences(ofFirst: count)
  }

  private static func checkPresence(_ settings: Settings, _ reading: inout SettingsReading) {
    if settings.upstreams.isEmpty {
      reading.refuse(
        "upstreams",
        "there is none; give --upstream URL, or --config FILE with upstreams and routes in it")
    } else if settings.routes.isEmpty {
      reading.refuse(
        "routes", "there is none; allowed: [{ name: …, path: \"/\", upstream: … }, …]")
    }
  }

  /// What is allowed but has no effect.
  static func warnings(_ settings: Settings, _ reading: SettingsReading) -> [String] {
    let upstreams = Set(settings.routes.map(\.upstream))
    let limits = Set(settings.routes.flatMap(\.limits))
    let unused =
      settings.upstreams.keys.filter { !upstreams.contains($0) }.map { ("upstreams", $0) }
      + settings.limits.keys.filter { !limits.contains($0) }.map { ("limits", $0) }
    return unused.map { section, name in
      let path = SettingsReading.path(section, name)
      return "\(reading.origin(of: path)): \(path): no route uses it"
    }.sorted()
  }

  // MARK: Listeners

  private static func checkListeners(_ settings: Settings, _ reading: inout SettingsReading) {
    var seen: [SocketAddress: String] = [:]
    if let admin = settings.admin.listen { seen[admin] = "admin.listen" }
    for (index, listener) in settings.listen.enumerated() {
      let path = "listen[\(index)].address"
      guard listener.address.isUnix || listener.address.port != 0 else { continue }
      if let other = seen.updateValue(path, forKey: listener.address) {
        reading.refuse(
          path,
          "\(listener.address) is the address of \(other) too; each needs one of its own")
      }
    }
  }

  // MARK: Upstreams

  private static func checkUpstreams(_ settings: Settings, _ reading: inout SettingsReading) {
    for (name, upstream) in settings.upstreams {
      let path = SettingsReading.path("upstreams", name)
      checkTargets(upstream, path, &reading)
      if (upstream.tls.clientCertificate == nil) != (upstream.tls.clientKey == nil) {
        reading.refuse(
          path + ".tls", "client_certificate and client_key need each other; set both or none")
      }
    }
  }

  private static func checkTargets(
    _ upstream: UpstreamSettings, _ path: String, _ reading: inout SettingsReading
  ) {
    guard (upstream.url == nil) != upstream.endpoints.isEmpty else {
      let trouble = upstream.url == nil ? "both are missing" : "both are set"
      reading.refuse(path, "url and endpoints: \(trouble); set one of them")
      return
    }
    for (index, endpoint) in upstream.endpoints.enumerated().dropFirst() {
      let path = "\(path).endpoints[\(index)]"
      if endpoint.scheme != upstream.endpoints[0].scheme {
        reading.refuse(path, "endpoints of one upstream are all https, or all http")
      }
      if upstream.endpoints[..<index].contains(endpoint) {
        reading.refuse(path, "\(endpoint) stands in the list already")
      }
    }
  }

  // MARK: Routes

  private static func checkRoutes(_ settings: Settings, _ reading: inout SettingsReading) {
    for (index, route) in settings.routes.enumerated() {
      let path = "routes[\(index)]"
      let earlier = settings.routes[..<index]
      if let twin = earlier.firstIndex(where: { $0.name == route.name }) {
        reading.refuse(path + ".name", "routes[\(twin)] is called \"\(route.name)\" too")
      }
      if let first = earlier.firstIndex(where: { $0.hides(route) }) {
        reading.refuse(
          path + ".path",
          "routes[\(first)] (\"\(earlier[first].path)\") matches all of \"\(route.path)\" before "
            + "this route can; put this one first")
      }
      refuseUnknown(
        route.upstream, "upstream", settings.upstreams.keys, path + ".upstream", &reading)
      checkLimits(of: route, path + ".limits", settings, &reading)
      checkHeaders(route.requestHeaders, path + ".request_headers", &reading)
    }
  }

  private static func checkLimits(
    of route: RouteSettings, _ path: String, _ settings: Settings,
    _ reading: inout SettingsReading
  ) {
    for (index, name) in route.limits.enumerated() {
      let path = "\(path)[\(index)]"
      refuseUnknown(name, "limit", settings.limits.keys, path, &reading)
      if route.limits[..<index].contains(name) {
        reading.refuse(path, "\"\(name)\" stands in the list already")
      }
    }
  }

  private static func refuseUnknown(
    _ name: String, _ what: String, _ known: some Sequence<String>, _ path: String,
    _ reading: inout SettingsReading
  ) {
    let names = known.sorted()
    guard !names.contains(name) else { return }
    let list = names.isEmpty ? "\(what)s is empty" : "allowed: \(names.joined(separator: ", "))"
    let advice = nearestName(to: name, among: names).map { "is \"\($0)\" meant?" } ?? list
    reading.refuse(path, "there is no \(what) \"\(name)\"; \(advice)")
  }

  private static func checkHeaders(
    _ headers: RequestHeaderSettings, _ path: String, _ reading: inout SettingsReading
  ) {
    var seen: [String: String] = [:]
    for name in headers.set.keys.sorted() {
      if let other = seen.updateValue(name, forKey: name.lowercased()) {
        reading.refuse(
          SettingsReading.path(path + ".set", name), "\"\(other)\" is the same header")
      }
    }
    for (index, name) in headers.remove.enumerated() where seen[name.lowercased()] != nil {
      reading.refuse(
        "\(path).remove[\(index)]", "\"\(name)\" is set too, which already replaces the app's")
    }
  }

  // MARK: Limits

  private static func checkLimits(_ settings: Settings, _ reading: inout SettingsReading) {
    for (name, limit) in settings.limits where limit.by == .none {
      let path = SettingsReading.path("limits", name)
      for (key, isEmpty) in [
        ("weights", limit.weights.isEmpty), ("overrides", limit.overrides.isEmpty),
      ] where !isEmpty {
        reading.refuse("\(path).\(key)", "the limit has no keys; set by, or leave this out")
      }
    }
  }
}

extension SettingsChecks {
  fileprivate static func checkHub(_ hub: HubSettings, _ reading: inout SettingsReading) {
    if hub.streamMemoryBytes > hub.memoryBytes {
      reading.refuse("hub.stream_memory", "is more than hub.memory, which is for all streams")
    }
    if hub.lagLimitBytes > hub.streamMemoryBytes / 2 {
      reading.refuse(
        "hub.lag_limit",
        "is more than half of hub.stream_memory: what a slow reader wants would be gone first")
    }
    if hub.corsOrigins.count > 1, hub.corsOrigins.contains("*") {
      reading.refuse("hub.cors_origins", "\"*\" stands for all and goes alone")
    }
  }
}

extension RouteSettings {
  /// Whether no request can get past this route to `later`.
  fileprivate func hides(_ later: RouteSettings) -> Bool {
    path == later.path || path.hasSuffix("/") && later.path.hasPrefix(path)
  }
}
