// One loop's view of a provider: its options, made ready for use, and the pool of connections.

internal import IO
internal import Connections

final class Upstream {
  let options: UpstreamOptions
  let pool: UpstreamPool
  // Durations divide slowly, and these are added to a clock for every read.
  let firstByteNanoseconds: UInt64
  let idleNanoseconds: UInt64

  init(_ options: UpstreamOptions, on loop: EventLoop, resolver: Resolver, scratch: PayloadScratch)
  {
    self.options = options
    firstByteNanoseconds = options.firstByteTimeout.wholeNanoseconds
    idleNanoseconds = options.idleTimeout.wholeNanoseconds
    pool = UpstreamPool(
      to: options.origin, options: options.pool, on: loop, resolver: resolver, scratch: scratch)
  }
}

/// A route with its upstream at hand. Exchanges keep theirs through a reload.
final class ActiveRoute {
  let route: Route
  let upstream: Upstream

  init(_ route: Route, to upstream: Upstream) {
    self.route = route
    self.upstream = upstream
  }

  func matches(_ path: Span<UInt8>) -> Bool {
    let prefix = route.pathPrefix
    guard path.count >= prefix.count else { return false }
    for index in prefix.indices where path[index] != prefix[index] { return false }
    return true
  }
}
