// What happens when an event is complete, and when the stream is.

internal import Wire

extension StreamTap {
  /// The event read is complete: it becomes facts.
  @discardableResult
  func endEvent(named name: [UInt8]) -> EventKind {
    let reader = openReader()
    let kind = conclude(reader, named: name)
    finishEvent(
      ExpectedEvent(
        kind: kind, isContent: reader.interpreter.reading.contentChars > 0,
        isVisible: reader.interpreter.reading.isVisible), bytes: eventBytes)
    dropEvent(of: reader)
    return kind
  }

  @inline(__always)
  private func finishEvent(_ event: ExpectedEvent, bytes: Int) {
    clock(event.kind, isContent: event.isContent, isVisible: event.isVisible)
    facts.count(event.kind)
    facts.countEvent(bytes: bytes)
    facts.events &+= 1
  }

  /// Reads events for as long as they look as expected, and returns where one begins that looks otherwise.
  @inline(__always)
  func readExpected(_ bytes: Span<UInt8>, from start: Int) -> Int {
    // Taken out while it is used: one that stays here is counted up and down for each event.
    guard isBetweenEvents, let template = template.take() else { return start }
    var tallies = JSONPattern.Tallies(repeating: 0)
    var position = start
    while position < bytes.count,
      let end = template.end(in: bytes, from: position, likelyGap: &likelyGap, &tallies)
    {
      finish(template, tallies, bytes: eventBytes &+ end &- position)
      position = end
    }
    self.template = template
    return position
  }

  @inline(__always)
  private func finish(
    _ expected: EventTemplate, _ tallies: JSONPattern.Tallies, bytes: Int
  ) {
    if let event = expected.sums?.add(tallies, &memory, to: &facts) {
      finishEvent(event, bytes: bytes)
    } else {
      conclude(expected, tallies, bytes: bytes)
    }
    eventBytes = 0
    expectedEvents &+= 1
    if templateCredit < 2 * Self.templatePrice { templateCredit &+= 1 }
  }

  @inline(never)
  private func conclude(
    _ expected: EventTemplate, _ tallies: JSONPattern.Tallies, bytes: Int
  ) {
    let reader = openReader()
    let event = expected.conclude(tallies, &reader.interpreter, &memory, into: &facts)
    finishEvent(event, bytes: bytes)
    giveBackReaderAtRest()
  }

  /// Expects events like this one from now on. A template costs what a few events cost to read,
  /// and memory: so it must be earned, by as many events.
  func learn(_ event: Span<UInt8>) {
    guard !memory.isUnknown, !memory.isRawText else { return }
    let (dialect, known) = (memory.dialect, memory.known)
    if let shared = supplies.template(of: event, in: dialect, known: known) {
      template = shared
      return
    }
    guard templateCredit >= Self.templatePrice else {
      templateCredit += 1
      return
    }
    templateCredit -= Self.templatePrice
    guard let made = EventTemplate(of: event, in: dialect, known: known) else { return }
    template = made
    supplies.add(made, for: dialect, known: known)
  }

  private static var templatePrice: Int32 { 32 }

  private func conclude(_ reader: EventReader, named name: [UInt8]) -> EventKind {
    if reader.isDoneMark {
      facts.doneMarker = true
      return .terminal
    }
    if reader.scanner.isFailed && !memory.isUnknown { facts.lose(.badJSON) }
    if !name.isEmpty { takeName(name, reader) }
    if memory.isUnknown { recognise(reader) }
    return reader.interpreter.conclude(&memory, into: &facts)
  }

  /// An event's name counts where its JSON has not already told its type.
  private func takeName(_ name: [UInt8], _ reader: EventReader) {
    if reader.interpreter.reading.rule < 0 { reader.interpreter.takeRule(name.span, memory) }
    guard memory.isRawText else { return }
    let isText = reader.interpreter.traits(memory).contains(.text)
    if !isText { reader.interpreter.reading.text = 0 }
  }

  /// Forgets the event read, complete or not.
  func dropEvent(of reader: EventReader) {
    reader.drop(memory)
    eventBytes = 0
  }

  // MARK: - Streams of unknown format

  /// Names the dialect by what the first event with anything in it shows. That event was read
  /// with every dialect's paths; later ones are read with its own.
  private func recognise(_ reader: EventReader) {
    let reading = reader.interpreter.reading
    var found: Dialect?
    if let rule = reader.interpreter.rule(memory), !rule.traits.contains(.error) {
      found = DialectCatalogue.sniffed.first { dialect in
        dialect.rules.contains { $0.bytes == rule.bytes }
      }
      reader.interpreter.reading.rule = found?.rule(named: rule.bytes.span) ?? -1
    } else if reading.signature >= 0 {
      found = DialectCatalogue.sniffed[reading.signature]
    }
    guard var dialect = found else { return }
    if dialect === Dialect.openAIChat && RequestPath(path.path).ends(with: "/completions") {
      dialect = .openAICompletions
    }
    adopt(dialect, reader)
  }

