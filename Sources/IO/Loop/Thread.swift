// Threads, plainly: a name, a stack and a body.

internal import CSystem
internal import Glibc

package struct Thread {
  private let handle: pthread_t

  /// Starts a detached thread of control that runs `body` once.
  ///
  /// The stack is virtual memory until touched; `name` is cut at 15 bytes, as Linux does.
  package static func start(
    _ name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) -> Thread {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackBytes)
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var handle = pthread_t()
    let code = pthread_create(&handle, &attributes, threadEntry, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw SystemError("pthread_create", code: code)
    }
    return Thread(handle: handle)
  }

  /// Waits until the body has returned. Once at most.
  package func join() { pthread_join(handle, nil) }

  /// Lets others run first that are ready now and as urgent as the calling thread: at real-time
  /// priority nothing else takes the processor from it (sched(7)), and otherwise only the end of a
  /// time slice of milliseconds.
  package static func yieldProcessor() { sched_yield() }

  /// Pins the calling thread to one processor; does nothing where that is not allowed.
  package static func pinCurrent(toProcessor number: Int) {
    _ = weir_set_affinity(Int32(number))
  }
}

private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

// A top-level function, because a closure written in main's isolation would trap on this thread.
private func threadEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<ThreadStart>.fromOpaque(argument!).takeRetainedValue()
  _ = weir_thread_name(String(start.name.prefix(15)))
  start.body()
  return nil
}
