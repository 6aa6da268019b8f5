// An exchange's stream on its way into the log.

internal import Hub
internal import IO

/// What the hub has to do with one exchange of a route whose streams are kept.
final class ExchangeHub {
  let credential: StreamCredential
  let continuesOnDisconnect: Bool
  /// The page that asked, if it is of another origin and may.
  let allowance: CrossOriginAllowance?
  /// nil before the head, and for an answer that is no stream.
  var recording: StreamRecording?
  /// The client has gone and the stream goes on without it: nothing is sent down, and nobody there
  /// holds it up.
  var isDetached = false

  init(_ credential: StreamCredential, _ route: RouteHub, _ allowance: CrossOriginAllowance?) {
    self.credential = credential
    self.allowance = allowance
    continuesOnDisconnect = route.continuesOnDisconnect
  }
}

/// Confined to its loop, from the answer's head to the end of what upstream sends.
final class StreamRecording {
  private var recorder: StreamRecorder
  private unowned let desk: HubDesk
  private unowned let exchange: Exchange
  private var hasEnded = false

  init(_ recorder: consuming StreamRecorder, of exchange: Exchange, at desk: HubDesk) {
    self.recorder = recorder
    self.exchange = exchange
    self.desk = desk
    desk.add(self)
  }

  var id: StreamID { recorder.log.id }
  var isEncoded: Bool { recorder.log.framing == .encoded }
  /// A reader that lags holds the stream up.
  var isHeld: Bool { recorder.log.isHeld }

  /// Returns whether a reader holds the stream up.
  func record(_ bytes: Span<UInt8>) -> Bool { recorder.record(bytes) }

  func end(_ ending: StreamEnding) {
    guard !hasEnded else { return }
    hasEnded = true
    recorder.end(ending, at: desk.loop.now.nanoseconds)
    desk.remove(self)
  }

  func stop() { exchange.stopStream() }
  func released() { exchange.readersReleased() }
}