  private func adopt(_ dialect: Dialect, _ reader: EventReader) {
    let terminal = reader.interpreter.reading.terminal
    if terminal >= 0 {
      let path = Dialect.allTerminals[terminal].path
      reader.interpreter.reading.terminal = dialect.terminals.firstIndex { $0.path == path } ?? -1
    }
    memory.use(dialect)
    template = nil
    if memory.isRawText { reader.interpreter.reading.text = reader.dataScalars }
    facts.dialect = dialect.name
    facts.operation = dialect.operation
    facts.usageRule = dialect.usage
    if facts.provider == nil { facts.provider = dialect.provider }
    reader.scanner.begin(dialect.stream, longCaptureLimitBytes: messageLimitBytes)
  }

  // MARK: - What stands outside of events

  func feedStray(_ bytes: Span<UInt8>, isErrorField: Bool) {
    if stray == nil {
      guard bytes.count > 0, !ignoresLine else { return }
      // A bare document begins with a brace; any other line is what the standard says: nothing. Its
      // first byte decides for all of it: a later read may begin with a brace as well.
      guard isErrorField || bytes[0] == UInt8(ascii: "{") else {
        ignoresLine = true
        return
      }
      stray = StrayReader(
        isErrorField: isErrorField, messageLimitBytes: messageLimitBytes)
    }
    stray?.read(bytes)
  }

  func endStrayLine() {
    ignoresLine = false
    guard stray?.isUnfinished == false else { return }
    if let error = stray?.error {
      if facts.error == nil {
        facts.error = error
        facts.errorCameInField = stray?.isErrorField == true
        facts.errorCameAsRawJSON = stray?.isErrorField == false
      }
      facts.count(.error)
    }
    stray = nil
  }

  // MARK: - Bodies

  func endBody() {
    if case .text = framing {
      var error = UpstreamError()
      error.message = rawText
      facts.error = error
    } else if let reader = takeReader() {
      if reader.scanner.isComplete {
        if status >= 400 { reader.interpreter.reading.hasError = true }
        _ = reader.interpreter.conclude(&memory, into: &facts, isBody: true)
      } else if !reader.scanner.isUntouched {
        facts.lose(reader.scanner.isFailed ? .badJSON : .malformedStream)
      }
      supplies.takeBack(reader)
    }
  }

  // MARK: - The end's name

  func nameEnd() {
    let isBody = !facts.isStream
    let options = memory.dialect.options
    let named = !facts.terminal.isEmpty
    if isBody {
      facts.terminal = Self.bodyEnd
    } else if facts.error != nil && !(named && options.contains(.terminalBeatsError)) {
      facts.terminal = "error".bytes
    } else if !named {
      facts.terminal = unnamedEnd
    }
    facts.end = streamEnd(isBody: isBody, endCompletes: options.contains(.endCompletes))
    facts.errorType = errorType
  }

  /// Every plain answer ends so; an array made for each would be the last of its allocations, and references to
  /// one that the compiler has laid out are not counted.
  private static let bodyEnd: [UInt8] = [
    UInt8(ascii: "b"), UInt8(ascii: "o"), UInt8(ascii: "d"), UInt8(ascii: "y"),
  ]

  private var unnamedEnd: [UInt8] {
    if facts.doneMarker { return "done-marker".bytes }
    if sawArrayEnd { return "array-end".bytes }
    return facts.finishes.isEmpty ? "eof".bytes : "finish_reason".bytes
  }

  private func streamEnd(isBody: Bool, endCompletes: Bool) -> StreamEnd {
    if status >= 400 { return .httpError }
    if isBody { return .completed }
    if facts.error != nil { return .error }
    let isWhole = facts.sawTerminal || endCompletes || !facts.blockReason.isEmpty
    // Observation lost is nobody's fault upstream.
    return isWhole || hasGivenUp ? .completed : .truncated
  }

  private var errorType: ErrorType? {
    switch facts.end {
    case .completed: nil
    case .truncated: .truncated
    case .error, .httpError:
      ErrorTable.type(
        code: facts.error?.code, type: facts.error?.type, message: facts.error?.message,
        status: status)
    }
  }
}
