// What happens when an event is complete, and when the stream is.

internal import Wire

extension StreamTap {
  /// The event read is complete: it becomes facts.
  @discardableResult
  func endEvent(named name: [UInt8]) -> EventKind {
    let kind = conclude(named: name)
    finishEvent(
      ExpectedEvent(
        kind: kind, isContent: interpreter.reading.contentChars > 0,
        isVisible: interpreter.reading.isVisible))
    dropEvent()
    return kind
  }

  private func finishEvent(_ event: ExpectedEvent) {
    clock(event.kind, isContent: event.isContent, isVisible: event.isVisible)
    facts.count(event.kind)
    facts.countEvent(bytes: eventBytes)
    facts.events += 1
  }

  /// Reads an event that looks as expected; returns where it ends, nil for any other.
  @inline(__always)
  func readExpected(_ bytes: Span<UInt8>, from start: Int, eventStart: Int) -> Int? {
    guard let template, events.isBetweenEvents,
      let (end, event) = template.read(bytes, from: start, &interpreter, into: &facts)
    else { return nil }
    templateCredit = min(templateCredit + 1, 2 * Self.templatePrice)
    expectedEvents += 1
    eventBytes += end - eventStart
    finishEvent(event)
    eventBytes = 0
    return end
  }

  /// Expects events like this one from now on. A template costs what a few events cost to read,
  /// and memory: so it must be earned, by as many events.
  func learn(_ event: Span<UInt8>) {
    guard !isUnknown, !isRawText else { return }
    let (dialect, known) = (interpreter.dialect, interpreter.known)
    if let shared = templates.template(of: event, in: dialect, known: known) {
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
    templates.add(made, for: dialect, known: known)
  }

  private static var templatePrice: Int { 32 }

  private func conclude(named name: [UInt8]) -> EventKind {
    if doneMarkLength == 6 && dataLength == 6 {
      facts.doneMarker = true
      return .terminal
    }
    if scanner.isFailed && !isUnknown { facts.lose(.badJSON) }
    if !name.isEmpty { takeName(name) }
    if isUnknown { recognise() }
    return interpreter.conclude(into: &facts)
  }

  /// An event's name counts where its JSON has not already told its type.
  private func takeName(_ name: [UInt8]) {
    if interpreter.reading.rule < 0 { interpreter.takeRule(name) }
    guard isRawText else { return }
    let isText = interpreter.rule?.traits.contains(.text) ?? false
    if !isText { interpreter.reading.text = 0 }
  }

  /// Forgets the event read, complete or not.
  func dropEvent() {
    interpreter.drop()
    if case .jsonArray = framing {} else { scanner.reset() }
    wrapped?.reset()
    scanner.uncaptured = interpreter.known
    dataLength = 0
    dataScalars = 0
    doneMarkLength = 0
    eventBytes = 0
  }

  // MARK: - Streams of unknown format

  /// Names the dialect by what the first event with anything in it shows. That event was read
  /// with every dialect's paths; later ones are read with its own.
  private func recognise() {
    let reading = interpreter.reading
    var found: Dialect?
    if let rule = interpreter.rule, !rule.traits.contains(.error) {
      found = DialectCatalogue.sniffed.first { dialect in
        dialect.rules.contains { $0.bytes == rule.bytes }
      }
      interpreter.reading.rule = found?.rule(named: rule.bytes) ?? -1
    } else if reading.signature >= 0 {
      found = DialectCatalogue.sniffed[reading.signature]
    }
    guard var dialect = found else { return }
    if dialect === Dialect.openAIChat && RequestPath(request.path).ends(with: "/completions") {
      dialect = .openAICompletions
    }
    adopt(dialect)
  }

  private func adopt(_ dialect: Dialect) {
    let terminal = interpreter.reading.terminal
    if terminal >= 0 {
      let path = Dialect.allTerminals[terminal].path
      interpreter.reading.terminal = dialect.terminals.firstIndex { $0.path == path } ?? -1
    }
    use(dialect)
    if isRawText { interpreter.reading.text = dataScalars }
    facts.dialect = dialect.name
    facts.operation = dialect.operation
    facts.usageRule = dialect.usage
    if facts.provider == nil { facts.provider = dialect.provider }
    scanner = JSONScanner(dialect.stream, longCaptureLimitBytes: request.messageLimitBytes)
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
        isErrorField: isErrorField, messageLimitBytes: request.messageLimitBytes)
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
    } else if scanner.isComplete {
      if request.status >= 400 { interpreter.reading.hasError = true }
      _ = interpreter.conclude(into: &facts, isBody: true)
    } else if !scanner.isUntouched {
      facts.lose(scanner.isFailed ? .badJSON : .malformedStream)
    }
    interpreter.drop()
  }

  // MARK: - The end's name

  func nameEnd() {
    let isBody = !facts.isStream
    let options = interpreter.dialect.options
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

  /// Every plain answer ends so; an array made for each would be the last of its allocations.
  private static let bodyEnd = "body".bytes

  private var unnamedEnd: [UInt8] {
    if facts.doneMarker { return "done-marker".bytes }
    if sawArrayEnd { return "array-end".bytes }
    return facts.finishes.isEmpty ? "eof".bytes : "finish_reason".bytes
  }

  private func streamEnd(isBody: Bool, endCompletes: Bool) -> StreamEnd {
    if request.status >= 400 { return .httpError }
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
        status: request.status)
    }
  }
}
