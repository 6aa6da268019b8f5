// The commands of weir and their own options. The flags that stand for settings come from the
// table of settings.

enum CommandName: String, CaseIterable, Sendable {
  case run, demo, check, observe, simulate, top, healthcheck, reload, drain, help, version

  var summary: String {
    switch self {
    case .run: "relay streams; `weir --upstream URL` alone is enough"
    case .demo: "a simulated provider, weir in front of it, and traffic, on free loopback ports"
    case .check: "check the settings and say what is wrong with them"
    case .observe: "read a recorded body and print what it holds as one JSON object"
    case .simulate: "a scripted provider that replays recorded streams, faults included"
    case .top: "live streams and limits in the terminal; plain text once where there is none"
    case .healthcheck: "exit 0 if weir is ready, for container probes"
    case .reload: "have a running weir read its settings again, as SIGHUP does"
    case .drain: "have a running weir end its streams and exit, as SIGTERM does"
    case .help: "this text, or more on a command or on the settings"
    case .version: "the version"
    }
  }

  /// What may stand besides options, as the usage line shows it; nil for nothing.
  var operand: String? {
    switch self {
    case .observe: "[FILE|-]"
    case .help: "[COMMAND|settings]"
    case .run, .demo, .check, .simulate, .top, .healthcheck, .reload, .drain, .version: nil
    }
  }

  /// Options other than the flags of settings.
  var options: [CommandOption] {
    switch self {
    case .run: [.config, .watchConfig, .takeover]
    case .check: [.config, .print]
    case .demo: [.seconds]
    case .observe: [.contentType, .path, .contentEncoding, .status]
    case .simulate: [.listen, .replay, .certificate, .key]
    case .top: [.admin, .once]
    case .healthcheck, .reload, .drain: [.admin]
    case .help: [.format]
    case .version: []
    }
  }

  /// Whether it takes the flags that stand for settings.
  var takesSettings: Bool { self == .run || self == .check }
}

/// One option of a command.
struct CommandOption: Equatable, Sendable {
  /// With its dashes.
  let name: String
  /// What stands for the value; nil for an option that takes none.
  let placeholder: String?
  let help: String

  static let config = CommandOption(
    name: "--config", placeholder: "FILE", help: "the settings file, JSON5 (WEIR_CONFIG)")
  static let watchConfig = CommandOption(
    name: "--watch-config", placeholder: nil,
    help: "read the settings again whenever their files change, certificates and secrets included")
  static let takeover = CommandOption(
    name: "--takeover", placeholder: "PATH",
    help: "take the listening sockets from the weir that offers them at this unix socket")
  static let print = CommandOption(
    name: "--print", placeholder: nil,
    help: "print the settings in force and where each came from, secrets masked")
  static let seconds = CommandOption(
    name: "--seconds", placeholder: "N", help: "end after this time; without it, at Ctrl-C")
  static let contentType = CommandOption(
    name: "--content-type", placeholder: "TYPE", help: "the body's Content-Type")
  static let path = CommandOption(
    name: "--path", placeholder: "PATH", help: "the path of the request it answered")
  static let contentEncoding = CommandOption(
    name: "--content-encoding", placeholder: "ENCODING", help: "the body's Content-Encoding")
  static let status = CommandOption(
    name: "--status", placeholder: "N", help: "the response's status; 200 if not given")
  static let listen = CommandOption(
    name: "--listen", placeholder: "ADDR", help: "where to listen; 127.0.0.1:9348 if not given")
  static let replay = CommandOption(
    name: "--replay", placeholder: "DIR", help: "recordings to replay, besides the built-in ones")
  static let certificate = CommandOption(
    name: "--certificate", placeholder: "FILE", help: "speak TLS with this certificate, PEM")
  static let key = CommandOption(
    name: "--key", placeholder: "FILE", help: "the certificate's private key, PEM")
  static let admin = CommandOption(
    name: "--admin", placeholder: "ADDR",
    help: "weir's admin address (WEIR_ADMIN); 127.0.0.1:9347 if not given")
  static let once = CommandOption(
    name: "--once", placeholder: nil, help: "print what there is as plain text, and end")
  static let format = CommandOption(
    name: "--format", placeholder: "FORMAT",
    help: "of `help settings`: text, markdown or example")
}
