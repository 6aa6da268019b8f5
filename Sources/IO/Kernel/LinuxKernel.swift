// Linux itself. Each method is one system call, and reads errno in the same breath; a wait may have to
// set its alarm before.

internal import CSystem
internal import Glibc

package final class LinuxKernel: Kernel {
  /// `epoll_event` is packed to 12 bytes and Swift's `ReadyEvent` is not, so events are turned over
  /// from here; as many as one wait may bring.
  private let scratch: UnsafeMutableBufferPointer<epoll_event>
  private var alarms: [Alarm] = []
  private var lastNow = Instant(nanoseconds: 0)
  /// A deadline as near as this will probably end the wait: a timeout costs less than an alarm then,
  /// which has to be set and to be told of.
  private static let nearNanoseconds: UInt64 = 2_000_000
  /// Kernels before 5.11 have no `epoll_pwait2`: alarms alone.
  private var waitsInNanoseconds = true

  /// A poller's timer descriptor. Set when a deadline comes before `due`, which is seldom; a timeout
  /// would be set and taken back with each wait.
  private struct Alarm {
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

  package init(eventsPerWait: Int = 512) {
    scratch = .allocate(capacity: eventsPerWait)
    scratch.initialize(repeating: epoll_event())
  }

  deinit { scratch.deallocate() }

  package func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    lastNow = Instant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    return lastNow
  }

  package func wallClockNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}

// MARK: - Sockets

extension LinuxKernel {
  package func makeSocket(for address: SocketAddress) throws(SystemError) -> Int32 {
    let family = address.isUnix ? AF_UNIX : address.isIPv6 ? AF_INET6 : AF_INET
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, type, 0)
    if descriptor < 0 { throw SystemError("socket", code: errno) }
    return descriptor
  }

  package func set(_ option: SocketOption, on descriptor: Int32) throws(SystemError) {
    let (level, name): (Int32, Int32) =
      switch option {
      case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR)
      case .reusePort: (SOL_SOCKET, SO_REUSEPORT)
      case .noDelay: (Int32(IPPROTO_TCP), TCP_NODELAY)
      case .onlyIPv6: (Int32(IPPROTO_IPV6), IPV6_V6ONLY)
      }
    var on: Int32 = 1
    if setsockopt(descriptor, level, name, &on, socklen_t(MemoryLayout<Int32>.size)) < 0 {
      throw SystemError("setsockopt", code: errno)
    }
  }

  package func bind(_ descriptor: Int32, to address: SocketAddress) throws(SystemError) {
    let code = address.withSockaddr { Glibc.bind(descriptor, $0, $1) < 0 ? errno : 0 }
    if code != 0 { throw SystemError("bind", code: code) }
  }

  package func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError) {
    if Glibc.listen(descriptor, backlog) < 0 { throw SystemError("listen", code: errno) }
  }

  package func localAddress(of descriptor: Int32) throws(SystemError) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let (address, code): (SocketAddress?, Int32) = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length) < 0
          ? (nil, errno) : (SocketAddress($0, length: length), EAFNOSUPPORT)
      }
    }
    guard let address else { throw SystemError("getsockname", code: code) }
    return address
  }

  package func accept(_ descriptor: Int32) -> Acceptance {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        let accepted = weir_accept4(descriptor, address, &length)
        guard accepted >= 0 else {
          let code = errno
          return code == EAGAIN || code == EINTR
            ? .wouldBlock : .failed(SystemError("accept4", code: code))
        }
        // A unix client that is bound to no name comes with a family and nothing else.
        let peer = SocketAddress(address, length: length) ?? SocketAddress(host: .unix(""))
        return .accepted(accepted, from: peer)
      }
    }
  }

  package func connect(_ descriptor: Int32, to address: SocketAddress) throws(SystemError) {
    let code = address.withSockaddr { Glibc.connect(descriptor, $0, $1) < 0 ? errno : 0 }
    // A unix socket whose listener's queue is full says EAGAIN; that is a refusal, not progress.
    if code != 0 && code != EINPROGRESS { throw SystemError("connect", code: code) }
  }

  package func pendingError(of descriptor: Int32) -> SystemError? {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    if getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) < 0 { code = errno }
    return code == 0 ? nil : SystemError("connect", code: code)
  }

  package func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer
  {
    while true {
      let count = weir_recv(descriptor, buffer.baseAddress, UInt(buffer.count))
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      let code = errno
      if code == EINTR { continue }
      return code == EAGAIN ? .wouldBlock : .failed(SystemError("recv", code: code))
    }
  }

  package func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = weir_send(descriptor, bytes.baseAddress, UInt(bytes.count))
      if count >= 0 { return .bytes(count) }
      let code = errno
      if code == EINTR { continue }
      return code == EAGAIN ? .wouldBlock : .failed(SystemError("send", code: code))
    }
  }

  package func unacknowledgedBytes(of descriptor: Int32) -> Int {
    var count: Int32 = 0
    // SIOCOUTQ by its other name, the one that Glibc shows to Swift. A unix socket counts its
    // memory here, and what it has sent is in its peer's queue already.
    guard ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
    return isUnix(descriptor) ? 0 : Int(count)
  }

  private func isUnix(_ descriptor: Int32) -> Bool {
    var domain: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0
      && domain == AF_UNIX
  }

  package func delayAcknowledgements(of descriptor: Int32) {
    var off: Int32 = 0
    _ = setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, &off, socklen_t(MemoryLayout<Int32>.size))
  }

  package func delaysAcknowledgements(of descriptor: Int32) -> Bool {
    tcpOption(TCP_QUICKACK, of: descriptor) == 0
  }

  package func segmentBytes(of descriptor: Int32) -> Int {
    Int(tcpOption(TCP_MAXSEG, of: descriptor) ?? 0)
  }

  private func tcpOption(_ name: Int32, of descriptor: Int32) -> Int32? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let result = getsockopt(descriptor, Int32(IPPROTO_TCP), name, &value, &length)
    return result == 0 ? value : nil
  }

  package func shutdownSending(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  package func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
    for index in alarms.indices where alarms[index].poller == descriptor {
      _ = Glibc.close(alarms.remove(at: index).descriptor)
      return
    }
  }

  package func reset(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout.size(ofValue: linger))
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
    _ = Glibc.close(descriptor)
  }
}

// MARK: - Polling

extension LinuxKernel {
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
