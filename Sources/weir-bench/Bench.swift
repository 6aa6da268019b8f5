// The run: every target in every scenario, in an order that changes with each round, so that what
// else happens on the machine meets all alike.

import Glibc
import IO

final class Bench {
  private(set) var results = Results()
  /// What failed, one line each.
  private(set) var failures: [String] = []
  /// Targets whose program is not there.
  let missing: [Target]
  /// What is compared, without those.
  let targets: [Target]

  let options: Options
  let rig: Rig
  let directory: String
  private let authority: String?
  private let log: (String) -> Void

  init(_ options: Options, log: @escaping (String) -> Void) throws(BenchError) {
    self.options = options
    self.log = log
    directory = try Files.makeTemporaryDirectory()
    let weirs = options.weirs.map {
      Target.weir(name: $0.name, path: $0.path, arguments: options.weirArguments)
    }
    let blind = options.comparesBlind ? options.weirs.map(Target.blind) : []
    let wanted = weirs + blind + Target.peers.filter { options.peers.contains($0.name) }
    missing = wanted.filter { !$0.isInstalled }
    targets = [.direct] + wanted.filter(\.isInstalled)
    let certificate = options.usesTLS ? try Certificate(in: directory, options) : nil
    authority = certificate?.file
    do {
      rig = try Rig(certificate: certificate?.context)
    } catch {
      throw BenchError("the bench could not be set up: \(error)")
    }
  }

  deinit { Files.removeDirectory(directory) }

  /// Where, when, with what and how much was measured, one line each.
  var circumstances: [String] {
    let sizes = options.sizes
    var lines = Machine.circumstances(in: directory)
    for target in targets where target.kind != .direct {
      let version = Process.firstLine(of: target.versionCommand, in: directory)
      lines.append("\(target.name): \(version ?? "version unknown")")
    }
    lines.append(
      """
      \(options.rounds) rounds of \(sizes.window); \(sizes.flatStreams) streams flat out, \
      \(sizes.pacedStreams) × \(sizes.pacedEventsPerSecond) events/s paced, \
      \(sizes.requestConnections) connections of requests, \(sizes.idleStreams) idle streams
      """)
    lines.append(
      rig.lacksRealTime
        ? "without real-time priority: latencies hold much noise"
        : "real-time priority for both sides where the method below says so")
    for target in missing { lines.append("\(target.name): not installed, and so not compared") }
    return lines
  }

  /// Runs all rounds. Goes on after a failure, so that one report tells of all of them.
  func run() {
    for round in 0..<options.rounds {
      for scenario in options.scenarios where round < scenario.rounds(of: options.rounds) {
        let turned = targets[(round % targets.count)...] + targets[..<(round % targets.count)]
        for target in turned where scenario.isFor(target.kind) {
          if scenario.isPlain { measure(scenario, target, rig.provider, authority: nil, round) }
          if let secure = rig.secureProvider, scenario.isOverTLS, target.hasUpstream {
            measure(scenario, target, secure, authority: authority, round)
          }
          if rig.isInterrupted { return }
        }
      }
    }
  }

  private func measure(
    _ scenario: Scenario, _ target: Target, _ provider: Provider, authority: String?, _ round: Int
  ) {
    let title = "\(scenario)\(authority == nil ? "" : " over TLS"), \(target.name)"
    defer { provider.reset() }
    do throws(BenchError) {
      var figures =
        scenario == .loops
        ? try loopGain(of: target, provider) : try play(scenario, target, provider, authority)
      if authority != nil { figures = Self.overTLS(figures) }
      results.add(figures, of: target, in: round)
      log("round \(round + 1), \(title): \(Self.describe(figures))")
    } catch {
      failures.append("round \(round + 1), \(title): \(error)")
      log("FAILED: \(failures.last ?? "")")
    }
  }

  /// Starts the target and hands it over once it has answered for the first time; `seconds` after
  /// its start.
  private func with<Result>(
    _ target: Target, before provider: Provider, _ authority: String?,
    _ body: (_ subject: Subject, _ seconds: Double) throws(BenchError) -> Result
  ) throws(BenchError) -> Result {
    let subject = try Subject(
      target, before: provider, templates: options.benchDirectory + "/peers",
      directory: directory, authority: authority)
    defer { subject.stop() }
    return try body(subject, try rig.awaitFirstAnswer(subject))
  }

  private func play(
    _ scenario: Scenario, _ target: Target, _ provider: Provider, _ authority: String?
  ) throws(BenchError) -> Figures {
    try with(target, before: provider, authority) { subject, seconds throws(BenchError) in
      switch scenario {
      case .flat: return try rig.flat(subject, options.sizes)
      case .packets: return try rig.packets(subject, options.sizes)
      case .paced: return try rig.paced(subject, options.sizes)
      case .requests:
        var start: Figures = [:]
        if let tree = subject.tree {
          start = [.startTime: seconds * 1e3, .idleMemory: Double(tree.proportionalKiB) / 1024]
        }
        return try rig.requests(subject, options.sizes).merging(start) { $1 }
      case .connections: return try rig.connections(subject, options.sizes)
      case .resumption: return try rig.resumption(subject, options.sizes)
      case .idle: return try rig.idle(subject, options.sizes)
      case .stalled: return try rig.stalled(subject, options.sizes)
      case .loops: throw BenchError("takes two subjects")
      }
    }
  }

  private func loopGain(of target: Target, _ provider: Provider) throws(BenchError) -> Figures {
    func cost(_ loops: Int) throws(BenchError) -> LoopCost {
      try with(target.with(loops: loops), before: provider, nil) { subject, _ throws(BenchError) in
        try rig.loopCost(subject, options.sizes)
      }
    }
    let single = try cost(1)
    provider.reset()
    let double = try cost(2)
    return [
      .loopGain: double.capacity(against: single), .loopShare: 100 * double.busiestShare,
    ]
  }

  /// Without latencies: there is no direct TLS run to take off them.
  private static func overTLS(_ figures: Figures) -> Figures {
    let kept = figures.filter { !Figure.latencies.contains($0.key) }
    return Figures(
      uniqueKeysWithValues: kept.map {
        (Figure.ofTLSAlone.contains($0.key) ? $0.key : $0.key.overTLS, $0.value)
      })
  }

  private static func describe(_ figures: Figures) -> String {
    figures.sorted { $0.key.title < $1.key.title }.map { figure, value in
      "\(figure.title) \(value.text(digits: figure.digits)) \(figure.unit)"
    }.joined(separator: "; ")
  }
}
