// What weir can be told, from the top. Each section declares its properties, whose initial values
// are the defaults, and beside them the rows of the table that say what they mean.

internal import IO

/// All settings of one process, checked: whoever holds a value need not check it again.
struct Settings: SettingsSection {
  /// Never empty.
  var listen = [ListenerSettings()]
  /// For listeners without their own; use `tls(of:)`.
  var tls: ListenerTLSSettings?
  var admin = AdminSettings()
  /// Nil takes `AvailableProcessors.count`.
  var loops: Int?
  var backlog = 4096
  /// Nil takes half of the descriptors; use `connectionLimit`.
  var maxConnections: Int?
  var upstreams: [String: UpstreamSettings] = [:]
  /// The first that matches wins. Never empty.
  var routes: [RouteSettings] = []
  var limits: [String: LimitSettings] = [:]
  /// By model name.
  var prices: [String: PriceSettings] = [:]
  var log = LogSettings()
  var hub = HubSettings()
  var relayBufferBytes = 64 << 10
  var requestBufferBytes = 64 << 10
  var maxHeaderBytes = 64 << 10
  var maxRequestBodyBytes: Int?
  var clientHeaderTimeout = Duration.seconds(10)
  var clientBodyTimeout: Duration? = .seconds(60)
  var clientIdleTimeout = Duration.seconds(75)
  var slowClientTimeout: Duration? = .seconds(60)
  var tunnelIdleTimeout: Duration? = .seconds(3600)
  var drainTimeout = Duration.seconds(30)
  var drainDelay = Duration.zero
  /// The path of the unix socket at which the listening sockets are offered.
  var takeover: String?
  var maxSeries = 20_000

  /// The TLS of a listener; nil for plaintext.
  func tls(of listener: ListenerSettings) -> ListenerTLSSettings? {
    listener.tls ?? tls
  }

  static var fields: [SettingField<Settings>] {
    doors + traffic + buffers + waits + ending
  }

  private static var doors: [SettingField<Settings>] {
    [
      .oneOrMore(
        "listen", \.listen, shorthand: "address", flag: .flag("--listen", "ADDR"),
        reload: .atStart,
        help: "Where apps connect: an address, an object { address, tls }, or a list of these.",
        consequence: "Whoever reaches it can use the routes and the keys that they add."),
      .optionalSection(
        "tls", \.tls,
        help: "Speak TLS on every listener that has no tls of its own, those on unix sockets too."),
      .section("admin", \.admin, help: "Metrics, health, status: never for the public."),
      .value(
        "loops", \.loops, .loopCount, flag: .flag("--loops", "N"),
        reload: .atStart,
        help: "Event loops, one thread each; \"auto\" takes as many as weir may use processors.",
        consequence: "A connection stays on one loop; more loops than processors gain nothing."),
      .value(
        "backlog", \.backlog, .integer(1...65_535), flag: .flag("--backlog", "N"),
        reload: .atStart,
        help: "Connections that wait in each listener's queue until weir accepts them.",
        consequence: "The kernel caps it at net.core.somaxconn; beyond it clients wait or fail."),
      .value(
        "max_connections", \.maxConnections, .connectionCount,
        flag: .flag("--max-connections", "N"),
        help:
          "Client connections at once; \"auto\" takes half of the descriptors that weir may open.",
        consequence: "Who comes beyond it gets 503 and is closed; what is open goes on."),
    ]
  }

  private static var traffic: [SettingField<Settings>] {
    [
      .sectionsByName(
        "upstreams", \.upstreams, names: .label(), example: "openai", flagged: "default",
        help: "The providers, by a name that routes and metrics use."),
      .sections(
        "routes", \.routes,
        help: "Which requests go where; the first route whose path begins the request's wins."),
      .sectionsByName(
        "limits", \.limits, names: .label(), example: "per-key", flagged: "all",
        help: "How many streams may run at once, by a name that routes and metrics use."),
      .sectionsByName(
        "prices", \.prices, names: .plain, example: "gpt-4o",
        help: "What tokens cost, by model name; without a price no cost is counted."),
      .section("log", \.log, help: "One JSON line for each exchange that ended."),
      .section("hub", \.hub, help: "Bounds of the streams that routes with hub.resume keep."),
      .value(
        "max_series", \.maxSeries, .integer(1_000...1_000_000),
        flag: .flag("--max-series", "N"),
        reload: .atStart,
        help: "Metric series to keep at most.",
        consequence: "At the limit what is new is counted under \"other\"."),
    ]
  }

