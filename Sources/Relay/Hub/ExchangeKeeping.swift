// The hub's part in an exchange: bytes go to the client first, then to the tap, then into the log,
// from which others read.

internal import Connections
internal import Hub
internal import IO
internal import Wire

extension Exchange {
  /// Remembers whose stream this will be.
  func prepareKeeping(_ head: RequestHead) {
    guard let settings = route.route.hub, relay.hub.isOpen else { return }
    hub = ExchangeHub(
      StreamCredential(of: head), settings, relay.options.hub.crossOrigin.allowance(for: head))
  }

  /// Begins to keep the answer, if it is a stream and there is room for one more.
  func beginKeeping(_ head: ResponseHead) {
    guard let hub, (200..<300).contains(head.status), head.framing != .none else { return }
    let type = head.headers.first("content-type").map { Array(head.headers.bytes[$0]) } ?? []
    let path = path
    let framing = EventFraming(
      contentType: type, isGrowingArray: path.span.contains(":streamGenerateContent"),
      isEncoded: head.headers.isEncoded)
    guard let framing else { return }
    let recorder = relay.hub.directory.open(
      framing: framing, contentType: type, credential: hub.credential, writer: relay.hub.ear,
      id: relay.newStreamID())
    guard let recorder else { return }
    hub.recording = StreamRecording(recorder, of: self, at: relay.hub)
  }

  /// A read of a body whose stream may be kept, or is no longer its client's alone.
  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>], keptBy hub: ExchangeHub) {
    if hub.isDetached {
      expectMore()
    } else {
      relayBody(wire, payload: payload)
    }
    observe(wire, payload: payload)
    guard let recording = hub.recording else { return }
    var isHeld = false
    for range in payload where recording.record(wire.extracting(range)) { isHeld = true }
    if isHeld { waitForReaders() }
  }

  /// What upstream sends has come to its end, whatever the client still has to take.
  func endKeeping(_ end: ExchangeEnd) {
    hub?.recording?.end(end == .answered ? .whole : .cut)
  }

  /// Goes on without the client that has gone, where the route wants that and others can read on;
  /// returns whether it does.
  ///
  /// Only once the client knows the stream's name, and upstream has the whole request.
  func detach() -> Bool {
    guard let hub, hub.continuesOnDisconnect, let recording = hub.recording, !recording.isEncoded,
      case .streaming = phase, traits.contains(.requestEnded)
    else { return false }
    hub.isDetached = true
    connection.cut(asReset: traits.contains(.endsAtClose), delivering: false)
    readersReleased()
    return true
  }

  /// Somebody who may has asked for the stream to be stopped: as its client would by leaving.
  func stopStream() { settle(.clientGone) }
}

// MARK: - Backpressure from readers

extension Exchange {
  private func waitForReaders() {
    guard let client, !client.isReadingPaused else { return }
    client.pauseReading()
    beginPauseOfUpstream()
    restTimer()
  }

  /// No reader holds the stream up any more: it goes on, unless its client does.
  func readersReleased() {
    guard let client, case .streaming = phase, hub?.recording?.isHeld == false,
      connection.queuedBytes <= relay.options.relayBufferBytes / 2
    else { return }
    if connection.queuedBytes == 0 { client.readLimit = relay.readLimit }
    guard client.isReadingPaused else { return }
    endPauseOfUpstream()
    client.resumeReading()
    expectMore()
  }
}

extension HeaderFields {
  /// Whether a content coding lies over the body.
  fileprivate var isEncoded: Bool {
    first("content-encoding").map { !value($0, equalsIgnoringCase: "identity") } ?? false
  }
}

extension StreamCredential {
  /// API keys wherever providers want them, and cookies; see `admits`.
  init(of head: RequestHead) {
    let headers = head.headers
    var keys: [UInt8] = []
    for name: StaticString in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
      for line in headers.fields where headers.name(line, is: name) {
        keys += Array(name.description.utf8) + [0] + headers.bytes[line.value] + [0]
      }
    }
    if let key = RequestQuery(head)["key"] {
      keys += Array("x-goog-api-key".utf8) + [0] + key + [0]
    }
    var cookie: [UInt8] = []
    for line in headers.fields where headers.name(line, is: "cookie") {
      cookie += headers.bytes[line.value] + [0]
    }
    self.init(keys: keys.span, cookie: cookie.span)
  }
}
