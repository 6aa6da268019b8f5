// The requests of a kept connection share one exchange, one after the other.

internal import Connections
internal import IO

extension Exchange {
  /// Not one that has to do with kept streams, which others may hold for as long as they last.
  func rest() -> Bool {
    guard hub == nil else { return false }
    if !requestBuffer.isEmpty { relay.takeBack(&requestBuffer) }
    // A query may hold a key.
    if path.count > Self.restingPathLimitBytes || path.contains(UInt8(ascii: "?")) { path = [] }
    if tunnel != nil { tunnel = nil }
    return true
  }

  private static let restingPathLimitBytes = 256

  /// The exchange of a connection's last request as that of its next one, by the same route; nil
  /// where it cannot be. To let an object go and make another costs 1,600 instructions, and counts some
  /// twenty references.
  ///
  /// Whoever else holds it would take the next request for the last, so nobody may, nor may a call of it
  /// not be over.
  static func renewed(from former: inout AnyObject?, by route: ActiveRoute) -> Exchange? {
    guard isKnownUniquelyReferenced(&former), let exchange = former.take() as? Exchange,
      exchange.route === route
    else { return nil }
    exchange.renew()
    return exchange
  }

  /// As it was when it was made, but for `path`, which the next request mostly has too.
  func renew() {
    (client, tap, tunnel, hub, meter) = (nil, nil, nil, nil, nil)
    (endpoint, chosenEndpoint, triedEndpoints) = (nil, nil, [])
    requestTap = nil
    permit = nil
    if !requestBuffer.isEmpty { requestBuffer = [] }
    (traits, attempts, phase) = ([], 0, .backingOff)
    (answer, clocks, notes, tokenMark) = (AnswerState(), ExchangeClocks(), ExchangeNotes(), nil)
    deadline = .distantFuture
    (clientBytes, requestBodyBytes, responseBodyBytes, countedUp) = (0, 0, 0, 0)
    (requestBodyRead, upstreamPaused, clientPaused) = (Instant(nanoseconds: 0), nil, nil)
    (pausesOfUpstream, pausesOfClient, pausedNanoseconds) = (0, 0, 0)
    takeUp()
  }
}
