// How many processors this process may really use: containers and taskset grant fewer than the
// machine has.

enum AvailableProcessors {
  /// The processors of the affinity mask, or the cgroup's quota rounded up if that is less; at
  /// least 1. `readFile` is asked for files of /proc and /sys alone.
  static func count(readFile: (String) throws -> [UInt8]) -> Int {
    let read = { (path: String) -> String? in
      (try? readFile(path)).map { String(decoding: $0, as: UTF8.self) }
    }
    let allowed = affinity(read) ?? 1
    return max(1, min(allowed, quota(read) ?? allowed))
  }

  /// `Cpus_allowed_list` of proc(5): `0-3,8`.
  private static func affinity(_ read: (String) -> String?) -> Int? {
    let lines = read("/proc/self/status")?.split(separator: "\n") ?? []
    guard let line = lines.first(where: { $0.hasPrefix("Cpus_allowed_list:") }) else { return nil }
    let ranges = line.dropFirst("Cpus_allowed_list:".count).split(separator: ",")
    return ranges.reduce(0) { count, range in
      let ends = range.filter { !$0.isWhitespace }.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return count ?? 0 }
      return (count ?? 0) + last - first + 1
    }
  }

  /// The smallest quota on the way from the process's cgroup (version 2) to the root, in
  /// processors, rounded up.
  private static func quota(_ read: (String) -> String?) -> Int? {
    let lines = read("/proc/self/cgroup")?.split(separator: "\n") ?? []
    guard let line = lines.first(where: { $0.hasPrefix("0::/") }) else { return nil }
    var group = line.dropFirst("0::/".count).split(separator: "/")
    var least: Int?
    while true {
      let folder = (["/sys/fs/cgroup"] + group.map(String.init)).joined(separator: "/")
      if let quota = read(folder + "/cpu.max").flatMap(processors) {
        least = min(least ?? quota, quota)
      }
      if group.popLast() == nil { return least }
    }
  }

  /// `200000 100000` is 2; `max 100000` is no limit.
  private static func processors(_ text: String) -> Int? {
    let numbers = text.split(whereSeparator: \.isWhitespace).map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], period > 0 else {
      return nil
    }
    return (quota + period - 1) / period
  }
}
