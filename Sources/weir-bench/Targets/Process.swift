// A child process, and what the kernel has counted of it and its descendants.

import Glibc
import IO

/// A running child. `stop` it before letting go of it.
final class Process {
  let id: pid_t

  /// Starts `arguments[0]`, looked up in PATH, as leader of a process group of its own, with its
  /// output in the file `log`. It inherits the caller's processor affinity.
  init(_ arguments: [String], log: String) throws(BenchError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    Self.prepare(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }

    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var id = pid_t()
    let code = posix_spawnp(&id, arguments[0], &actions, &attributes, &pointers, environ)
    guard code == 0 else {
      throw BenchError("\(arguments[0]) does not start: \(String(cString: strerror(code)))")
    }
    self.id = id
  }

  /// Signals as a shell would leave them: what this process blocks, its children must not.
  private static func prepare(_ attributes: inout posix_spawnattr_t) {
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }

  /// The exit status once it has ended; nil while it runs.
  private(set) var status: Int32?

  var isRunning: Bool {
    guard status == nil else { return false }
    var raw: Int32 = 0
    if waitpid(id, &raw, WNOHANG) == id { status = raw }
    return status == nil
  }

  /// Waits; false if it runs on after `milliseconds`.
  func wait(_ milliseconds: Int) -> Bool {
    for _ in 0..<milliseconds / 2 where isRunning { usleep(2000) }
    return !isRunning
  }

  /// Asks it to end, then makes it after `patience` milliseconds.
  func stop(patience: Int = 2000) {
    guard isRunning else { return }
    kill(id, SIGTERM)
    if wait(patience) { return }
    kill(-id, SIGKILL)
    _ = wait(2000)
  }

  /// What a command prints, first line; nil if it fails or is not there.
  static func firstLine(of arguments: [String], in directory: String) -> String? {
    let log = directory + "/output"
    guard let process = try? Process(arguments, log: log), process.wait(5000) else { return nil }
    guard process.status == 0, let text = Files.read(log) else { return nil }
    return text.split(separator: "\n").first.map(String.init)
  }
}
