// What each command was asked to do, once its arguments have been understood.

internal import IO

/// One setting's flag as it was given.
struct FlagValue: Equatable, Sendable {
  let flag: String
  let text: String
}

/// Of `weir run` and `weir check`.
struct RunArguments: Equatable, Sendable {
  /// The settings file; `WEIR_CONFIG` serves where it is nil.
  var config: String?
  /// Reload whenever a file that the settings came from changes.
  var watchesConfig = false
  /// The unix socket at which a running weir offers its listening sockets.
  var takeover: String?
  /// The flags of the settings, in the order given.
  var flags: [FlagValue] = []
}

struct ObserveArguments: Equatable, Sendable {
  /// `-` for standard input.
  var file = "-"
  var contentType: String?
  var path: String?
  var contentEncoding: String?
  var status = 200
}

struct SimulateArguments: Equatable, Sendable {
  var listen = SocketAddress.loopback(port: 9348)
  /// A folder of recordings; nil for those that weir brings.
  var replay: String?
  /// The paths of a certificate and its key, PEM; nil for plaintext.
  var tls: TLSFiles?

  struct TLSFiles: Equatable, Sendable {
    let certificate: String
    let key: String
  }
}

struct TopArguments: Equatable, Sendable {
  var admin = SocketAddress.loopback(port: 9347)
  /// Print once and end, also on a terminal.
  var once = false
}

enum HelpTopic: Equatable, Sendable {
  case overview
  case command(CommandName)
  case settings(SettingsFormat)
}

/// How the table of settings is written out.
enum SettingsFormat: String, CaseIterable, Sendable {
  case text, markdown, example
}
