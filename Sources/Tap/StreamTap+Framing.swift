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

  // MARK: - Server-sent events

  /// Most reads hold nothing but events that look as expected.
  func consumeEvents(_ bytes: Span<UInt8>) {
    var position = 0
    while true {
      position = readExpected(bytes, from: position)
      if position == bytes.count { return }
      position = readOther(bytes, from: position)
    }
  }

  /// Reads on to where a line begins that may begin an event, and returns where that is.
  @inline(never)
  private func readOther(_ bytes: Span<UInt8>, from start: Int) -> Int {
    // Where the event being read began, if it began in these bytes.
    let first = isBetweenEvents ? start : -1
    var position = start
    // Where in these bytes the event's length is counted from.
    var eventStart = start
    repeat {
      let token = events.next(bytes, from: &position)
      isBetweenEvents = events.isBetweenEvents
      guard let token else { break }
      if case .event = token {
        eventBytes += position - eventStart
        eventStart = position
        let kind = endEvent(named: events.name)
        if kind == .content, first >= 0 { learn(bytes.extracting(first..<position)) }
      } else {
        take(token, of: bytes)
      }
    } while !isBetweenEvents && position < bytes.count
    eventBytes += position - eventStart
    giveBackReaderAtRest()
    return position
  }

  /// Takes a part of an event, or what is none.
  private func take(_ token: EventParser.Token, of bytes: Span<UInt8>) {
    switch token {
    case .data(let range): openReader().feed(bytes.extracting(range), &memory)
    case .dataLineBreak: openReader().feed(Self.lineBreak.span, &memory)
    case .event: break
    case .comment:
      facts.comments += 1
      facts.count(.comment)
    case .errorField(let range), .strayLine(let range):
      feedStray(bytes.extracting(range), isErrorField: token.isErrorField)
    case .errorFieldEnd, .strayLineEnd:
      feedStray(Self.lineBreak.span, isErrorField: token.isErrorField)
      endStrayLine()
    }
  }

  private static let lineBreak: [UInt8] = [UInt8(ascii: "\n")]

  // MARK: - Lines

  private func consumeLines(_ bytes: Span<UInt8>) {
    let reader = openReader()
    var start = 0
    while let end = Lines.firstEnd(in: bytes, from: start) {
      reader.feed(bytes.extracting(start..<end), &memory)
      eventBytes += end + 1 - start
      endLine(reader)
      start = end + 1
    }
    reader.feed(bytes.extracting(start..<bytes.count), &memory)
    eventBytes += bytes.count - start
  }

  private func endLine(_ reader: EventReader) {
    if reader.scanner.isUntouched {
      reader.forgetLength()
    } else if reader.scanner.isComplete {
      endEvent(named: [])
    } else {
      facts.lose(.badJSON)
      facts.count(.unknown)
      dropEvent(of: reader)
    }
  }

  // MARK: - AWS event streams

  private func consumeMessages(_ bytes: Span<UInt8>) {
    var position = 0
    var start = 0
    do throws(EventStreamError) {
      while let step = try messages?.parser.next(bytes, &position) {
        switch step {
        case .needMore:
          eventBytes += bytes.count - start
          return
        case .message:
          continue
        case .payload(let range):
          openReader().feed(bytes.extracting(range), &memory)
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
    let reader = openReader()
    guard isIntact else {
      facts.checksumErrors += 1
      facts.lose(.badFrame)
      facts.count(.unknown)
      facts.events += 1
      dropEvent(of: reader)
      return
    }
    guard let messages = messages?.parser else { return }
    let isException = messages.header(.messageType, equals: "exception")
    if isException || messages.header(.messageType, equals: "error") {
      let header: EventStreamHeader = isException ? .exceptionType : .errorCode
      reader.interpreter.reading.hasError = true
      reader.interpreter.reading.hasTexts = true
      reader.interpreter.texts.outer.type = messages.withValue(of: header) {
        [UInt8](copying: $0)
      }
    }
    reader.eventType.removeAll(keepingCapacity: true)
    messages.withValue(of: .eventType) { value in
      for index in value.indices { reader.eventType.append(value[index]) }
    }
    endEvent(named: reader.eventType)
  }

  // MARK: - Bodies and arrays

  private func consumeBody(_ bytes: Span<UInt8>) {
    if let reader { return reader.feed(bytes, &memory) }
    guard let first = Self.firstMark(bytes) else { return }
    switch bytes[first] {
    case UInt8(ascii: "[") where status < 300 && memory.dialect === Dialect.gemini:
      framing = .jsonArray
      facts.isStream = true
      openReader().scanner.begin(
        memory.dialect.stream, style: .elements, longCaptureLimitBytes: messageLimitBytes)
      consumeElements(bytes)
    case UInt8(ascii: "{"), UInt8(ascii: "["): beginBody(bytes)
    default:
      if status >= 400 {
        framing = .text
        keepText(bytes.extracting(first...))
      } else {
        giveUp(.badJSON)
      }
    }
  }

  /// Most answers come whole, and look like others before them.
  private func beginBody(_ bytes: Span<UInt8>) {
    let new = newReader()
    beginBody(bytes, new)
    reader = consume new
  }

  private func beginBody(_ bytes: Span<UInt8>, _ reader: EventReader) {
    guard status < 400, !memory.isUnknown, !memory.isRawText else {
      return reader.feed(bytes, &memory)
    }
    if supplies.read(bytes, &reader.interpreter, memory) {
      reader.skip(bytes)
      expectedEvents &+= 1
      return
    }
    reader.feed(bytes, &memory)
    if reader.scanner.isComplete { supplies.learn(bytes, of: memory.dialect) }
  }

  /// Where the first byte stands that is no white space.
  private static func firstMark(_ bytes: Span<UInt8>) -> Int? {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return index }
    }
    return nil
  }

  private func consumeElements(_ bytes: Span<UInt8>) {
    let reader = openReader()
    var position = 0
    var start = 0
    while let match = reader.scanner.next(bytes, from: &position) {
      switch match.kind {
      case .elementEnded:
        eventBytes += position - start
        start = position
        endEvent(named: [])
      case .elementsEnded: sawArrayEnd = true
      default:
        reader.interpreter.take(match, from: reader.scanner, memory)
      }
    }
    eventBytes += bytes.count - start
    if reader.scanner.isFailed { giveUp(.badJSON) }
  }

  private func keepText(_ bytes: Span<UInt8>) {
    for index in bytes.indices where rawText.count < messageLimitBytes {
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
      guard let reader else { return }
      let isComplete = reader.scanner.isComplete
      facts.isEOFPending = !reader.scanner.isUntouched && !isComplete
      if isComplete { endEvent(named: []) }
    case .eventStream:
      facts.isEOFPending = messages?.parser.isInsideMessage ?? false
    case .jsonArray:
      facts.isEOFPending = !sawArrayEnd
    case .json, .text:
      endBody()
    case .messages, .opaque: break
    }
  }
}

/// Few streams come in AWS's frames: an object, so that the others need no room for it.
final class MessageFraming {
  var parser = EventStreamParser()
}

extension EventParser.Token {
  var isErrorField: Bool {
    switch self {
    case .errorField, .errorFieldEnd: true
    default: false
    }
  }
}
