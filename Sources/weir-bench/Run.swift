// From the command line to the exit status. Outside main.swift, whose top level belongs to the main
// actor and would bind all that it calls to it.

import Glibc

/// Returns the exit status.
func runBench(_ arguments: [String]) -> Int32 {
  let options: Options
  do throws(BenchError) {
    options = try Options(arguments)
  } catch {
    say("weir-bench: \(error)")
    return 64
  }
  if options.wantsHelp {
    say(Options.help)
    return 0
  }
  do throws(BenchError) {
    if let book = options.book {
      return try Regression(options, log: say).run(book: book, updates: options.updatesBook) ? 0 : 1
    }
    return try run(options)
  } catch {
    say("weir-bench: \(error)")
    return 1
  }
}

private func run(_ options: Options) throws(BenchError) -> Int32 {
  let bench = try Bench(options, log: say)
  for target in bench.missing {
    // A peer may be absent; a weir was asked for.
    say("\(target.name): \(target.program ?? "") is not installed" + hint(for: target, options))
  }
  if bench.missing.contains(where: { $0.kind != .peer }) { return 1 }
  if let study = options.study { return run(study, bench) }
  bench.run()
  let report = Report(
    results: bench.results, targets: bench.targets, circumstances: bench.circumstances)
  say("\n" + report.text)
  if let output = options.output {
    try Files.write(report.placed(in: Files.read(output) ?? ""), to: output)
  }
  for failure in bench.failures { say("FAILED: \(failure)") }
  return bench.failures.isEmpty ? 0 : 1
}

private func run(_ study: Study, _ bench: Bench) -> Int32 {
  for line in bench.circumstances { say("- \(line)") }
  do throws(BenchError) {
    try bench.run(study, log: say)
    return 0
  } catch {
    say("FAILED: \(error)")
    return 1
  }
}

private func hint(for target: Target, _ options: Options) -> String {
  target.kind == .peer ? "; \(options.benchDirectory)/install-peers installs it" : ""
}

/// One line to standard output, at once.
private func say(_ line: String) {
  var rest = Array((line + "\n").utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    rest = rest.dropFirst(count)
  }
}
