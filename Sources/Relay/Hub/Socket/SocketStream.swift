// One stream on one socket: reads on as the socket has room, and makes messages of what it reads.

internal import Connections
internal import Hub
internal import IO
internal import Tap
internal import Wire

/// The socket that a stream's messages go to.
protocol StreamSink: AnyObject {
  /// Bytes that it takes now.
  var room: Int { get }
  var roundTrip: UInt64? { get }
  /// Frames that are written already, so many messages.
  func send(frames: [UInt8], count: Int)
  func send(_ message: SocketMessage)
  func dropped(messages: Int)
  /// Holds messages back until `uncork`, so that those of one read leave in one call.
  func cork()
  func uncork()
  /// The stream has said its last.
  func streamEnded(_ stream: SocketStream)
}

final class SocketStream {
  let id: StreamID
  let credential: StreamCredential
  /// Its place in the bounds on readers; nil before it follows, and once it is over.
  private var seat: SubscriberSeat?
  /// The request that made it, if it came over this socket and goes on.
  var request: StartedRequest?

  private let hub: HubDesk
  private let view: StreamView
  private let lag: LagPolicy
  private var sink: (any StreamSink)?
  private var reader: StreamReader?
  private var message = SocketMessage()
  private var texts: EventTextReader?
  private var pacer: Pacer?
  private var timer: LoopTimer?
  /// The stream's end, while paced text is still to go out before it.
  private var end: ReaderEnd?
  /// The last event that was sent whole, and how much of the next one's text.
  private var sequence: Int
  private var offset: Int
  /// The last event that was read; its text may wait.
  private var newest = 0
  private(set) var isPaused = false
  /// It left, and its request is to hear of that.
  private var isDoomed = false

  /// Text that a pacer may hold.
  private static let pacedBytes = 8 * 1024

  init(
    _ id: StreamID, as credential: StreamCredential, after sequence: Int, offset: Int,
    view: StreamView, lag: LagPolicy, seat: SubscriberSeat? = nil, at hub: HubDesk,
    for sink: any StreamSink
  ) {
    self.id = id
    self.credential = credential
    self.sequence = sequence
    self.offset = offset
    self.view = view
    self.lag = lag
    self.seat = seat
    self.hub = hub
    self.sink = sink
  }

  /// Follows the stream; nothing is sent before `pump`.
  func follow() throws(FollowRefusal) {
    let reader = try hub.follow(
      id, as: credential, after: sequence, unit: .events, policy: lag, seat: seat, for: self)
    seat = reader.seat
    if view.format == .text, texts == nil {
      texts = reader.log.framing == .eventStream ? .ofEventStreams() : EventTextReader()
    }
    if let pace = view.pace {
      pacer = Pacer(pace, after: sequence, skipping: offset)
    }
    self.reader = reader
  }

  /// Sends what there is and fits.
  func pump() {
    // First what waits, which makes room for more.
    if pacer != nil { sendPaced() }
    reader?.pump()
  }

  /// The client wants nothing for now. The stream goes on and stays in its log as long as its
  /// bounds allow: a paused client holds nobody up.
  func pause() {
    guard !isPaused else { return }
    isPaused = true
    reader?.leave()
    reader = nil
    pacer = nil
    timer?.unset()
  }

  func resume() throws(FollowRefusal) {
    guard isPaused else { return }
    isPaused = false
    end = nil
    try follow()
    pump()
  }

  /// Leaves once the relay's work at hand is done.
  func abandonLater() {
    isDoomed = true
    wake(at: hub.loop.now.nanoseconds)
  }

  /// Sends nothing more. The request that made the stream loses its client.
  func leave() {
    sink = nil
    seat = nil
    reader?.leave()
    reader = nil
    timer?.invalidate()
    timer = nil
    let request = request
    self.request = nil
    request?.leave()
  }
}

// MARK: - Reading

extension SocketStream: StreamReaderOwner {
  var room: Int {
    guard let sink, !isPaused else { return 0 }
    guard let pacer else { return sink.room }
    return pacer.pendingBytes < Self.pacedBytes ? Self.pacedBytes : 0
  }

  func reader(_ reader: StreamReader, brought run: StreamRun) {
    guard !run.ends.isEmpty else { return bringTail(run, of: reader.log) }
    let last = run.firstEvent + run.ends.count - 1
    switch view.format {
    case .events, .raw:
      let frames = reader.feed.wire(of: run, form: view.format == .raw ? 9 : 8) {
        self.frames(of: $0, framing: reader.log.framing)
      }
      sink?.send(frames: frames, count: run.ends.count)
      sequence = last
    case .text: bringText(run, framing: reader.log.framing)
    }
  }

