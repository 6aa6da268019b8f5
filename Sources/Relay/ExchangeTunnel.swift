// An exchange that leaves HTTP: bytes both ways, until either side has ended and both have what was
// on its way to them.

internal import Connections
internal import IO
internal import Wire

extension Exchange {
  func switchProtocols(_ head: ResponseHead) {
    guard traits.contains(.upgrade) else { return settle(.upstreamMalformed(.badStatusLine)) }
    forgetRequest()
    traits.insert(.answered)
    answer.status = 101
    phase = .tunnel
    deadline = .distantFuture
    send(head, as: Delivery(connection: .upgrade))
    beginObserving(head)
    expectMore()
    connection.becomeTunnel()
  }

  /// Either side has ended. Returns whether that was a tunnel's end.
  func endedTunnel() -> Bool {
    switch phase {
    case .tunnel:
      phase = .closingTunnel
      connection.pauseReading()
      client?.pauseReading()
      mindTunnelsEnd()
    case .closingTunnel: mindTunnelsEnd()
    default: return false
    }
    return true
  }

  /// Ends the tunnel once nothing is queued for either side, or one takes none of it for as long as
  /// a client may. A side that has everything hears of the end at once.
  func mindTunnelsEnd() {
    if client?.queuedBytes == 0 { releaseUpstream(reusable: false) }
    guard client != nil else { return settle(.answered) }
    setTimer(inNanoseconds: relay.options.server.slowClientTimeout.wholeNanoseconds)
  }
}
