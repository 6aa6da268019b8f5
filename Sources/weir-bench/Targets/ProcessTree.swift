// What the scheduler and the memory accounting know of a process and all that descend from it.

import Glibc

struct ProcessTree {
  let root: pid_t

  /// Processor time of all live threads so far, in nanoseconds, as the scheduler counts it:
  /// exact, where the ticks of `times` are not.
  var runTimeNanoseconds: UInt64 {
    processes.flatMap { process in
      Files.names(in: "/proc/\(process)/task").map { "/proc/\(process)/task/\($0)/schedstat" }
    }.reduce(0) { $0 + Self.runTime($1) }
  }

  /// Processor time so far of each thread whose name starts so, in nanoseconds, in the order of
  /// their ids.
  func runTimes(ofThreads name: String) -> [UInt64] {
    processes.flatMap { process in
      Files.names(in: "/proc/\(process)/task").compactMap { Int($0) }.sorted()
        .map { "/proc/\(process)/task/\($0)" }
        .filter { Files.read("\($0)/comm")?.hasPrefix(name) ?? false }
        .map { Self.runTime("\($0)/schedstat") }
    }
  }

  private static func runTime(_ path: String) -> UInt64 {
    Files.read(path)?.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
  }

  /// Resident set size in KiB, of all processes together.
  var residentKiB: Int { memory("Rss:") }

  /// Proportional set size in KiB: private memory, and of shared memory each process's part.
  var proportionalKiB: Int { memory("Pss:") }

  private func memory(_ name: String) -> Int {
    processes.reduce(0) { sum, process in
      sum + (field(name, in: "/proc/\(process)/smaps_rollup") ?? 0)
    }
  }

  /// Real-time priority for all threads, so that what else runs here stays out of latencies;
  /// or back to the ordinary. Returns whether that was allowed.
  func setRealTime(_ isRealTime: Bool) -> Bool {
    var isAllowed = true
    for process in processes {
      for thread in Files.names(in: "/proc/\(process)/task").compactMap({ pid_t($0) }) {
        isAllowed = Self.setRealTime(isRealTime, of: thread) && isAllowed
      }
    }
    return isAllowed
  }

  /// The same for those of the root's threads whose names begin so.
  func setRealTime(_ isRealTime: Bool, ofThreadsNamed prefix: String) -> Bool {
    var isAllowed = true
    for thread in Files.names(in: "/proc/\(root)/task") {
      guard let name = Files.read("/proc/\(root)/task/\(thread)/comm"), name.hasPrefix(prefix),
        let id = pid_t(thread)
      else { continue }
      isAllowed = Self.setRealTime(isRealTime, of: id) && isAllowed
    }
    return isAllowed
  }

  /// The same for one thread; 0 is the calling one.
  static func setRealTime(_ isRealTime: Bool, of thread: pid_t) -> Bool {
    var parameters = sched_param()
    parameters.sched_priority = isRealTime ? 1 : 0
    return sched_setscheduler(thread, isRealTime ? SCHED_FIFO : SCHED_OTHER, &parameters) == 0
  }

  private var processes: [pid_t] {
    var found = [root]
    var next = 0
    while next < found.count {
      let process = found[next]
      next += 1
      for thread in Files.names(in: "/proc/\(process)/task") {
        let children = Files.read("/proc/\(process)/task/\(thread)/children") ?? ""
        found += children.split(separator: " ").compactMap { pid_t($0) }
      }
    }
    return found
  }

  private func field(_ name: String, in path: String) -> Int? {
    Files.read(path)?.split(separator: "\n").first { $0.hasPrefix(name) }
      .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
  }
}
