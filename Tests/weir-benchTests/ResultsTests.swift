// Goal: the report's figures follow from the rounds' by the rules that it states.
// Method: three rounds of made-up values, whose medians and ratios are worked out by hand.

import Testing

@testable import weir_bench

@Suite struct ResultsTests {
  private static let weir = Target(name: "weir", kind: .weir)
  private static let nginx = Target(name: "nginx", kind: .peer)
  private static let haproxy = Target(name: "haproxy", kind: .peer)

  private static func results(
    _ figure: Figure, _ values: [(target: Target, rounds: [Double])]
  ) -> Results {
    var results = Results()
    for (target, rounds) in values {
      for (round, value) in rounds.enumerated() {
        results.add([figure: value], of: target, in: round)
      }
    }
    return results
  }

  @Test func `a ratio is the median of the ratios within rounds`() throws {
    let results = Self.results(
      .pacedCPU, [(Self.weir, [10, 30, 8]), (Self.nginx, [20, 40, 10])])
    let ratio = try #require(
      results.ratio(.pacedCPU, of: Self.weir, toBestOf: [Self.nginx]))
    #expect(ratio.median == 0.75)
    #expect(ratio.least == 0.5)
    #expect(ratio.most == 0.8)
  }

  @Test func `the best peer is the least, or the most where more is better`() throws {
    let values = [(Self.weir, [10.0]), (Self.nginx, [20.0]), (Self.haproxy, [5.0])]
    let peers = [Self.nginx, Self.haproxy]
    let cost = Self.results(.pacedCPU, values).ratio(.pacedCPU, of: Self.weir, toBestOf: peers)
    #expect(cost?.median == 2)
    let rate = Self.results(.requestRate, values)
      .ratio(.requestRate, of: Self.weir, toBestOf: peers)
    #expect(rate?.median == 0.5)
  }

  @Test func `the best peer is that of the run, not of each round`() {
    let values = [
      (Self.weir, [10.0, 10, 10]), (Self.nginx, [20.0, 20, 4]), (Self.haproxy, [8.0, 10, 12]),
    ]
    let ratio = Self.results(.pacedCPU, values)
      .ratio(.pacedCPU, of: Self.weir, toBestOf: [Self.nginx, Self.haproxy])
    #expect(ratio?.median == 1)
    #expect(ratio?.most == 1.25)
  }

  @Test func `latency is what a proxy adds to the direct median`() {
    let results = Self.results(
      .medianLatency, [(.direct, [10, 90, 12]), (Self.weir, [50, 60, 70])])
    #expect(results.spread(.medianLatency, of: Self.weir)?.median == 48)
    #expect(results.spread(.medianLatency, of: .direct)?.median == 12)
  }

  @Test func `a goal is held against the median in its own terms`() throws {
    let blind = Target(name: "weir-blind", kind: .blind)
    let results = Self.results(
      .flatCPU,
      [(Self.weir, [0.3, 0.5, 0.4]), (Self.nginx, [0.3, 0.3, 0.3]), (blind, [0.2, 0.2, 0.2])])
    let targets = [Self.weir, Self.nginx, Self.haproxy, blind]
    func verdict(_ rule: Goal.Rule) throws -> (Double, Bool)? {
      let goal = Goal(.flatCPU, rule)
      return goal.measured(results, of: Self.weir, among: targets).map {
        ($0.median, goal.isReached($0))
      }
    }
    func expect(_ rule: Goal.Rule, _ median: Double, _ holds: Bool) throws {
      let (measured, isReached) = try #require(try verdict(rule))
      #expect(abs(measured - median) < 1e-9 && isReached == holds, "\(rule)")
    }
    try expect(.atMost(1.4, times: "nginx"), 4.0 / 3, true)
    try expect(.atMost(1.3, times: Goal.bestPeer), 4.0 / 3, false)
    try expect(.atLeast(1.3, times: "nginx"), 4.0 / 3, true)
    try expect(.upTo(0.3), 0.4, false)
    try expect(.from(0.4), 0.4, true)
    try expect(.blindTimes(2), 2, true)
    try expect(.blindPlus(0.19), 0.2, false)
    // A peer that was not there proves nothing.
    #expect(try verdict(.atMost(1, times: "haproxy")) == nil)
  }

  @Test func `two loops are worth what the busier one can do`() {
    let one = LoopCost(microsecondsEach: 2, busiestShare: 1)
    #expect(LoopCost(microsecondsEach: 2, busiestShare: 0.5).capacity(against: one) == 2)
    #expect(LoopCost(microsecondsEach: 2, busiestShare: 1).capacity(against: one) == 1)
    #expect(LoopCost(microsecondsEach: 4, busiestShare: 0.5).capacity(against: one) == 1)
  }

  @Test func `what was not measured is not reported`() {
    let results = Self.results(.pacedCPU, [(Self.weir, [10])])
    #expect(results.spread(.pacedCPU, of: Self.nginx) == nil)
    #expect(results.ratio(.pacedCPU, of: Self.weir, toBestOf: [Self.nginx]) == nil)
    #expect(results.spread(.tailLatency, of: Self.weir) == nil)
  }

  @Test func `numbers are rounded to their digits`() {
    #expect(0.1786.text(digits: 3) == "0.179")
    #expect(40.05.text(digits: 0) == "40")
    #expect((-3.04).text(digits: 1) == "-3.0")
    #expect((-0.04).text(digits: 1) == "0.0")
  }

  @Test func `a document keeps what stands around the results`() {
    let report = Report(results: Results(), targets: [], circumstances: ["here"])
    let before = "# Title\n\n\(Report.beginMark)\nearlier\n\(Report.endMark)\n\nAfter.\n"
    let after = report.placed(in: before)
    #expect(after.hasPrefix("# Title\n\n\(Report.beginMark)\n\n- here\n"))
    #expect(after.hasSuffix("\(Report.endMark)\n\nAfter.\n"))
    #expect(!after.contains("earlier"))
    #expect(report.placed(in: after) == after)
  }
}
