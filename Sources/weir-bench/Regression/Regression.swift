// Counts what weir executes for an event and for a request, and compares with what is written down.
// Instructions need no quiet machine, and no particular one: what a processor has beyond the common
// ground is hidden from the libraries that would choose their code by it.

import Glibc
import IO

final class Regression {
  private let options: Options
  private let rig: Rig
  private let directory: String
  private let certificate: Certificate
  private let log: (String) -> Void

  /// For each step: a machine that builds and tests beside this may be slow without end.
  private static let patience = Duration.seconds(120)

  init(_ options: Options, log: @escaping (String) -> Void) throws(BenchError) {
    self.options = options
    self.log = log
    directory = try Files.makeTemporaryDirectory()
    certificate = try Certificate(in: directory, options)
    do {
      rig = try Rig(certificate: certificate.context)
    } catch {
      throw BenchError("the bench could not be set up: \(error)")
    }
  }

  deinit { Files.removeDirectory(directory) }

  /// Counts everything; writes the book or compares with it. Returns whether nothing is slower.
  func run(book path: String, updates: Bool) throws(BenchError) -> Bool {
    var counts: [String: Double] = [:]
    let written = try InstructionBook(parsing: updates ? "" : Files.read(path) ?? "")
    var verdicts: [InstructionBook.Verdict] = []
    for kind in Lockstep.allCases {
      var count = try self.count(kind)
      if !updates, written.verdict(kind.rawValue, count) == .slower {
        // A single run may cost a twentieth more, with times that differ under callgrind. What has become
        // slower is so again.
        count = min(count, try self.count(kind))
      }
      counts[kind.rawValue] = count
      let verdict = updates ? .same : written.verdict(kind.rawValue, count)
      verdicts.append(verdict)
      log(
        "\(kind.rawValue): \(count.text(digits: 0)) instructions"
          + (updates ? "" : "  \(written.change(kind.rawValue, count)) \(remark(on: verdict))"))
    }
    if updates {
      try Files.write(InstructionBook(counts).text(Lockstep.allCases.map(\.rawValue)), to: path)
      log("written to \(path)")
    } else if verdicts.contains(.faster) || verdicts.contains(.unknown) {
      log("`make regression UPDATE=1` writes this down, so that it stays so")
    }
    return !verdicts.contains(.slower)
  }

  private func remark(on verdict: InstructionBook.Verdict) -> String {
    switch verdict {
    case .same: ""
    case .slower:
      "SLOWER than \(InstructionBook.tolerancePercent.text(digits: 0)) % allow: see where with "
        + "callgrind_annotate, or write down why it must be with `make regression UPDATE=1`"
    case .faster: "faster than written down"
    case .unknown: "not written down yet"
    }
  }

  /// Instructions for one unit.
  private func count(_ kind: Lockstep) throws(BenchError) -> Double {
    let short = try total(kind, kind.steps.short)
    let long = try total(kind, kind.steps.long)
    guard long > short else { throw BenchError("\(kind.rawValue): the longer run cost less") }
    return Double(long - short) / Double(kind.units)
  }

  /// All that one weir executes from its start to its end.
  private func total(_ kind: Lockstep, _ steps: Int) throws(BenchError) -> Int {
    let provider = kind.isOverTLS ? rig.secureProvider ?? rig.provider : rig.provider
    defer { provider.reset() }
    let profile = options.profiles.map { "\($0)/\(kind.rawValue).\(steps).callgrind" }
    let subject = try Subject(
      Self.counted(options.weirs[0], profile: profile ?? directory + "/profile"), before: provider,
      templates: options.benchDirectory + "/peers", directory: directory,
      authority: kind.isOverTLS ? certificate.file : nil, patience: Self.patience)
    defer { subject.stop() }
    _ = try rig.awaitFirstAnswer(subject, patience: Self.patience)
    try kind.run(steps, on: rig, subject)
    return try Self.collected(subject.end(within: Self.patience))
  }

  /// What weir calls when it is ready, `ProgramPages.forgetStart`: a profile begins there.
  private static let readiness = "$s2IO12ProgramPagesO11forgetStartyyFZ"

  /// weir under callgrind, its libraries held to what every x86-64 processor since 2013 has.
  ///
  /// The C library and OpenSSL choose code by the processor, and Swift seeds its hashing at random.
  private static func counted(_ weir: (name: String, path: String), profile: String) -> Target {
    var target = Target.weir(name: weir.name, path: weir.path, arguments: nil)
    target.command =
      [
        "env", "SWIFT_DETERMINISTIC_HASHING=1", "OPENSSL_ia32cap=:0",
        "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-BMI2,-ERMS,-FSRM,-AVX512F,-AVX512VL,-EVEX",
        "valgrind", "--tool=callgrind", "--callgrind-out-file=\(profile)",
        "--zero-before=\(readiness)",
      ] + target.command
    return target
  }

  /// Callgrind's own sum: `==12== Collected : 345`.
  static func collected(_ log: String) throws(BenchError) -> Int {
    let line = log.split(separator: "\n").last { $0.contains("Collected :") }
    guard let count = line?.split(separator: " ").last.flatMap({ Int($0) }) else {
      throw BenchError("callgrind told no sum: \(log.suffix(400))")
    }
    return count
  }
}
