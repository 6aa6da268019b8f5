// The kinds of load, and how long and how large they are.

import IO

enum Scenario: String, CaseIterable, Sendable {
  /// 32 streams as fast as they go, 32 events in each of the provider's writes.
  case flat
  /// The same, but the next write waits for the one before: 32 events in each of a proxy's reads.
  case packets
  /// Streams of 50 events a second, each event by itself.
  case paced
  /// Short requests, one after the other on each of 16 kept-alive connections.
  case requests
  /// The same with a new connection for each.
  case connections
  /// Thousands of streams that have had one event and wait.
  case idle

  /// Which of them are also run against a TLS provider.
  var hasTLS: Bool { self == .flat || self == .packets || self == .paced }

  /// Whether there is something to learn without a proxy.
  var needsProxy: Bool { self == .idle }
}

struct Sizes: Sendable {
  /// How long each scenario is measured.
  var window = Duration.seconds(3)
  /// How long it runs before that.
  var warmUp = Duration.milliseconds(500)
  var flatStreams = 32
  var pacedStreams = 500
  var pacedEventsPerSecond = 50
  var idleStreams = 9700
  var requestConnections = 16

  static let quick = Sizes(
    window: .seconds(1), warmUp: .milliseconds(200), pacedStreams: 50, idleStreams: 50)
}

/// What one scenario showed of one target.
typealias Figures = [Figure: Double]

extension Rig {
  /// Real-time priority for both sides, or the ordinary one again. Where a side waits for the
  /// other, the neighbours' time slices would otherwise be most of what is measured.
  func usesRealTime(_ isRealTime: Bool, with subject: Subject) {
    let isOwn = ProcessTree.setRealTime(isRealTime, of: 0)
    let isTheirs = subject.tree?.setRealTime(isRealTime) ?? true
    if !(isOwn && isTheirs) { lacksRealTime = true }
  }
}

/// Processor time and wall time from one point to another.
struct Meter {
  private let tree: ProcessTree?
  private let kernel: any Kernel
  private let start: Instant
  private let startRunTime: UInt64

  init(_ subject: Subject, _ kernel: any Kernel) {
    tree = subject.tree
    self.kernel = kernel
    start = kernel.now()
    startRunTime = tree?.runTimeNanoseconds ?? 0
  }

  /// The target's processor time in µs divided by `count`, and `count` per second.
  func read(_ count: Int) -> (microsecondsEach: Double, perSecond: Double) {
    let seconds = Double(kernel.now().nanoseconds(since: start)) / 1e9
    let runTime = Double((tree?.runTimeNanoseconds ?? 0) - startRunTime) / 1e3
    return (runTime / Double(max(count, 1)), Double(count) / seconds)
  }
}
