// What the process finds around it: variables, files, descriptors. And how it speaks on its way
// in and out.

import Glibc
import IO

/// Exit codes, as product §2 promises them.
enum ExitCode {
  static let done: Int32 = 0
  static let badSettings: Int32 = 1
  static let cannotBind: Int32 = 2
  /// A second signal while draining.
  static let interrupted: Int32 = 3
}

enum ProcessEnvironment {
  static var variables: [String: String] {
    var found: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if let equals = line.firstIndex(of: "=") {
        found[String(line[..<equals])] = String(line[line.index(after: equals)...])
      }
      entry += 1
    }
    return found
  }

  /// A whole file, of at most 16 MiB; throws `SystemError`.
  static func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("open", code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 { throw SystemError("read", code: errno) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      if bytes.count > 16 << 20 { throw SystemError("read", code: EFBIG) }
    }
  }

  /// How many descriptors weir may have.
  static var descriptorLimit: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    return Int(clamping: limit.rlim_cur)
  }

  /// As many descriptors as the hard limit allows: each stream takes two.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    reserveDescriptorTable(min(Int(clamping: limit.rlim_cur), largestReserve))
  }

  /// A quarter of a mebibyte of the kernel's memory, enough for 16,000 streams.
  private static let largestReserve = 32_768

  /// Has the kernel make its table of our descriptors this long. It doubles the table where it is
  /// full, and in a process with threads waits for every processor to have passed by (`expand_fdtable`
  /// of the kernel's fs/file.c, `synchronize_rcu`): 11 to 14 ms in which a loop stands still. So we
  /// take the highest place, while there is one thread only.
  private static func reserveDescriptorTable(_ count: Int) {
    let highest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, Int32(count - 1))
    if highest >= 0 { close(highest) }
  }

  /// Listening sockets that systemd opened (sd_listen_fds(3)); the variables are taken away, so
  /// that no child takes them for its own.
  static func takeSystemdSockets() -> [Int32] {
    let variables = variables
    defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
    guard variables["LISTEN_PID"].flatMap(Int32.init) == getpid(),
      let count = variables["LISTEN_FDS"].flatMap(Int32.init), count > 0
    else { return [] }
    let descriptors = Array(3..<3 + count)
    for descriptor in descriptors {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
    return descriptors
  }
}

/// Writes a line for a person, at once and whole.
func say(_ text: String, to descriptor: Int32 = STDERR_FILENO) {
  var rest = Array((text + "\n").utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count <= 0 { return }
    rest = rest.dropFirst(count)
  }
}
