// The few cases in which a request is sent again, and where to: never once a byte of an answer went
// to the client, and only while the whole request is in its buffer.

internal import Connections
internal import IO
internal import Telemetry
internal import Wire

extension Exchange {
  /// Tries again after a failure that left upstream without a byte of the request.
  func retry(after end: ExchangeEnd) {
    guard hasTriesLeft, end.isWorthRetrying else { return settle(end) }
    countRetry(.connectFailed)
    backOff(asked: nil)
  }

  /// Drops an answer that the settings call worth another try; returns whether it did.
  ///
  /// Where the same endpoint would have to be asked again, not before it says; for longer than
  /// the settings wait, its answer is the client's.
  func retry(insteadOf head: ResponseHead) -> Bool {
    guard let upstream, let endpoint, upstream.options.retryStatuses.contains(head.status),
      hasTriesLeft, traits.contains(.requestEnded),
      traits.isDisjoint(with: [.requestForgotten, .answered, .saidInterim])
    else { return false }
    var tried = triedEndpoints
    tried.insert(endpoint)
    let asked = upstream.hasUntried(tried) ? nil : retryAfter(head)
    if let asked, asked > upstream.options.retryWaitLimit { return false }
    countRetry(head.status == 429 ? .rateLimited : .serverError)
    backOff(asked: asked)
    return true
  }

  /// A kept connection that closes before it answers was most likely closed before it was used:
  /// RFC 9110 §9.2.2 lets idempotent requests be sent again.
  func retryOnFreshConnection() -> Bool {
    guard case .waiting = phase, !traits.contains(.requestForgotten), hasTriesLeft,
      traits.isSuperset(of: [.reusedConnection, .idempotent]),
      traits.isDisjoint(with: [.answered, .saidInterim])
    else { return false }
    guard let endpoint else { return false }
    countRetry(.reusedConnectionClosed)
    releaseUpstream(reusable: false)
    traits.remove(.requestSent)
    connect(to: endpoint, allowingIdle: false)
    return true
  }

  private func backOff(asked: Duration?) {
    guard let upstream else { return }
    if let endpoint { triedEndpoints.insert(endpoint) }
    releaseUpstream(reusable: false)
    traits.remove(.requestSent)
    phase = .backingOff
    // Half of it at random, so that a provider's bad moment is not answered by all at once.
    let full = upstream.options.retryBackoff.wholeNanoseconds << UInt64(min(attempts - 1, 10))
    let jitter = relay.random.next() % (full / 2 + 1)
    setTimer(inNanoseconds: max(full / 2, asked?.wholeNanoseconds ?? 0) + jitter)
  }

  /// The pause is over.
  func tryAgain() {
    guard let upstream else { return }
    connect(to: upstream.pick(avoiding: triedEndpoints), allowingIdle: true)
    sendRequest()
  }

  /// Makes the gathered request one for `endpoint`, if it was written for another.
  func address(to endpoint: Endpoint) {
    guard let chosen = chosenEndpoint, chosen !== endpoint else { return }
    requestBuffer.readdress(from: chosen.options, to: endpoint.options)
    chosenEndpoint = endpoint
  }

  private func retryAfter(_ head: ResponseHead) -> Duration? {
    head.headers.retryAfter(wallClockNanoseconds: loop.readWallClock())
  }
}

extension ExchangeEnd {
  fileprivate var isWorthRetrying: Bool {
    switch self {
    // A certificate is as wrong the second time, and descriptors are as short.
    case .notConnected(.tls), .notConnected(.exhausted): false
    default: true
    }
  }
}

extension ConnectFailure {
  /// Says nothing of the endpoint.
  var isOurOwn: Bool {
    if case .exhausted = self { true } else { false }
  }
}

extension [UInt8] {
  /// Turns a request written for one endpoint into the same for another: the path that its URL
  /// puts before the request's, and `Host`, unless a route has set that itself.
  mutating func readdress(from old: EndpointOptions, to new: EndpointOptions) {
    if old.authority != new.authority, let value = hostValue,
      self[value].elementsEqual(old.authority)
    {
      replaceSubrange(value, with: new.authority)
    }
    guard old.pathPrefix != new.pathPrefix, let space = firstIndex(of: 0x20) else { return }
    let prefix = space + 1..<space + 1 + old.pathPrefix.count
    guard prefix.upperBound <= count, self[prefix].elementsEqual(old.pathPrefix) else { return }
    replaceSubrange(prefix, with: new.pathPrefix)
  }

  /// Where the value of `Host` stands; weir has written the field itself.
  private var hostValue: Range<Int>? {
    let name = Array("\r\nHost: ".utf8)
    var start = 0
    while let feed = self[start...].firstIndex(of: 0x0d), feed + name.count <= count {
      if self[feed..<feed + name.count].elementsEqual(name) {
        let value = feed + name.count
        return self[value...].firstIndex(of: 0x0d).map { value..<$0 }
      }
      // The blank line ends the head.
      if self[feed + 1] == 0x0a, self[feed + 2] == 0x0d { return nil }
      start = feed + 1
    }
    return nil
  }
}
