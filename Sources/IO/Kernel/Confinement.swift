// What a process gives up once it has its sockets: privileges that it no longer needs are none that
// a bug can use.

internal import CSystem
internal import Glibc

package enum Confinement {
  /// Gives up, for this thread and all that it starts later: privileges of programs it could start,
  /// capabilities, and core dumps, which would put keys and prompts on a disk.
  ///
  /// Ports below 1024 must be bound before. Root keeps the right to its users' files: logs and
  /// certificates that belong to somebody else are opened again at a reload. What cannot be given up
  /// is kept silently, since a container may have taken even the right to do so. A dump may be
  /// allowed again from outside: `prlimit --core=unlimited --pid PID`.
  package static func apply() {
    _ = weir_no_new_privileges()
    _ = weir_keep_capabilities(geteuid() == 0 ? 1 << UInt64(CAP_DAC_OVERRIDE) : 0)
    let resource = __rlimit_resource_t(RLIMIT_CORE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_max > 0 else { return }
    // 1 and not 0: with 0 a dump still goes to a program that core_pattern names (core(5)).
    limit.rlim_cur = 1
    setrlimit(resource, &limit)
  }
}
