// What is compared: no proxy at all, weir, and its peers, each with its command line and the
// template of its configuration.

import Glibc
import IO

struct Target: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// Clients talk to the provider itself: what the bench costs without a proxy.
    case direct
    case weir
    /// weir that does not look at events.
    case blind
    case peer
  }

  var name: String
  var kind: Kind
  /// With placeholders; see `Placement`.
  var command: [String] = []
  /// The template's name in the directory of peers.
  var template: String?
  /// Prints a version.
  var versionCommand: [String] = []

  static let direct = Target(name: "direct", kind: .direct)

  /// Where bench/install-peers puts it.
  private static let envoy = ".build/peers/envoy"

  static let peers = [
    Target(
      name: "nginx", kind: .peer,
      command: ["nginx", "-p", "{directory}", "-e", "{directory}/nginx.log", "-c", "{config}"],
      template: "nginx.conf", versionCommand: ["nginx", "-v"]),
    Target(
      name: "haproxy", kind: .peer, command: ["haproxy", "-db", "-f", "{config}"],
      template: "haproxy.cfg", versionCommand: ["haproxy", "-v"]),
    Target(
      name: "envoy", kind: .peer,
      command: [
        envoy, "--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c", "{config}",
      ],
      template: "envoy.yaml", versionCommand: [envoy, "--version"]),
    Target(
      name: "caddy", kind: .peer,
      // It would leave a copy of its configuration in the home directory.
      command: [
        "env", "XDG_CONFIG_HOME={directory}", "caddy", "run", "--config", "{config}", "--adapter",
        "caddyfile",
      ],
      template: "caddy.caddyfile", versionCommand: ["caddy", "version"]),
  ]

  static func weir(name: String, path: String, arguments: String?) -> Target {
    let plain =
      "run --upstream {scheme}://{upstream} --listen {listen} --admin off --loops 1 --log-to off"
    let words = (arguments ?? plain).split(separator: " ").map(String.init)
    // {ca} is empty without TLS, and empty words are left out.
    let tls = arguments == nil ? ["{ca-flags}"] : []
    return Target(
      name: name, kind: .weir, command: [path] + words + tls, versionCommand: [path, "version"])
  }

  /// The same weir with observation turned off.
  static func blind(_ weir: (name: String, path: String)) -> Target {
    Target(
      name: "\(weir.name)-blind", kind: .blind,
      command: [weir.path, "run", "--config", "{config}", "{ca-flags}"],
      template: "weir-blind.json5", versionCommand: [weir.path, "version"])
  }

  /// weir with so many loops, on whichever of the first two cores.
  func with(loops: Int) -> Target {
    var target = self
    if let place = command.firstIndex(of: "--loops") {
      target.command[place + 1] = String(loops)
    }
    target.command =
      ["taskset", "-c", "\(Rig.proxyProcessor),\(Rig.ownProcessor)"] + target.command
    return target
  }

  /// Whether it is a proxy.
  var hasUpstream: Bool { kind != .direct }

  /// Its path, or a name to be looked up in PATH; nil for none.
  var program: String? { command.first { $0 != "env" && !$0.contains("=") } }

  /// Whether its program is there.
  var isInstalled: Bool {
    guard let program else { return true }
    if program.contains("/") { return access(program, X_OK) == 0 }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin"]
    return directories.contains { access("\($0)/\(program)", X_OK) == 0 }
  }
}

/// Where a target runs: what its placeholders stand for.
struct Placement {
  /// For the target's own files.
  var directory: String
  var listen: SocketAddress
  var upstream: SocketAddress
  /// The provider's authority, as a PEM file; nil for a plaintext provider.
  var authority: String?

  /// `text` with every placeholder filled in. Lines that begin with `#tls ` or `#plain ` count
  /// only with a provider of that kind, and are comments otherwise.
  func fill(_ text: String) -> String {
    var filled = text
    for (name, value) in values { filled = filled.replacing(name, with: value) }
    let marker = authority == nil ? "#plain " : "#tls "
    return filled.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let indent = line.prefix { $0 == " " || $0 == "\t" }
      let text = line[indent.endIndex...]
      return text.hasPrefix(marker) ? indent + text.dropFirst(marker.count) : line
    }.joined(separator: "\n")
  }

  /// A command with its placeholders filled in; words that come out empty are left out.
  func fill(_ command: [String]) -> [String] {
    command.flatMap { word in
      word == "{ca-flags}" ? authorityFlags : [fill(word)].filter { !$0.isEmpty }
    }
  }

  /// Envoy goes by the suffix; nobody else does.
  var config: String { directory + "/config.yaml" }

  private var authorityFlags: [String] {
    guard let authority else { return [] }
    return ["--upstream-ca", authority, "--upstream-server-name", "localhost"]
  }

  private var values: [(String, String)] {
    [
      ("{directory}", directory), ("{config}", config), ("{listen}", listen.description),
      ("{listen-port}", String(listen.port)), ("{upstream-port}", String(upstream.port)),
      ("{upstream}", upstream.description), ("{scheme}", authority == nil ? "http" : "https"),
      ("{ca}", authority ?? ""),
    ]
  }
}
