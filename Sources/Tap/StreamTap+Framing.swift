// How bytes become events: each framing finds where events end, and hands their JSON on.

internal import Wire

extension StreamTap {
  /// Takes bytes whose content coding is undone.
  func consume(_ bytes: Span<UInt8>) {
    guard isObserving else { return }
    switch framing {
    case .serverSentEvents: consumeEvents(bytes)
    case .lines: consumeLines(bytes)
    case .eventStream: consumeMessages(bytes)
    case .json: consumeBody(bytes)
    case .jsonArray: consumeElements(bytes)
    case .text: keepText(bytes)
    case .messages, .opaque: break
    }
  }

  /// Hands a piece of an event's payload to the scanner, and what that finds to the interpreter.
  func feed(_ bytes: Span<UInt8>) {
    if dataLength == doneMarkLength && dataLength < 6 { matchDoneMark(bytes) }
    dataLength += bytes.count
    if isRawText {
      interpreter.reading.text += Self.scalarCount(bytes)
      return
    }
    // Until the format is known the data may prove to be plain text.
    if isUnknown { dataScalars += Self.scalarCount(bytes) }
    var position = 0
    while let match = scanner.next(bytes, from: &position) {
      if case .stringPiece = match.kind {
        unwrap(match, bytes)
      } else {
        interpreter.take(match, match.isCaptured ? scanner.captured : [])
      }
    }
  }

  private static let doneMark = "[DONE]".bytes

