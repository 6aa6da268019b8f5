// Where weir listens: for apps, and for whoever watches over it.

internal import IO

/// One address for apps.
struct ListenerSettings: SettingsSection {
  var address = SocketAddress.loopback(port: 9346)
  var tls: ListenerTLSSettings?

  static var fields: [SettingField<ListenerSettings>] {
    [
      .value(
        "address", \.address, .address, reload: .atStart,
        help: "The address; port 0 takes a free one.",
        consequence: "A port that another process holds ends weir with exit code 2."),
      .optionalSection("tls", \.tls, help: "Speak TLS on this listener."),
    ]
  }
}

/// TLS towards apps. The files are read again on SIGHUP.
struct ListenerTLSSettings: SettingsSection {
  /// The path of the chain in PEM, weir's own certificate first.
  var certificate = ""
  var key = ""
  /// Where it is set, clients must show a certificate that one of these signed.
  var clientCA: String?

  static var fields: [SettingField<ListenerTLSSettings>] {
    [
      .value(
        "certificate", \.certificate, .path(.certificates), isRequired: true,
        example: .proposed("\"/etc/weir/tls.crt\""),
        help: "The certificate and its chain, PEM.",
        consequence: "Clients check it; SIGHUP reads it again, so that it can be renewed."),
      .value(
        "key", \.key, .path(.privateKey), isRequired: true,
        example: .proposed("\"/etc/weir/tls.key\""),
        help: "The certificate's private key, PEM.",
        consequence: "SIGHUP reads it again."),
      .value(
        "client_ca", \.clientCA, SettingKind<String>.path(.certificates).optional(),
        example: .proposed("\"/etc/weir/clients.crt\""),
        help: "Authorities, PEM, of which one must have signed the client's certificate.",
        consequence: "A client without such a certificate fails its handshake."),
    ]
  }
}

/// The admin port.
struct AdminSettings: SettingsSection {
  /// Nil for none.
  var listen: SocketAddress? = .loopback(port: 9347)

  static var fields: [SettingField<AdminSettings>] {
    [
      .value(
        "listen", \.listen, .addressOrOff, flag: .flag("--admin", "ADDR|off"), reload: .atStart,
        help: "Where metrics, health and status are served.",
        consequence: "\"off\" serves none; `weir healthcheck` then has nobody to ask.")
    ]
  }
}
