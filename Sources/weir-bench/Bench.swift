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

  private let options: Options
  private let rig: Rig
  private let directory: String
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
    if rig.lacksRealTime { lines.append("without real-time priority: latencies hold much noise") }
    return lines
  }

  /// Runs all rounds. Goes on after a failure, so that one report tells of all of them.
  func run() {
    for round in 0..<options.rounds {
      for scenario in options.scenarios {
        let turned = targets[(round % targets.count)...] + targets[..<(round % targets.count)]
        for target in turned where target.kind != .direct || !scenario.needsProxy {
          measure(scenario, target, rig.provider, authority: nil, round)
          if let secure = rig.secureProvider, scenario.hasTLS, target.kind != .direct {
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
      let subject = try Subject(
        target, before: provider, templates: options.benchDirectory + "/peers",
        directory: directory,
        authority: authority)
      defer { subject.stop() }
      let startSeconds = try rig.awaitFirstAnswer(subject)
      var figures = try play(scenario, subject)
      if authority != nil { figures = Self.overTLS(figures) }
      if scenario == .idle { figures[.startTime] = startSeconds * 1e3 }
      results.add(figures, of: target, in: round)
      log("round \(round + 1), \(title): \(Self.describe(figures))")
    } catch {
      failures.append("round \(round + 1), \(title): \(error)")
      log("FAILED: \(failures.last ?? "")")
    }
  }

  private func play(_ scenario: Scenario, _ subject: Subject) throws(BenchError) -> Figures {
    switch scenario {
    case .flat: try rig.flat(subject, options.sizes)
    case .packets: try rig.packets(subject, options.sizes)
    case .paced: try rig.paced(subject, options.sizes)
    case .requests: try rig.requests(subject, options.sizes)
    case .connections: try rig.connections(subject, options.sizes)
    case .idle: try rig.idle(subject, options.sizes)
    }
  }

  /// Without latencies: there is no direct TLS run to take off them.
  private static func overTLS(_ figures: Figures) -> Figures {
    let kept = figures.filter { !Figure.latencies.contains($0.key) }
    return Figures(uniqueKeysWithValues: kept.map { ($0.key.overTLS, $0.value) })
  }

  private static func describe(_ figures: Figures) -> String {
    figures.sorted { $0.key.title < $1.key.title }.map { figure, value in
      "\(figure.title) \(value.text(digits: figure.digits)) \(figure.unit)"
    }.joined(separator: "; ")
  }
}