  private func matchDoneMark(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      guard doneMarkLength < 6, bytes[index] == Self.doneMark[doneMarkLength] else { return }
      doneMarkLength += 1
    }
  }

  private static func scalarCount(_ bytes: Span<UInt8>) -> Int {
    var count = 0
    for index in bytes.indices where bytes[index] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  // MARK: - Server-sent events

  private func consumeEvents(_ bytes: Span<UInt8>) {
    var position = 0
    var eventStart = 0
    // Where the event being read began, if it began in these bytes.
    var first = -1
    while position < bytes.count {
      if let end = readExpected(bytes, from: position, eventStart: eventStart) {
        position = end
        eventStart = end
        continue
      }
      if events.isBetweenEvents { first = position }
      guard let token = events.next(bytes, from: &position) else { break }
      switch token {
      case .data(let range): feed(bytes.extracting(range))
      case .dataLineBreak: feed(Self.lineBreak.span)
      case .event:
        eventBytes += position - eventStart
        eventStart = position
        let kind = endEvent(named: events.name)
        if kind == .content, first >= 0 { learn(bytes.extracting(first..<position)) }
      case .comment:
        facts.comments += 1
        facts.count(.comment)
      case .errorField(let range), .strayLine(let range):
        feedStray(bytes.extracting(range), isErrorField: token.isErrorField)
      case .errorFieldEnd, .strayLineEnd:
        feedStray(Self.lineBreak.span, isErrorField: token.isErrorField)
        endStrayLine()
      }
      if !isObserving { return }
    }
    eventBytes += bytes.count - eventStart
  }

  private static let lineBreak: [UInt8] = [UInt8(ascii: "\n")]

  // MARK: - Lines

  private func consumeLines(_ bytes: Span<UInt8>) {
    var start = 0
    while let end = Lines.firstEnd(in: bytes, from: start) {
      feed(bytes.extracting(start..<end))
      eventBytes += end + 1 - start
      endLine()
      start = end + 1
    }
    feed(bytes.extracting(start..<bytes.count))
    eventBytes += bytes.count - start
  }

  private func endLine() {
    guard !scanner.isUntouched else {
      dataLength = 0
      doneMarkLength = 0
      return
    }
    if scanner.isComplete {
      endEvent(named: [])
    } else {
      facts.lose(.badJSON)
      facts.count(.unknown)
      dropEvent()
    }
  }

  // MARK: - AWS event streams

  private func consumeMessages(_ bytes: Span<UInt8>) {
    var position = 0
    var start = 0
    do throws(EventStreamError) {
      while let step = try messages?.next(bytes, &position) {
        switch step {
        case .needMore:
          eventBytes += bytes.count - start
          return
        case .message:
          continue
        case .payload(let range):
          feed(bytes.extracting(range))
        case .messageEnd(let isIntact):
          eventBytes += position - start
          start = position
          endMessage(isIntact: isIntact)
        }
      }
    } catch {
      facts.isEOFPending = true
      giveUp(.badFrame)
    }
  }

  private func endMessage(isIntact: Bool) {
    guard isIntact else {
      facts.checksumErrors += 1
      facts.lose(.badFrame)
      facts.count(.unknown)
      facts.events += 1
      dropEvent()
      return
    }
    guard let messages else { return }
    let isException = messages.header(.messageType, equals: "exception")
    if isException || messages.header(.messageType, equals: "error") {
      let header: EventStreamHeader = isException ? .exceptionType : .errorCode
      interpreter.reading.hasError = true
      interpreter.reading.hasTexts = true
      interpreter.texts.outer.type = messages.withValue(of: header) { [UInt8](copying: $0) }
    }
    eventType.removeAll(keepingCapacity: true)
    messages.withValue(of: .eventType) { value in
      for index in value.indices { eventType.append(value[index]) }
    }
    endEvent(named: eventType)
  }

  /// Decodes a piece of the Base64 text that InvokeModel wraps a model's event in.
  private func unwrap(_ match: JSONMatch, _ bytes: Span<UInt8>) {
    if wrapped == nil {
      wrapped = WrappedReader()
      use(.bedrockModel)
    }
    if match.piece.isEmpty {
      let unescaped = scanner.captured
      wrapped?.read(unescaped.span, &interpreter)
    } else {
      wrapped?.read(bytes.extracting(match.piece), &interpreter)
    }
  }

  // MARK: - Bodies and arrays

  private func consumeBody(_ bytes: Span<UInt8>) {
    guard scanner.isUntouched else { return feed(bytes) }
    guard let first = Self.firstByte(bytes) else { return }
    switch first {
    case UInt8(ascii: "[") where request.status < 300 && interpreter.dialect === Dialect.gemini:
      framing = .jsonArray
      facts.isStream = true
      scanner = JSONScanner(
        interpreter.dialect.stream, style: .elements,
        longCaptureLimitBytes: request.messageLimitBytes)
      consumeElements(bytes)
    case UInt8(ascii: "{"), UInt8(ascii: "["): feed(bytes)
    default:
      if request.status >= 400 {
        framing = .text
        keepText(bytes)
      } else {
        giveUp(.badJSON)
      }
    }
  }

  private static func firstByte(_ bytes: Span<UInt8>) -> UInt8? {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return byte }
    }
    return nil
  }

  private func consumeElements(_ bytes: Span<UInt8>) {
    var position = 0
    var start = 0
    while let match = scanner.next(bytes, from: &position) {
      switch match.kind {
      case .elementEnded:
        eventBytes += position - start
        start = position
        endEvent(named: [])
      case .elementsEnded: sawArrayEnd = true
      default: interpreter.take(match, match.isCaptured ? scanner.captured : [])
      }
    }
    eventBytes += bytes.count - start
    if scanner.isFailed { giveUp(.badJSON) }
  }

  private func keepText(_ bytes: Span<UInt8>) {
    for index in bytes.indices where rawText.count < request.messageLimitBytes {
      rawText.append(bytes[index])
    }
  }

  // MARK: - The end

  /// What is left when the bytes stop.
  func endFraming() {
    switch framing {
    case .serverSentEvents:
      facts.isEOFPending = events.isUnfinished || stray?.isUnfinished ?? false
    case .lines:
      facts.isEOFPending = !scanner.isUntouched && !scanner.isComplete
      if scanner.isComplete { endEvent(named: []) }
    case .eventStream:
      facts.isEOFPending = messages?.isInsideMessage ?? false
    case .jsonArray:
      facts.isEOFPending = !sawArrayEnd
    case .json, .text:
      endBody()
    case .messages, .opaque: break
    }
  }
}

extension EventParser.Token {
  var isErrorField: Bool {
    switch self {
    case .errorField, .errorFieldEnd: true
    default: false
    }
  }
}
