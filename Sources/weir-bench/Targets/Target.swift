// What is compared: no proxy at all, weir, and its peers, each with its command line and the
// template of its configuration.

import Glibc
import IO

struct Target: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// Clients talk to the provider itself: what the bench costs without a proxy.
    case direct
    case weir
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

  static let peers = [
    Target(
      name: "nginx", kind: .peer,
      command: ["nginx", "-p", "{directory}", "-e", "{directory}/nginx.log", "-c", "{config}"],
      template: "nginx.conf", versionCommand: ["nginx", "-v"]),
    Target(
      name: "haproxy", kind: .peer, command: ["haproxy", "-db", "-f", "{config}"],
      template: "haproxy.cfg", versionCommand: ["haproxy", "-v"]),
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
      name: "\(weir.name)-blind", kind: .weir,
      command: [weir.path, "run", "--config", "{config}", "{ca-flags}"],
      template: "weir-blind.json5", versionCommand: [weir.path, "version"])
  }

  /// Whether its program is there.
  var isInstalled: Bool {
    guard let program = command.first else { return true }
    if program.contains("/") { return access(program, X_OK) == 0 }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return (path.split(separator: ":") + ["/usr/sbin"])
      .contains { access("\($0)/\(program)", X_OK) == 0 }
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
      let start = line.drop { $0 == " " }
      return start.hasPrefix(marker) ? String(start.dropFirst(marker.count)) : String(line)
    }.joined(separator: "\n")
  }

  /// A command with its placeholders filled in; words that come out empty are left out.
  func fill(_ command: [String]) -> [String] {
    command.flatMap { word in
      word == "{ca-flags}" ? authorityFlags : [fill(word)].filter { !$0.isEmpty }
    }
  }

  var config: String { directory + "/config" }

  private var authorityFlags: [String] {
    guard let authority else { return [] }
    return ["--upstream-ca", authority, "--upstream-server-name", "localhost"]
  }

  private var values: [(String, String)] {
    [
      ("{directory}", directory), ("{config}", config), ("{listen}", listen.description),
      ("{upstream}", upstream.description), ("{scheme}", authority == nil ? "http" : "https"),
      ("{ca}", authority ?? ""),
    ]
  }
}
