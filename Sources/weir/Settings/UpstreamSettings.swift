// The providers that weir connects to.

/// One provider: the same service at one address or several.
struct UpstreamSettings: SettingsSection {
  /// Which endpoint a request goes to.
  enum Balance: String, CaseIterable, Sendable {
    case leastStreams = "least_streams"
    case roundRobin = "round_robin"
  }

  /// The `provider` label; `auto` decides by host and by what the stream shows.
  enum Provider: String, CaseIterable, Sendable {
    case auto, openai, anthropic
    case gemini = "gcp.gemini"
    case ollama
    case azureOpenAI = "azure.ai.openai"
    case bedrock = "aws.bedrock"
    case cohere
    case mistral = "mistral_ai"
    case groq, deepseek
    case xAI = "x_ai"
    case perplexity, openrouter, together, fireworks, vllm, tgi
    case llamaCPP = "llama_cpp"
    case mcp, other
  }

  /// As written; use `targets`.
  var url: UpstreamURL?
  /// As written; use `targets`.
  var endpoints: [UpstreamURL] = []
  var balance = Balance.leastStreams
  var provider = Provider.auto
  var tls = UpstreamTLSSettings()
  var connectTimeout = Duration.seconds(10)
  var firstByteTimeout: Duration? = .seconds(600)
  var idleTimeout: Duration? = .seconds(600)
  var streamTimeout: Duration?
  var retry = RetrySettings()
  var eject = EjectSettings()
  var health = HealthSettings()
  var keepAlive = KeepAliveSettings()
  var delayedAcknowledgements = true

  /// Where it is; never empty, and all of one scheme.
  var targets: [UpstreamURL] { url.map { [$0] } ?? endpoints }

  static var fields: [SettingField<UpstreamSettings>] { places + waits }

  private static var places: [SettingField<UpstreamSettings>] {
    [
      .value(
        "url", \.url, SettingKind<UpstreamURL>.url.optional(),
        flag: .flag("--upstream", "URL"), example: .set("\"https://api.openai.com\""),
        help: "Where the provider is. Its path goes before what is left of the request's.",
        consequence: "Needed, unless there are endpoints."),
      .values(
        "endpoints", \.endpoints, of: .url,
        example: .proposed("[\"http://10.0.0.1:8000\", \"http://10.0.0.2:8000\"]"),
        help: "Several URLs of one service, in place of url.",
        consequence: "Each request goes to one of them, chosen by balance."),
      .value(
        "balance", \.balance, .word,
        help: "How an endpoint is chosen: the one with the fewest open streams, or in turn.",
        consequence: "Streams differ so much in length that turns load endpoints unevenly."),
      .value(
        "provider", \.provider, .word,
        help: "The label provider in metrics and logs; \"auto\" goes by host and by the stream.",
        consequence: "Changes labels alone, never what is relayed."),
      .section("tls", \.tls, help: "TLS towards an https URL."),
    ]
  }

  private static var waits: [SettingField<UpstreamSettings>] {
    [
      .value(
        "connect_timeout", \.connectTimeout, .duration(),
        help: "How long a connection may take: name, TCP over all addresses, and TLS.",
        consequence: "When it is over the client gets 504; the outcome is connect_failed."),
      .value(
        "first_byte_timeout", \.firstByteTimeout, .durationOrOff,
        help: "How long the provider may take from the sent request to its response head.",
        consequence: "When it is over the client gets 504; the outcome is upstream_timeout."),
      .value(
        "idle_timeout", \.idleTimeout, .durationOrOff,
        help: "How long the provider may be silent inside a response.",
        consequence: "When it is over the stream is cut; the outcome is upstream_stalled."),
      .value(
        "stream_timeout", \.streamTimeout, .durationOrOff,
        help: "How long a whole exchange may take from the sent request on.",
        consequence: "When it is over the stream is cut; the outcome is upstream_timeout."),
      .section("retry", \.retry, help: "When a request that failed is sent again."),
      .section(
        "eject", \.eject, help: "When an endpoint that fails is left alone, if there are several."),
      .section("health", \.health, help: "Asking endpoints how they are."),
      .section("keep_alive", \.keepAlive, help: "Connections kept for the next request."),
      .value(
        "delayed_acks", \.delayedAcknowledgements, .boolean, example: .set("true"),
        help: "One TCP acknowledgement for two small reads, once the provider is seen not to wait.",
        consequence: "One that does (Nagle's algorithm) is 40 ms late a few times an hour."),
    ]
  }
}

/// TLS towards a provider. The files are read again on SIGHUP.
struct UpstreamTLSSettings: SettingsSection {
  /// Nil for the system's authorities.
  var caFile: String?
  /// Set together with `clientKey`, or not at all.
  var clientCertificate: String?
  var clientKey: String?
  /// Nil for the URL's host.
  var serverName: String?

