// Which requests go where, and what is changed about them on the way.

import Tap

struct RouteSettings: SettingsSection {
  /// How the response is understood.
  enum Dialect: Equatable, CaseIterable, RawRepresentable, Sendable {
    /// By content type, path and what the stream shows.
    case auto
    /// Not at all: bytes are counted, nothing else.
    case off
    case named(DialectName)

    static var allCases: [Dialect] { [.auto, .off] + DialectName.allCases.map(Dialect.named) }

    init?(rawValue: String) {
      switch rawValue {
      case "auto": self = .auto
      case "off": self = .off
      default:
        guard let name = DialectName(rawValue: rawValue) else { return nil }
        self = .named(name)
      }
    }

    var rawValue: String {
      switch self {
      case .auto: "auto"
      case .off: "off"
      case .named(let name): name.rawValue
      }
    }
  }

  var name = ""
  var path = "/"
  /// Whether `path` is taken off before the request goes on.
  var strip = false
  /// A key of `Settings.upstreams`.
  var upstream = ""
  /// Keys of `Settings.limits`, from parent to child.
  var limits: [String] = []
  var dialect = Dialect.auto
  /// The request header whose value is the label `tenant`; nil for none.
  var tenantHeader: String?
  var requestHeaders = RequestHeaderSettings()
  var hub = RouteHubSettings()

  static var fields: [SettingField<RouteSettings>] { ways + meanings }

  private static var ways: [SettingField<RouteSettings>] {
    [
      .value(
        "name", \.name, .label(reserved: "none"), isRequired: true, example: .set("\"openai\""),
        help: "The route's name: the label route in metrics and logs.",
        consequence: "A new name begins new series."),
      .value(
        "path", \.path, .pathPrefix, example: .set("\"/openai/\""),
        help: "What the request's path begins with, as bytes.",
        consequence: "A request that no route matches is answered 404."),
      .value(
        "strip", \.strip, .boolean, example: .set("true"),
        help: "Whether path is taken off the request's path before it goes on.",
        consequence: "With path \"/openai/\", /openai/v1/models becomes /v1/models."),
      .value(
        "upstream", \.upstream, .label(), isRequired: true, example: .set("\"openai\""),
        help: "The name of the upstream that gets the requests.",
        consequence: "It must be one of upstreams."),
      .values(
        "limits", \.limits, of: .label(), example: .set("[\"per-key\"]"),
        help: "The limits that a request must pass, from parent to child.",
        consequence: "It takes a place in all of them, or waits, or is refused with 429."),
    ]
  }

  private static var meanings: [SettingField<RouteSettings>] {
    [
      .value(
        "dialect", \.dialect, .word,
        help: "How answers are understood; \"auto\" goes by content type, path and stream.",
        consequence: "Touches metrics and logs alone; \"off\" leaves only bytes and times."),
      .value(
        "tenant_header", \.tenantHeader,
        SettingKind<String>.headerName(rewritable: false).optional(),
        example: .proposed("\"x-tenant\""),
        help: "A request header whose value becomes the label tenant.",
        consequence: "At most 64 values, then \"other\"; name no header that carries a secret."),
      .section(
        "request_headers", \.requestHeaders,
        help: "Headers changed on the way to the provider, so that the app need not hold its key."),
      .section("hub", \.hub, help: "Streams that survive their connection; see docs/hub.md."),
    ]
  }
}

struct RequestHeaderSettings: SettingsSection {
  /// By name, as it is to be written.
  var set: [String: Secret] = [:]
  var remove: [String] = []

  static var fields: [SettingField<RequestHeaderSettings>] {
    [
      .valuesByName(
        "set", \.set, keys: .headerName(rewritable: true), of: .headerValue,
        example: .proposed("{ authorization: \"Bearer ${OPENAI_API_KEY}\" }"),
        help: "Headers that weir sets, in place of any of that name from the app.",
        consequence: "Whoever can reach the listener acts with these credentials. Values come "
          + "from ${NAME} or file:PATH best, and are masked wherever settings are shown."),
      .values(
        "remove", \.remove, of: .headerName(rewritable: true),
        example: .proposed("[\"x-internal\"]"),
        help: "Headers of the app that do not go on.",
        consequence: "The provider never sees them."),
    ]
  }
}
