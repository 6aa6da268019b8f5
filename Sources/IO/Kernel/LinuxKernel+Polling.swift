// Waiting for news of descriptors, until a deadline or without one.

internal import CSystem
internal import Glibc

extension LinuxKernel {
  /// A deadline as near as this will probably end the wait: a timeout costs less than an alarm then,
  /// which has to be set and to be told of.
  private static let nearNanoseconds: UInt64 = 2_000_000

  /// A poller's timer descriptor. Set when a deadline comes before `due`, which is seldom; a timeout
  /// would be set and taken back with each wait.
  struct Alarm {
    static let token = UInt64.max
    let poller: Int32
    let descriptor: Int32
    var due = Instant.distantFuture

    mutating func set(_ deadline: Instant) {
      due = deadline
      var time = itimerspec()
      time.it_value.tv_sec = Int(deadline.nanoseconds / 1_000_000_000)
      time.it_value.tv_nsec = Int(deadline.nanoseconds % 1_000_000_000)
      timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &time, nil)
    }
  }

  package func makePoller() throws(SystemError) -> Int32 {
    let poller = epoll_create1(Int32(EPOLL_CLOEXEC))
    if poller < 0 { throw SystemError("epoll_create1", code: errno) }
    do {
      try addAlarm(to: poller)
    } catch {
      close(poller)
      throw error
    }
    return poller
  }

  private func addAlarm(to poller: Int32) throws(SystemError) {
    let descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
    if descriptor < 0 { throw SystemError("timerfd_create", code: errno) }
    alarms.append(Alarm(poller: poller, descriptor: descriptor))
    try watch(descriptor, token: Alarm.token, mode: .edges, on: poller)
  }

  package func watch(
    _ descriptor: Int32, token: UInt64, mode: WatchMode, on poller: Int32
  ) throws(SystemError) {
    let mask: UInt32 =
      switch mode {
      case .edges: EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
      // Exclusive: of the loops that share a listener, one wakes for a connection and not all.
      case .readable: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
      }
    var event = epoll_event(events: mask, data: epoll_data_t(u64: token))
    if epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0 {
      throw SystemError("epoll_ctl", code: errno)
    }
  }

  package func unwatch(_ descriptor: Int32, on poller: Int32) {
    _ = epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, nil)
  }

  package func wait(
    on poller: Int32, into events: UnsafeMutableBufferPointer<ReadyEvent>, until deadline: Instant?
  ) -> Int {
    let most = Int32(min(events.count, scratch.count))
    let count = Int(wait(on: poller, most: most, until: deadline))
    guard count > 0 else { return 0 }  // interrupted, or not to wait
    var told = 0
    for event in scratch[..<count] {
      if event.data.u64 == Alarm.token {
        rang(poller)
      } else {
        events[told] = ReadyEvent(token: event.data.u64, readiness: Readiness(event.events))
        told += 1
      }
    }
    return told
  }

  private func wait(on poller: Int32, most: Int32, until deadline: Instant?) -> Int32 {
    guard let deadline else { return weir_epoll_wait(poller, scratch.baseAddress, most, -1) }
    guard deadline > lastNow else { return weir_epoll_wait(poller, scratch.baseAddress, most, 0) }
    if deadline.nanoseconds(since: lastNow) < Self.nearNanoseconds, waitsInNanoseconds {
      let remaining = deadline.nanoseconds(since: now())
      let count = weir_epoll_pwait2(poller, scratch.baseAddress, most, remaining)
      if count >= 0 || errno != ENOSYS { return count }
      waitsInNanoseconds = false
    }
    for index in alarms.indices where alarms[index].poller == poller {
      // One that rings too early finds nothing to do, and is set again.
      if deadline < alarms[index].due { alarms[index].set(deadline) }
    }
    return weir_epoll_wait(poller, scratch.baseAddress, most, -1)
  }

  private func rang(_ poller: Int32) {
    for index in alarms.indices where alarms[index].poller == poller {
      alarms[index].due = .distantFuture
    }
  }

  package func makeWaker() throws(SystemError) -> any Waker {
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    if descriptor < 0 { throw SystemError("eventfd", code: errno) }
    return EventFD(descriptor: descriptor)
  }

  package func clearWaker(_ descriptor: Int32) {
    var count: UInt64 = 0
    _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
  }
}

/// An eventfd lives as long as anybody might wake it: until the last sender is gone.
private final class EventFD: Waker {
  let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { _ = Glibc.close(descriptor) }

  func wake() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
  }
}

extension Readiness {
  fileprivate init(_ events: UInt32) {
    var readiness: Readiness = []
    if events & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    if events & EPOLLRDHUP.rawValue != 0 { readiness.insert(.peerClosed) }
    if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { readiness.insert(.failed) }
    self = readiness
  }
}