  static var fields: [SettingField<UpstreamTLSSettings>] {
    [
      .value(
        "ca_file", \.caFile, SettingKind<String>.path(.certificates).optional(),
        flag: .flag("--upstream-ca", "FILE"), example: .proposed("\"/etc/weir/ca.crt\""),
        help: "Authorities to trust, PEM, in place of the system's.",
        consequence: "A certificate that none of them signed is refused: 502, error type tls."),
      .value(
        "client_certificate", \.clientCertificate,
        SettingKind<String>.path(.certificates).optional(),
        example: .proposed("\"/etc/weir/client.crt\""),
        help: "The certificate, PEM, that weir shows if the provider asks.",
        consequence: "Needs client_key."),
      .value(
        "client_key", \.clientKey, SettingKind<String>.path(.privateKey).optional(),
        example: .proposed("\"/etc/weir/client.key\""),
        help: "The private key, PEM, of client_certificate.",
        consequence: "Needs client_certificate."),
      .value(
        "server_name", \.serverName, SettingKind<String>.hostName.optional(),
        flag: .flag("--upstream-server-name", "NAME"),
        example: .proposed("\"api.openai.com\""),
        help: "The name asked for (SNI) and checked in the certificate, in place of the host.",
        consequence: "Serves where the URL leads to an address or to a tunnel's end."),
    ]
  }
}

struct RetrySettings: SettingsSection {
  /// The first one counted: 1 sends nothing again.
  var attempts = 2
  /// The pause before the second attempt; it doubles with each further one.
  var backoff = Duration.milliseconds(100)
  /// Statuses of a response head after which the request is sent again too.
  var statuses: [Int] = []
  /// The longest `Retry-After` that is waited for.
  var maxWait = Duration.seconds(5)

  static var fields: [SettingField<RetrySettings>] {
    [
      .value(
        "attempts", \.attempts, .integer(1...10),
        help: "How often a request is sent at most; 1 sends none again.",
        consequence: "Only what provably did no work is sent again, unless statuses says more."),
      .value(
        "backoff", \.backoff, .duration(.zero...SettingKind.longest),
        help: "The pause before the second attempt; it doubles with each further one.",
        consequence: "The client waits that much longer."),
      .values(
        "statuses", \.statuses, of: .integer(400...599), example: .proposed("[429, 503]"),
        help: "Statuses of the provider's answer after which a request is sent again.",
        consequence: "The provider may do, and charge, the same work more than once."),
      .value(
        "max_wait", \.maxWait, .duration(.zero...SettingKind.longest),
        help: "The longest Retry-After of such an answer that is waited for.",
        consequence: "An answer that asks for more time goes to the client."),
    ]
  }
}

/// Passive health: what requests met.
struct EjectSettings: SettingsSection {
  /// In a row; 0 for never.
  var failures = 5
  var time = Duration.seconds(10)

  static var fields: [SettingField<EjectSettings>] {
    [
      .value(
        "failures", \.failures, .integer(0...1000),
        help: "So many failures in a row (no connection, no answer, 5xx) eject an endpoint.",
        consequence: "0 never does. Where all are ejected, all are used."),
      .value(
        "time", \.time, .duration(),
        help: "For how long; it doubles with each ejection in a row, up to 32 times this.",
        consequence: "After it the endpoint is used again, and out with its first failure."),
    ]
  }
}

/// Active health: requests of weir's own.
struct HealthSettings: SettingsSection {
  /// Nil asks nobody.
  var path: String?
  var interval = Duration.seconds(10)
  var timeout = Duration.seconds(2)

  static var fields: [SettingField<HealthSettings>] {
    [
      .value(
        "path", \.path, SettingKind<String>.pathPrefix.optional(),
        example: .proposed("\"/health\""),
        help: "Asked of each endpoint with GET; the URL's path is not put before it.",
        consequence: "Two checks in a row without 2xx or 3xx: other endpoints are preferred."),
      .value(
        "interval", \.interval, .duration(),
        help: "How often an endpoint is asked, by all loops together.",
        consequence: "Twice this may pass until a dead endpoint is avoided."),
      .value(
        "timeout", \.timeout, .duration(),
        help: "How long the answer's head may take, connecting included.",
        consequence: "Later is a failed check."),
    ]
  }
}

struct KeepAliveSettings: SettingsSection {
  /// Idle connections kept on each loop.
  var maxIdle = 64
  var idleTimeout = Duration.seconds(60)

  static var fields: [SettingField<KeepAliveSettings>] {
    [
      .value(
        "max_idle", \.maxIdle, .integer(0...10_000),
        help: "Idle connections kept for each loop; 0 keeps none.",
        consequence: "What is over is closed; the next request pays for a new connection."),
      .value(
        "idle_timeout", \.idleTimeout, .duration(),
        help: "How long an idle connection is kept.",
        consequence: "Longer than the provider keeps it gains nothing."),
    ]
  }
}
