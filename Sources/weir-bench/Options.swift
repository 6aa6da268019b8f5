// The command line.

struct Options: Sendable {
  var weirs: [(name: String, path: String)] = []
  var weirArguments: String?
  var peers = Target.peers.map(\.name)
  var scenarios = Scenario.allCases
  var rounds = 5
  var sizes = Sizes()
  var usesTLS = false
  var comparesBlind = false
  var study: Study?
  var benchDirectory = "bench"
  var output: String?
  /// The book of instructions to compare with; nil for an ordinary run.
  var book: String?
  var updatesBook = false
  /// Where callgrind's profiles are kept.
  var profiles: String?
  var wantsHelp = false

  static let help = """
    usage: weir-bench [options]

    Compares weir with nginx, HAProxy, Envoy and Caddy: the proxy under test alone on core 0,
    provider and clients together on core 1. Every byte that comes out of a proxy is compared with
    what went in.

      --weir [NAME=]PATH     a weir to measure; may be repeated (default .build/release/weir)
      --weir-arguments TEXT  how to start it; {listen}, {upstream}, {scheme} and {ca} are filled in
      --peers LIST           of nginx,haproxy,envoy,caddy; `none` for weir alone (default all)
      --only LIST            of flat,packets,paced,requests,connections,resumption,idle,stalled,
                             loops (default all)
      --rounds N             times that each target is measured; idle and stalled at most twice
                             (default 5)
      --milliseconds N       how long each scenario is measured (default 1200)
      --streams N            streams of the paced scenario (default 500)
      --idle-streams N       streams of the idle scenario (default 9700)
      --blind                weir also with its side path turned off
      --tls                  flat, packets, paced and idle also with a provider that speaks TLS,
                             and resumption, which needs one
      --study NAME           in place of the comparison, a question about weir alone: clocks (how exact
                             its times are), scrapes (what /metrics costs the streams) or neighbours
                             (what clients that do everything wrong cost the others)
      --quick                one round of one second with 50 streams
      --regression FILE      counts weir's instructions per event and request by callgrind and
                             compares them with FILE; exit status 1 if there are more
      --update               writes FILE instead
      --profiles DIR         keeps callgrind's profiles there
      --bench-directory DIR  where peers/ and the scripts are (default bench)
      --output FILE          writes the results into FILE, between its weir-bench marks

    Exit status: 0; 1 if a byte was wrong, a stream failed or a target did not start; 64 for a
    wrong command line. How fast anything is does not count.
    """

  init(_ arguments: [String]) throws(BenchError) {
    var rest = arguments[...]
    while let flag = rest.popFirst() {
      switch flag {
      case "--help", "-h": wantsHelp = true
      case "--tls": usesTLS = true
      case "--blind": comparesBlind = true
      case "--update": updatesBook = true
      case "--quick": (rounds, sizes) = (1, .quick)
      default:
        guard let value = rest.popFirst() else { throw BenchError("\(flag): a value is missing") }
        try set(flag, value)
      }
    }
    if weirs.isEmpty { weirs = [("weir", ".build/release/weir")] }
  }

  private mutating func set(_ flag: String, _ value: String) throws(BenchError) {
    switch flag {
    case "--weir":
      let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
      weirs.append(parts.count == 2 ? (parts[0], parts[1]) : ("weir", value))
    case "--weir-arguments": weirArguments = value
    case "--peers": peers = try list(flag, value, of: Target.peers.map(\.name))
    case "--only":
      scenarios = try list(flag, value, of: Scenario.allCases.map(\.rawValue))
        .compactMap(Scenario.init)
    case "--study":
      guard let study = Study(rawValue: value) else {
        throw BenchError("\(flag): \(value) is none of \(Study.names)")
      }
      self.study = study
    case "--rounds": rounds = try number(flag, value)
    case "--milliseconds": sizes.window = .milliseconds(try number(flag, value))
    case "--streams": sizes.pacedStreams = try number(flag, value)
    case "--idle-streams": sizes.idleStreams = try number(flag, value)
    case "--regression": book = value
    case "--profiles": profiles = value
    case "--bench-directory": benchDirectory = value
    case "--output": output = value
    default: throw BenchError("\(flag) is no option; see --help")
    }
  }

  private func list(
    _ flag: String, _ value: String, of known: [String]
  ) throws(BenchError) -> [String] {
    if value == "none" { return [] }
    let names = value.split(separator: ",").map(String.init)
    if let wrong = names.first(where: { !known.contains($0) }) {
      throw BenchError("\(flag): \(wrong) is none of \(known.joined(separator: ", "))")
    }
    return names
  }

  private func number(_ flag: String, _ value: String) throws(BenchError) -> Int {
    guard let number = Int(value), number > 0 else {
      throw BenchError("\(flag): \(value) is no positive number")
    }
    return number
  }
}