  private static var buffers: [SettingField<Settings>] {
    [
      .value(
        "relay_buffer", \.relayBufferBytes, .size(4 << 10...16 << 20),
        flag: .flag("--relay-buffer", "SIZE"),
        help: "Bytes held for a peer that refuses more, each way of an exchange.",
        consequence: "When it is full weir stops reading the other side until it is half empty."),
      .value(
        "request_buffer", \.requestBufferBytes, .size(0...64 << 20),
        flag: .flag("--request-buffer", "SIZE"),
        help: "Bytes of a request kept until its answer begins, so that it can be sent again.",
        consequence: "A longer request is never sent again."),
      .value(
        "max_header_bytes", \.maxHeaderBytes, .size(1 << 10...1 << 20),
        flag: .flag("--max-header-bytes", "SIZE"),
        help: "The largest request or response head.",
        consequence: "A larger request is answered 431; a larger response is malformed, 502."),
      .value(
        "max_request_body", \.maxRequestBodyBytes, .sizeOrOff(1...1 << 40),
        flag: .flag("--max-request-body", "SIZE"),
        help: "The largest request body.",
        consequence: "A larger one is answered 413, or cut if its answer has begun."),
    ]
  }

  private static var waits: [SettingField<Settings>] {
    [
      .value(
        "client_header_timeout", \.clientHeaderTimeout, .duration(),
        flag: .flag("--client-header-timeout", "TIME"),
        help: "How long a client may take from the first byte of a request's head to its end.",
        consequence: "When it is over the client gets 408."),
      .value(
        "client_body_timeout", \.clientBodyTimeout, .durationOrOff,
        flag: .flag("--client-body-timeout", "TIME"),
        help: "How long a client may send nothing of a body that it owes.",
        consequence: "When it is over the client gets 408, or is cut if its answer has begun."),
      .value(
        "client_idle_timeout", \.clientIdleTimeout, .duration(),
        flag: .flag("--client-idle-timeout", "TIME"),
        help: "How long a client's connection is kept without a request on it.",
        consequence: "When it is over the connection is closed."),
      .value(
        "slow_client_timeout", \.slowClientTimeout, .durationOrOff,
        flag: .flag("--slow-client-timeout", "TIME"),
        help: "How long a client may take nothing of what waits for it.",
        consequence: "When it is over the stream is cut; its outcome is slow_client."),
      .value(
        "tunnel_idle_timeout", \.tunnelIdleTimeout, .durationOrOff,
        flag: .flag("--tunnel-idle-timeout", "TIME"),
        help: "How long a tunnel (WebSocket) may be silent both ways.",
        consequence: "When it is over the tunnel is closed; no other timeout runs on it."),
    ]
  }

  private static var ending: [SettingField<Settings>] {
    [
      .value(
        "drain_timeout", \.drainTimeout, .duration(.zero...SettingKind.longest),
        flag: .flag("--drain-timeout", "TIME"),
        help: "How long open streams may go on after SIGTERM.",
        consequence: "What is open then is cut and counted; the outcome is drained. Give the "
          + "supervisor a longer grace period than this and drain_delay together."),
      .value(
        "drain_delay", \.drainDelay, .duration(.zero...SettingKind.longest),
        flag: .flag("--drain-delay", "TIME"),
        help: "How long listeners stay open after SIGTERM, answering new requests with 503.",
        consequence: "Gives a load balancer time to see that weir is no longer ready."),
      .value(
        "takeover", \.takeover, SettingKind<String>.path().optional(), reload: .atStart,
        example: .proposed("\"/run/weir/takeover.sock\""),
        help: "The unix socket at which weir offers its listening sockets to a successor.",
        consequence: "`weir run --takeover PATH` takes them from there, and this weir drains."),
    ]
  }
}
