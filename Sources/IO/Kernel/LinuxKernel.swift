// Linux itself. Each method is one system call, and reads errno in the same breath; a wait may have to
// set its alarm before.

internal import CSystem
internal import Glibc

package final class LinuxKernel: Kernel {
  /// `epoll_event` is packed to 12 bytes and Swift's `ReadyEvent` is not, so events are turned over
  /// from here; as many as one wait may bring.
  let scratch: UnsafeMutableBufferPointer<epoll_event>
  var alarms: [Alarm] = []
  var lastNow = Instant(nanoseconds: 0)
  /// Kernels before 5.11 have no `epoll_pwait2`: alarms alone.
  var waitsInNanoseconds = true

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
