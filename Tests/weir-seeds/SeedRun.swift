// Plays the worlds of many seeds one after the other, and says which of them went wrong.

internal import Glibc
internal import RelayWorld

/// The seeds `first`, `first + step`, ... below `end`.
struct SeedRun {
  let first: UInt64
  let end: UInt64
  let step: UInt64
  /// After so many failures it gives up.
  static let failureLimit = 5

  private var worlds = 0
  private var answers = 0
  private var readings = 0
  private var failures = 0
  private var endings: [Substring: Int] = [:]

  init(first: UInt64, end: UInt64, step: UInt64) {
    (self.first, self.end, self.step) = (first, end, step)
  }

  /// Whether every world went as it must.
  mutating func run() -> Bool {
    Trap.install()
    for seed in stride(from: first, to: end, by: Int(step)) {
      Trap.seed = seed
      play(seed)
      if failures >= Self.failureLimit { break }
    }
    say(summary)
    return failures == 0
  }

  private mutating func play(_ seed: UInt64) {
    worlds += 1
    do {
      // Whoever plays one world wants to see all of it.
      let isAlone = seed + step >= end && seed == first
      let world = try SeededWorld(seed: seed, traceDepth: isAlone ? 100_000 : 100)
      world.run()
      answers += world.wholeAnswers
      readings += world.wholeReadings
      for ending in world.endings {
        endings[ending.prefix { $0 != " " }, default: 0] += 1
      }
      if !world.faults.isEmpty { fail(seed, world.faults.joined(separator: "\n")) }
    } catch {
      fail(seed, "\(error)")
    }
  }

  private mutating func fail(_ seed: UInt64, _ story: String) {
    failures += 1
    say("WEIR_SEED=\(seed)\n\(story)")
  }

  private var summary: String {
    let outcomes = endings.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
    return "\(worlds) worlds, \(failures) failed; \(endings.values.reduce(0, +)) exchanges,"
      + " \(answers) answers came whole, \(readings) readings of kept streams:"
      + " \(outcomes.joined(separator: ", "))"
  }
}

func say(_ text: String) {
  let line = text + "\n"
  _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}

/// A world may also end the process: then its seed is the last thing said.
enum Trap {
  // Written between worlds by the only thread, read by its signal handler.
  nonisolated(unsafe) static var seed: UInt64 = 0

  static func install() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS] {
      signal(number) { number in
        say("WEIR_SEED=\(Trap.seed)\nended the process with signal \(number)")
        _exit(1)
      }
    }
  }
}
