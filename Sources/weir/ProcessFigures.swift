// The figures of the process that every Prometheus client has, from proc(5).

import Glibc
import Telemetry

struct ProcessFigures {
  private let startTime: Double

  /// Begins with the process's own start, so make it at start.
  ///
  /// The kernel tells it since boot. When that was is computed and not read from /proc/stat, which
  /// a service with `ProcSubset=pid` cannot see.
  init() {
    let boot = Self.now(CLOCK_REALTIME) - Self.now(CLOCK_BOOTTIME)
    let ticks = Self.fields.count > 19 ? Double(Self.fields[19]) ?? 0 : 0
    startTime = boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  var samples: [ScrapedSample] {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let fields = Self.fields
    let pages = fields.count > 21 ? Int64(fields[21]) ?? 0 : 0
    let threads = fields.count > 17 ? Int64(fields[17]) ?? 0 : 0
    return [
      ScrapedSample(.processCPU, .real(seconds(usage.ru_utime) + seconds(usage.ru_stime))),
      ScrapedSample(.processResidentMemory, .integer(pages * Int64(sysconf(Int32(_SC_PAGESIZE))))),
      ScrapedSample(.processOpenFDs, .integer(Int64(Self.openDescriptors))),
      ScrapedSample(.processMaxFDs, .integer(Int64(clamping: limit.rlim_cur))),
      ScrapedSample(.processStartTime, .real(startTime)),
      ScrapedSample(.processThreads, .integer(threads)),
    ]
  }

  /// /proc/self/stat behind the name, which may hold spaces: the first field is the state.
  private static var fields: [Substring] {
    let text = lines("/proc/self/stat").first ?? ""
    guard let close = text.lastIndex(of: ")") else { return [] }
    return text[text.index(close, offsetBy: 2)...].split(separator: " ")
  }

  /// Since Linux 6.2 the folder's size tells it. To list it takes the kernel a microsecond for each,
  /// in one call that nothing interrupts: a thread of ours that shares the core would wait.
  private static var openDescriptors: Int {
    var status = stat()
    if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    // Itself, `.` and `..`.
    return max(0, count - 3)
  }

  private static func lines(_ path: String) -> [Substring] {
    let bytes = (try? ProcessEnvironment.readFile(path)) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}
