// The calls on pollers and wakers.

internal import Glibc
package import IO

extension FakeKernel {
  package func makePoller() throws(SystemError) -> Int32 {
    try opening(.poller, "epoll_create1") { .poller(FakePoller()) }
  }

  package func watch(
    _ descriptor: Int32, token: UInt64, mode: WatchMode, on poller: Int32
  ) throws(SystemError) {
    try finish("epoll_ctl", descriptor, Int(poller)) { () throws(SystemError) in
      if let code = failure(of: .watch) { throw SystemError("epoll_ctl", code: code) }
      guard case .poller(let poller)? = resource(poller), let watched = resource(descriptor)
      else {
        note("epoll_ctl", descriptor)
        throw SystemError("epoll_ctl", code: EBADF)
      }
      try watch(watched, token: token, mode: mode, on: poller)
    }
  }

  /// What holds already is told as if it had just happened, as epoll does.
  private func watch(
    _ watched: Resource, token: UInt64, mode: WatchMode, on poller: FakePoller
  ) throws(SystemError) {
    let watch: Watch
    switch watched {
    case .poller: throw SystemError("epoll_ctl", code: EINVAL)
    case .waker(let state):
      if poller.watches.contains(where: { $0.isOf(state) }) {
        throw SystemError("epoll_ctl", code: EEXIST)
      }
      watch = Watch(token: token, mode: mode, waker: state, poller: poller)
    case .socket(let socket):
      if poller.watches.contains(where: { $0.isOf(socket) }) {
        throw SystemError("epoll_ctl", code: EEXIST)
      }
      watch = Watch(token: token, mode: mode, socket: socket, poller: poller)
      socket.watches.append(watch)
    }
    poller.watches.append(watch)
    watch.becomePending()
  }

  package func unwatch(_ descriptor: Int32, on poller: Int32) {
    guard case .poller(let poller)? = resource(poller),
      case .socket(let socket)? = resource(descriptor)
    else { return note("epoll_ctl", descriptor) }
    for watch in socket.watches where watch.poller === poller { poller.remove(watch) }
    socket.watches.removeAll { $0.poller === poller }
  }

  /// Never sleeps: when nothing is ready it returns 0, as after an interruption, and the world
  /// knows from `deadline` how far its clock may jump.
  package func wait(
    on poller: Int32, into events: UnsafeMutableBufferPointer<ReadyEvent>, until deadline: Instant?
  ) -> Int {
    guard case .poller(let poller)? = resource(poller) else {
      note("epoll_wait", poller)
      return 0
    }
    releaseWakers()
    let count = poller.wait(
      into: events, at: network.now, in: network.weather, &network.random)
    poller.wantedWakeUp = count == 0 ? deadline : nil
    eventsTold += count
    if count > 0 { network.record("epoll_wait", Int(events[0].token), events.count, count) }
    return count
  }

  package func makeWaker() throws(SystemError) -> any Waker {
    let state = WakerState()
    return FakeWaker(
      descriptor: try opening(.waker, "eventfd") { .waker(state) }, state: state)
  }

  package func clearWaker(_ descriptor: Int32) {
    guard case .waker(let state)? = resource(descriptor) else { return note("read", descriptor) }
    network.record("read", Int(descriptor))
    state.clear()
  }
}
