// Streams that are kept for others to read: how much, how long, and by whom.

struct HubSettings: SettingsSection {
  /// What becomes of a reader that does not keep up.
  enum Lag: String, CaseIterable, Sendable {
    case wait, skip, drop
  }

  var retain = Duration.seconds(300)
  var memoryBytes = 64 << 20
  var streamMemoryBytes = 4 << 20
  var streams = 10_000
  var subscribers = 10_000
  var streamSubscribers: Int?
  var onLag = Lag.drop
  var lagLimitBytes = 1 << 20
  var lagWait = Duration.seconds(10)
  /// As browsers write them, or one `*`.
  var corsOrigins: [String] = []

  var websocket = HubSocketSettings()

  static var fields: [SettingField<HubSettings>] { keeping + reading }

  private static var keeping: [SettingField<HubSettings>] {
    [
      .value(
        "retain", \.retain, .duration(),
        help: "How long a stream can be resumed after its end.",
        consequence: "Later it is answered 410, reason expired."),
      .value(
        "memory", \.memoryBytes, .size(1 << 20...64 << 30),
        help: "Memory for all kept streams together.",
        consequence: "When it is full the streams that ended first go; then 410, reason evicted."),
      .value(
        "stream_memory", \.streamMemoryBytes, .size(64 << 10...1 << 30),
        help: "Memory for one kept stream.",
        consequence: "A longer one loses its beginning, and can be resumed near its end alone."),
      .value(
        "streams", \.streams, .integer(1...1_000_000),
        help: "Streams kept at most, running ones included.",
        consequence: "When as many run, a further one is relayed as ever and not kept."),
      .value(
        "subscribers", \.subscribers, .integer(1...1_000_000),
        help: "Readers of all kept streams together; each may have relay_buffer waiting for it.",
        consequence: "A further one is answered 503, reason hub_full."),
      .value(
        "stream_subscribers", \.streamSubscribers,
        SettingKind<Int>.integer(1...1_000_000).or("off"),
        help: "Readers of one kept stream.",
        consequence: "A further one is answered 429, reason stream_full."),
    ]
  }

  private static var reading: [SettingField<HubSettings>] {
    [
      .value(
        "on_lag", \.onLag, .word,
        help: "What becomes of a reader that is further behind a running stream than lag_limit.",
        consequence: "\"drop\" cuts it off, and it can resume; \"skip\" leaves events out and says "
          + "so in an event weir.gap; \"wait\" holds the provider up, and everybody with it."),
      .value(
        "lag_limit", \.lagLimitBytes, .size(16 << 10...1 << 30),
        help: "How far behind a running stream a reader may be.",
        consequence: "Until then a slow reader touches nobody."),
      .value(
        "lag_wait", \.lagWait, .duration(),
        help: "With \"wait\": how long one reader may hold the provider up.",
        consequence: "When it is over the reader is cut off."),
      .values(
        "cors_origins", \.corsOrigins, of: .origin,
        example: .proposed("[\"https://app.example\"]"),
        help: "Pages of which origins may use /weir/ and the routes whose streams are kept.",
        consequence: "Such a page can do what its user's browser can reach; \"*\" means all pages, "
          + "but without cookies."),
      .section("websocket", \.websocket, help: "Sockets of the hub, /weir/ws and others."),
    ]
  }
}

/// Of the hub's own WebSocket endpoints; tunnels have no such bounds.
struct HubSocketSettings: SettingsSection {
  var maxMessageBytes = 4 << 20
  var queueBytes = 256 << 10
  var pingInterval = Duration.seconds(20)

  static var fields: [SettingField<HubSocketSettings>] {
    [
      .value(
        "max_message", \.maxMessageBytes, .size(1 << 10...256 << 20),
        help: "The longest message that a client may send: a command with a request's body.",
        consequence: "A longer one closes its socket with 1009."),
      .value(
        "queue", \.queueBytes, .size(16 << 10...64 << 20),
        help: "Bytes that may wait for one socket's client.",
        consequence: "When they do, its streams wait, and so do their providers."),
      .value(
        "ping_interval", \.pingInterval, .duration(),
        help: "Between two pings.",
        consequence: "A client that does not answer one before the next is due is cut off."),
    ]
  }
}

/// Whether and how a route's streams are kept.
struct RouteHubSettings: SettingsSection {
  enum OnDisconnect: String, CaseIterable, Sendable {
    case cancel
    case `continue`
  }

  /// What a WebSocket handshake opens.
  enum Socket: String, CaseIterable, Sendable {
    case tunnel
    case messages
  }

  var resume = false
  var websocket = Socket.tunnel
  var onDisconnect = OnDisconnect.cancel

  static var fields: [SettingField<RouteHubSettings>] {
    [
      .value(
        "resume", \.resume, .boolean, example: .set("true"),
        help: "Whether streams are kept so that they can be resumed and read by several.",
        consequence: "Answers carry x-weir-stream, and weir itself answers under /weir/."),
      .value(
        "on_disconnect", \.onDisconnect, .word,
        help: "What becomes of a kept stream whose client goes away.",
        consequence: "\"cancel\" stops it at the provider; \"continue\" reads it to its end, which "
          + "costs its tokens, until a DELETE stops it."),
      .value(
        "websocket", \.websocket, .word,
        help: "What a WebSocket handshake to a route with hub.resume opens.",
        consequence: "\"tunnel\" passes it on to the provider; \"messages\" takes one message, the "
          + "body of a POST, and answers with the stream's events as messages."),
    ]
  }
}

extension SettingKind where Value == String {
  /// The origin of a page, as browsers write it.
  static var origin: Self {
    Self(
      name: "an origin",
      allowed: "\"*\", or scheme, host and port of a page, such as \"https://app.example\"",
      parse: { scalar throws(SettingRefusal) in
        guard let text = scalar.string else { throw SettingRefusal() }
        if text == "*" { return text }
        guard !text.hasSuffix("/") else { throw SettingRefusal("has a path") }
        let url = try UpstreamURL(text)
        guard url.path.isEmpty else { throw SettingRefusal("has a path") }
        return url.description
      },
      spell: { quoted($0) })
  }
}
