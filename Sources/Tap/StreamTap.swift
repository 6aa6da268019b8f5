// Watches one response body as it passes: framing, then events, then facts. It changes nothing,
// throws nothing, and gives up quietly on what it cannot read.

internal import Wire

/// The side path of one stream. It lives on its loop, and is fed what was already written on.
///
/// It allocates when it is made and when it meets something for the first time, not per event.
/// State is 0.8 KiB, and 40 KiB more while it undoes a content coding. What is needed only while an
/// event is open is lent by the loop, which also keeps what events look like, once for all streams.
package final class StreamTap {
  /// Cache lines of 64 bytes that an event touches: all of it.
  package static let cacheLines: UInt = 14

  package internal(set) var facts: StreamFacts
  /// False once there is nothing more to see: the caller may spare itself the calls.
  package internal(set) var isObserving = true
  /// The rest of the body was not looked at, so that a missing terminal says nothing.
  var hasGivenUp = false

  var path: PathReading
  var status: Int
  var messageLimitBytes: Int
  var framing: TapFraming
  var memory: StreamMemory
  var events = EventParser()
  var messages: MessageFraming?
  var inflate: Inflate?
  /// While an event is open.
  var reader: EventReader?
  /// For what stands outside of events: a field named `error`, or a bare JSON document.
  var stray: StrayReader?
  /// The line at hand stands outside of events and is nothing.
  var ignoresLine = false

  let supplies: TapSupplies
  /// What the next event is expected to look like; nil until the stream has shown enough.
  var template: EventTemplate?
  /// The parser stands between two events: what it says itself, kept where asking costs nothing.
  var isBetweenEvents = false
  /// The gap of the template in which events differ.
  var likelyGap = UInt8.max
  /// Events read since the last template was made, up to a limit.
  var templateCredit: Int32 = 0
  /// Events and bodies that looked as expected, so that a test can tell that some did.
  var expectedEvents: Int32 = 0

  // The event being read.
  var eventBytes = 0
  var sawArrayEnd = false
  /// A failed request's answer that is no JSON.
  var rawText: [UInt8] = []

  // Clocks.
  var now: UInt64 = 0
  var contentInRead = false
  var gap: UInt64?
  var blockedNanoseconds: UInt64 = 0

  /// - Parameter supplies: those of the loop that the stream lives on.
  package init(_ request: borrowing TapRequest, sharing supplies: TapSupplies = TapSupplies()) {
    path = supplies.read(request)
    status = request.status
    messageLimitBytes = request.messageLimitBytes
    self.supplies = supplies
    framing = request.framing
    memory = StreamMemory(path.dialect)
    facts = StreamFacts(dialect: path.dialect)
    begin(request)
  }

  // MARK: - The reader

  /// What reads the open event, or the next.
  func openReader() -> EventReader {
    if let reader { return reader }
    let new = newReader()
    reader = new
    return new
  }

  /// For whoever puts it in its place when it has been used.
  func newReader() -> EventReader {
    let lent = supplies.lendReader()
    lent.begin(text, longCaptureLimitBytes: messageLimitBytes, memory)
    return lent
  }

  private var text: EventReader.Text {
    guard case .json = framing else { return .event }
    return status >= 400 ? .errorBody : .body
  }

  /// The open reader, for whoever uses it last and gives it back.
  func takeReader() -> EventReader? { reader.take() }

  func giveBackReaderAtRest() {
    if let reader, reader.isAtRest { giveReaderBack() }
  }

  private func giveReaderBack() {
    if let lent = takeReader() { supplies.takeBack(lent) }
  }

  // MARK: - Feeding

  /// Takes body bytes, without their chunk framing, in the order they came.
  ///
  /// - Parameters:
  ///   - instant: nanoseconds of the loop's monotonic clock when they were read.
  ///   - startsRead: false for a further piece of the same read. Content events of one read count
  ///     one gap together; the others are a burst.
  package func observe(_ bytes: Span<UInt8>, at instant: UInt64, startsRead: Bool = true) {
    guard isObserving else { return }
    now = instant
    if startsRead { contentInRead = false }
    // Nearly all reads of a stream begin where an event does. Two calls, each the last thing done: so this
    // function needs no frame.
    if isBetweenEvents && inflate == nil {
      consumeEvents(bytes)
    } else {
      observeOther(bytes)
    }
  }

  @inline(never)
  private func observeOther(_ bytes: Span<UInt8>) {
    if let inflate {
      do throws(InflateError) {
        try inflate.push(bytes) { self.consume($0) }
      } catch {
        giveUp(error == .expansion ? .shed : .badEncoding)
      }
    } else {
      consume(bytes)
    }
    giveBackReaderAtRest()
  }

  /// Takes a piece of a WebSocket message, unmasked. `endsMessage` completes it.
  package func observeMessage(_ bytes: Span<UInt8>, endsMessage: Bool, at instant: UInt64) {
    guard isObserving else { return }
    now = instant
    contentInRead = false
    eventBytes += bytes.count
    openReader().feed(bytes, &memory)
    guard endsMessage else { return }
    endEvent(named: [])
    giveReaderBack()
  }

  /// Time during which the client took nothing, so that the provider could not be heard: it is no
  /// part of the gap it falls in.
  package func excludeFromGap(nanoseconds: UInt64) {
    blockedNanoseconds += nanoseconds
  }

  /// The gap before the first content event of the last read, once.
  package func takeGap() -> UInt64? {
    defer { gap = nil }
    return gap
  }

  /// The framing ended, well or not: what is unfinished is dropped and the end gets its name.
  package func end() {
    if isObserving, let inflate, !inflate.isComplete { facts.lose(.malformedStream) }
    if isObserving { endFraming() }
    isObserving = false
    inflate = nil
    giveReaderBack()
    nameEnd()
  }

  func giveUp(_ kind: ObserverErrorKind) {
    facts.lose(kind)
    isObserving = false
    hasGivenUp = true
    inflate = nil
  }

  // MARK: - For the books

  // Asked of the tap: a computed property of `facts`, asked from another room, copies them whole.

  /// Tells why each choice ended, in the order of choices.
  package func forEachFinish(_ body: (FinishReason) -> Void) {
    switch facts.finishes.count {
    case 0: break
    case 1:
      // Taken out while it is read, which counts no reference.
      var finishes: [StreamFacts.Finish] = []
      swap(&finishes, &facts.finishes)
      body(FinishReason(finishes[0].raw))
      swap(&finishes, &facts.finishes)
    default: for (raw, _) in facts.finishReasons { body(FinishReason(raw)) }
    }
  }

  /// Moves the model, or what the answer is called, out of the facts; for who asks last.
  package func takeModel() -> [UInt8] { Self.take(&facts.model) }
  package func takeResponseID() -> [UInt8] { Self.take(&facts.responseID) }

  private static func take(_ text: inout [UInt8]) -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &text)
    return taken
  }

  package var tokens: TokenPartition { facts.tokens }
  package var usageSource: UsageSource { facts.usageSource }
  package var sawTerminal: Bool { facts.sawTerminal }
  package var hasObserverErrors: Bool {
    facts.observerErrors.indices.contains { facts.observerErrors[$0] > 0 }
  }

  // MARK: - Clocks

  /// Notes when an event came, and what it brought. Called after its facts are counted.
  @inline(__always)
  func clock(_ kind: EventKind, isContent: Bool, isVisible: Bool) {
    guard isContent, contentInRead, facts.firstVisible != nil else {
      return clockFirst(kind, isContent: isContent, isVisible: isVisible)
    }
    // One more of a burst: what comes first has all come.
    facts.contentEvents &+= 1
    facts.burstEvents &+= 1
    facts.lastContent = now
    blockedNanoseconds = 0
  }

  @inline(never)
  private func clockFirst(_ kind: EventKind, isContent: Bool, isVisible: Bool) {
    if kind != .ping && facts.firstChunk == nil { facts.firstChunk = now }
    guard isContent else { return }
    facts.contentEvents += 1
    if facts.firstContentEvent == nil { facts.firstContentEvent = facts.events }
    if isVisible && facts.firstVisible == nil { facts.firstVisible = now }
    if contentInRead {
      facts.burstEvents += 1
    } else if let last = facts.lastContent {
      let silence = now >= last ? now - last : 0
      let length = silence >= blockedNanoseconds ? silence - blockedNanoseconds : 0
      gap = length
      facts.maxGapNanoseconds = max(facts.maxGapNanoseconds, length)
    }
    if facts.firstToken == nil { facts.firstToken = now }
    facts.lastContent = now
    blockedNanoseconds = 0
    contentInRead = true
  }
}
