// weir-seeds FIRST END STEP: plays every STEPth seed from FIRST to before END. `make simulate` runs
// one of these for each processor.

internal import Glibc

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard numbers.count == 3, numbers[2] > 0 else {
  say("usage: weir-seeds FIRST END STEP")
  exit(2)
}
var run = SeedRun(first: numbers[0], end: numbers[1], step: numbers[2])
exit(run.run() ? 0 : 1)