  private func frames(of run: StreamRun, framing: EventFraming) -> [UInt8] {
    var frames: [UInt8] = []
    run.forEachEvent { number, event in
      message.chunk(
        stream: id.text, sequence: number, event, framing: framing, format: view.format)
      let text = message.json.bytes
      FrameWriter.append(.text, text.span, to: &frames)
    }
    return frames
  }

  private func bringText(_ run: StreamRun, framing: EventFraming) {
    sink?.cork()
    defer { sink?.uncork() }
    newest = run.firstEvent + run.ends.count - 1
    run.forEachEvent { number, event in
      let content = EventContent(event, framing)
      let text = texts?.text(of: content.data, named: content.name) ?? []
      if pacer != nil {
        pacer?.append(String(decoding: text, as: UTF8.self), of: number)
      } else {
        bring(String(decoding: text, as: UTF8.self), of: number)
      }
    }
    if pacer != nil { sendPaced() }
  }

  private func bring(_ text: String, of number: Int) {
    let rest = String(decoding: text.utf8.dropFirst(offset), as: UTF8.self)
    offset = max(0, offset - text.utf8.count)
    sequence = number
    guard !rest.isEmpty else { return }
    message.chunk(stream: id.text, sequence: number, text: rest)
    sink?.send(message)
  }

  /// A last line of NDJSON that has no end but is whole: no event at which to resume, and yet one to
  /// read.
  private func bringUnendedLine(_ tail: StreamRun, of log: StreamLog) {
    guard log.framing == .lines, JSONDocument(tail.joined()) != nil else { return }
    let run = tail.asEvent(max(sequence, newest) + 1)
    guard view.format == .events else { return bringText(run, framing: log.framing) }
    sink?.send(frames: frames(of: run, framing: log.framing), count: 1)
    sequence = run.firstEvent
  }

  /// What stands behind the last event: of interest to who wants every byte.
  private func bringTail(_ run: StreamRun, of log: StreamLog) {
    let bytes = run.joined()
    guard view.format == .raw else { return bringUnendedLine(run, of: log) }
    message.chunk(
      stream: id.text, sequence: sequence, bytes[...], framing: log.framing, format: .raw,
      isTail: true)
    sink?.send(message)
  }

  func reader(_ reader: StreamReader, leftOut events: Range<Int>) {
    if pacer != nil, let pace = view.pace {
      pacer = Pacer(pace, after: events.upperBound - 1, skipping: 0)
    }
    (sequence, offset) = (events.upperBound - 1, 0)
    sink?.dropped(messages: events.count)
    message.gap(stream: id.text, events: events)
    sink?.send(message)
  }

  func reader(_ reader: StreamReader, ended end: ReaderEnd) {
    self.reader = nil
    guard pacer != nil else { return tell(end) }
    self.end = end
    pacer?.end()
    sendPaced()
  }

  private func tell(_ end: ReaderEnd) {
    let name = id.text
    switch end {
    case .stream(.whole):
      message.done(id: request?.id, stream: name, sequence: max(sequence, newest))
    case .stream(.cut): fail("cut", "the stream broke off, or was stopped")
    case .lost(.evicted): fail("evicted", "the events that follow had to make room for later ones")
    case .lost(.expired): fail("expired", "the stream is not kept any more")
    case .dropped: fail("lagged", "this socket did not keep up; subscribe again to go on")
    }
    sink?.send(message)
    timer?.invalidate()
    timer = nil
    let sink = sink
    self.sink = nil
    seat = nil
    sink?.streamEnded(self)
  }

  private func fail(_ reason: StaticString, _ text: String) {
    message.error(
      id: request?.id, stream: id.text, sequence: sequence, reason: reason, message: text)
  }
}

// MARK: - Pacing

extension SocketStream: TimerOwner {
  func timerFired(_ timer: LoopTimer) {
    if isDoomed { return leave() }
    sendPaced()
    reader?.pump()
  }

  private func sendPaced() {
    while let sink, sink.room > 0, !isPaused {
      switch pacer?.next(at: hub.loop.now.nanoseconds, roundTrip: sink.roundTrip) {
      case .piece(let piece):
        (sequence, offset) = (piece.sequence, piece.offset)
        message.chunk(
          stream: id.text, sequence: sequence, offset: offset, text: piece.text)
        sink.send(message)
      case .wait(let time): return wake(at: time)
      case .needMore, nil:
        if let end, pacer?.isFinished == true { tell(end) }
        return
      }
    }
  }

  private func wake(at nanoseconds: UInt64) {
    let timer = timer ?? LoopTimer(on: hub.loop, owner: self)
    timer.set(Instant(nanoseconds: nanoseconds))
    self.timer = timer
  }
}
