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
  /// Short requests whose provider speaks TLS and closes after each answer, so that the proxy makes
  /// a new connection each time, and may resume a session.
  case resumption
  /// Thousands of streams that have had one event and wait.
  case idle
  /// Paced streams beside one whose client reads nothing of a gigabyte.
  case stalled
  /// One weir with one loop and with two.
  case loops

  /// Whether it is run against a plaintext provider.
  var isPlain: Bool { self != .resumption }

  /// Whether it is run against a TLS provider.
  var isOverTLS: Bool {
    switch self {
    case .flat, .packets, .paced, .idle, .resumption: true
    case .requests, .connections, .stalled, .loops: false
    }
  }

  /// Whether there is something to learn of a target of that kind.
  func isFor(_ kind: Target.Kind) -> Bool {
    switch (self, kind) {
    case (.idle, .direct), (.stalled, .direct), (.resumption, .direct): false
    case (.stalled, .blind), (.resumption, .blind): false
    case (.loops, _): kind == .weir
    default: true
    }
  }

  /// Memory shows the same each time, and thousands of streams take long to open.
  func rounds(of rounds: Int) -> Int {
    switch self {
    case .idle, .stalled: min(rounds, 2)
    default: rounds
    }
  }
}

struct Sizes: Sendable {
  /// How long each scenario is measured.
  var window = Duration.milliseconds(1200)
  /// How long it runs before that.
  var warmUp = Duration.milliseconds(300)
  var flatStreams = 32
  var pacedStreams = 500
  var pacedEventsPerSecond = 50
  var idleStreams = 9700
  var requestConnections = 16
  /// Of all loops together; many, so that the kernel's choice of a loop for each evens out.
  var loopStreams = 512
  /// Of the stream whose client reads nothing: a gigabyte.
  var stalledEvents = 1_000_000_000 / EventPattern.chunkBytes

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

  /// The target's processor time in µs divided by `count`, and `count` per second. Throws if
  /// threads have ended since the start, because their time is gone with them.
  func read(_ count: Int) throws(BenchError) -> (microsecondsEach: Double, perSecond: Double) {
    let seconds = Double(kernel.now().nanoseconds(since: start)) / 1e9
    let endRunTime = tree?.runTimeNanoseconds ?? 0
    guard endRunTime >= startRunTime else {
      throw BenchError("threads of the target ended while it was measured")
    }
    let microseconds = Double(endRunTime - startRunTime) / 1e3
    return (microseconds / Double(max(count, 1)), Double(count) / seconds)
  }
}
