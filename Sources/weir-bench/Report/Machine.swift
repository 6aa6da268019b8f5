// Where and when a run took place.

import Glibc

enum Machine {
  /// One line each: machine, kernel, commit, time.
  static func circumstances(in directory: String) -> [String] {
    let commit = Process.firstLine(
      of: ["git", "describe", "--always", "--dirty", "--exclude", "*"], in: directory)
    return [
      "\(processor), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores; Linux \(kernelRelease)",
      "commit \(commit ?? "unknown"), \(date)",
    ]
  }

  private static var processor: String {
    let lines = Files.read("/proc/cpuinfo")?.split(separator: "\n") ?? []
    let model = lines.first { $0.hasPrefix("model name") }
    return model?.split(separator: ":").last.map { String($0.dropFirst()) } ?? "unknown processor"
  }

  private static var kernelRelease: String {
    Files.read("/proc/sys/kernel/osrelease")?.split(separator: "\n").first.map(String.init) ?? "?"
  }

  /// `2026-11-20 21:07 UTC`.
  private static var date: String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = strftime(&text, text.count, "%Y-%m-%d %H:%M UTC", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
