// What weir is meant to reach, and whether a run showed it. A goal that was missed does not fail the
// run: how fast anything is does not count there.

struct Goal: Sendable {
  /// What a figure is held against.
  enum Rule: Sendable {
    /// Against a peer, or the run's best peer, in the same round.
    case atMost(Double, times: String)
    case atLeast(Double, times: String)
    /// The figure itself.
    case upTo(Double)
    case from(Double)
    /// Against the same weir without observation: a ratio, and a difference.
    case blindTimes(Double)
    case blindPlus(Double)
  }

  static let bestPeer = "best peer"

  var figure: Figure
  var rule: Rule

  init(_ figure: Figure, _ rule: Rule) {
    self.figure = figure
    self.rule = rule
  }

  static let all: [Goal] = [
    Goal(.flatCPU, .atMost(1.15, times: "nginx")),
    Goal(.packetCPU, .atMost(1.15, times: "nginx")),
    Goal(.pacedCPU, .atMost(0.85, times: "nginx")),
    Goal(.medianLatency, .atMost(1.05, times: "nginx")),
    Goal(.medianLatency, .atMost(1, times: "haproxy")),
    Goal(.medianLatency, .atMost(1, times: "envoy")),
    Goal(.medianLatency, .atMost(1, times: "caddy")),
    Goal(.tailLatency, .atMost(1.05, times: "nginx")),
    Goal(.tailLatency, .atMost(1, times: "haproxy")),
    Goal(.tailLatency, .atMost(1, times: "envoy")),
    Goal(.tailLatency, .atMost(1, times: "caddy")),
    Goal(.requestRate, .atLeast(1.1, times: "nginx")),
    Goal(.connectionRate, .atLeast(1, times: "nginx")),
    Goal(.flatCPU.overTLS, .atMost(0.9, times: bestPeer)),
    Goal(.packetCPU.overTLS, .atMost(0.9, times: bestPeer)),
    Goal(.pacedCPU.overTLS, .atMost(0.9, times: bestPeer)),
    Goal(.streamMemory, .upTo(3)),
    Goal(.streamMemory, .atMost(1, times: bestPeer)),
    Goal(.streamMemory.overTLS, .upTo(26)),
    Goal(.streamMemory.overTLS, .atMost(1, times: bestPeer)),
    Goal(.resumptionCPU, .atMost(1, times: bestPeer)),
    Goal(.idleMemory, .upTo(8)),
    Goal(.startTime, .upTo(50)),
    Goal(.loopGain, .from(1.8)),
    Goal(.stalledGrowth, .upTo(1)),
    Goal(.stalledTail, .upTo(1.1)),
    Goal(.pacedCPU, .blindTimes(1.1)),
    Goal(.flatCPU, .blindPlus(0.1)),
    Goal(.packetCPU, .blindPlus(0.1)),
  ]

  /// `at most 1.15 × nginx`.
  var text: String {
    switch rule {
    case .atMost(let limit, let peer): "at most \(limit.text(digits: 2)) × \(peer)"
    case .atLeast(let limit, let peer): "at least \(limit.text(digits: 2)) × \(peer)"
    case .upTo(let limit): "at most \(limit.text(digits: 1)) \(figure.unit)"
    case .from(let limit): "at least \(limit.text(digits: 1)) \(figure.unit)"
    case .blindTimes(let limit): "at most \(limit.text(digits: 2)) × without observation"
    case .blindPlus(let limit):
      "at most \(limit.text(digits: 2)) \(figure.unit) more than without observation"
    }
  }

  /// The figure in the rule's terms; nil where the run did not measure both sides.
  func measured(_ results: Results, of weir: Target, among targets: [Target]) -> Results.Spread? {
    func others(_ name: String) -> [Target] {
      targets.filter { $0.kind == .peer && (name == Self.bestPeer || $0.name == name) }
    }
    let blind = targets.filter { $0.kind == .blind && $0.name.hasPrefix(weir.name) }
    switch rule {
    case .atMost(_, let peer), .atLeast(_, let peer):
      return results.ratio(figure, of: weir, toBestOf: others(peer))
    case .upTo, .from: return results.spread(figure, of: weir)
    case .blindTimes: return results.ratio(figure, of: weir, toBestOf: blind)
    case .blindPlus: return blind.first.flatMap { results.excess(figure, of: weir, over: $0) }
    }
  }

  /// By the median.
  func isReached(_ measured: Results.Spread) -> Bool {
    switch rule {
    case .atMost(let limit, _), .upTo(let limit), .blindTimes(let limit), .blindPlus(let limit):
      measured.median <= limit
    case .atLeast(let limit, _), .from(let limit): measured.median >= limit
    }
  }

  /// Digits that tell it from its limit.
  var digits: Int {
    if case .blindPlus = rule { 3 } else { 2 }
  }
}
