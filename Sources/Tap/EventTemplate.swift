// Successive events of a stream mostly differ in their text alone. A template is one event's
// findings without its text: an event that looks like it need not be read again to be understood.

internal import Wire

/// What an event of one shape means, whatever its texts.
///
/// The invariant: for any bytes that match, the parser and the scanner would find what `reading`
/// gives, and would stand afterwards where they stood before. So a template may be forgotten, or
/// never made, at any time, and no fact changes.
final class EventTemplate: Sendable {
  private let pattern: JSONPattern
  /// The findings, all but the lengths of texts.
  private let findings: EventReading
  /// What each tally of the pattern counts.
  private let fields: InlineArray<4, Field?>
  /// What the event adds to the facts, where that is a few sums and nothing else.
  let sums: EventSums?

  /// Longer events, and those of more values, make no template.
  private static let limitBytes = 512
  private static let gapLimit = 12

  /// Makes a template of an event; nil if it is of no use, or has effects beyond its reading.
  ///
  /// - Parameter event: a whole event, from its first field to its blank line.
  init?(of event: Span<UInt8>, in dialect: Dialect, known: UInt64) {
    guard event.count <= Self.limitBytes,
      let (data, name) = Self.soleData(of: event),
      let values = JSONPattern.values(of: event, in: data)
    else { return nil }
    var memory = StreamMemory(dialect)
    memory.know(known)
    var interpreter = EventInterpreter()
    guard let watched = Self.read(event, data, &interpreter, memory) else { return nil }
    if interpreter.reading.rule < 0 { interpreter.takeRule(name.span, memory) }
    let reading = interpreter.reading
    guard !reading.hasTexts, !reading.hasUsage, !reading.hasError else { return nil }
    let gaps = Self.gaps(values, watched, known)
    var lengths: [Field] = []
    for case let field? in gaps.map(\.field) where !lengths.contains(field) {
      lengths.append(field)
    }
    guard (1...JSONPattern.tallyCount).contains(lengths.count),
      gaps.count <= Self.gapLimit
    else { return nil }
    fields = InlineArray { $0 < lengths.count ? lengths[$0] : nil }
    let tallied = gaps.map { gap in
      let tally = gap.field.flatMap(lengths.firstIndex).map(UInt8.init)
      return (gap.value, tally ?? JSONPattern.uncounted)
    }
    guard let made = JSONPattern(event, gaps: tallied) else { return nil }
    pattern = made
    findings = reading.withoutLengths
    sums = EventSums(of: findings, counting: lengths, by: interpreter.rule(memory))
  }

  /// Whether that whole event is of this shape.
  func matches(_ event: Span<UInt8>) -> Bool {
    var tallies = JSONPattern.Tallies(repeating: 0)
    var likelyGap = UInt8.max
    return pattern.end(in: event, from: 0, likelyGap: &likelyGap, &tallies) == event.count
  }

  /// Where the event ends that begins at `start`, if it lies whole in `bytes` and is of this shape.
  /// `likelyGap` is where events of the stream mostly differ, see `JSONPattern`.
  @inline(__always)
  func end(
    in bytes: Span<UInt8>, from start: Int, likelyGap: inout UInt8,
    _ tallies: inout JSONPattern.Tallies
  ) -> Int? {
    pattern.end(in: bytes, from: start, likelyGap: &likelyGap, &tallies)
  }

  /// Makes facts of an event of this shape, where `sums` cannot.
  func conclude(
    _ tallies: JSONPattern.Tallies, _ interpreter: inout EventInterpreter,
    _ memory: inout StreamMemory, into facts: inout StreamFacts
  ) -> ExpectedEvent {
    interpreter.reading = findings
    for index in fields.indices {
      guard let field = fields[index] else { break }
      interpreter.reading.add(tallies[index], to: field)
    }
    let kind = interpreter.conclude(&memory, into: &facts)
    let event = ExpectedEvent(
      kind: kind, isContent: interpreter.reading.contentChars > 0,
      isVisible: interpreter.reading.isVisible)
    // The scanner was not asked, and the reading has no texts: this is all there is to forget.
    interpreter.reading = EventReading()
    return event
  }
}

// MARK: - Making one

extension EventTemplate {
  /// Where the data of an event stands that has nothing but one line of it and perhaps a name.
  private static func soleData(of event: Span<UInt8>) -> (data: Range<Int>, name: [UInt8])? {
    guard event.count > 2, event[0] == UInt8(ascii: "d") || event[0] == UInt8(ascii: "e") else {
      return nil
    }
    for index in event.indices where event[index] == UInt8(ascii: "\r") { return nil }
    var parser = EventParser()
    var position = 0
    guard case .data(let data) = parser.next(event, from: &position),
      event[data.lowerBound] == UInt8(ascii: "{"),
      case .event = parser.next(event, from: &position), position == event.count,
      parser.lastEventID.isEmpty, parser.retryMilliseconds == nil
    else { return nil }
    return (data, parser.name)
  }

  private typealias Gap = (value: JSONPattern.Value, field: Field?)

  /// The values that another event may have otherwise: those that nobody asks for, those that are
  /// known, and texts of which only the length counts, with the field that counts it.
  private static func gaps(
    _ values: [JSONPattern.Value], _ watched: [Watch], _ known: UInt64
  ) -> [Gap] {
    values.compactMap { value in
      let end = value.isString ? value.range.upperBound + 1 : value.range.upperBound
      guard let watch = watched.first(where: { $0.end == end }) else { return (value, nil) }
      guard value.isString, let field = watch.field else { return nil }
      if known >> UInt64(field.rawValue) & 1 == 1 { return (value, nil) }
      return field.isLength ? (value, field) : nil
    }
  }

  /// Where a value ended that the dialect asks for, and what it is.
  private typealias Watch = (end: Int, field: Field?)

  /// Reads the event's JSON. Returns the values found; nil if one of them means more than a length
  /// or a fixed finding, or if the event is no JSON.
  private static func read(
    _ event: Span<UInt8>, _ data: Range<Int>, _ interpreter: inout EventInterpreter,
    _ memory: borrowing StreamMemory
  ) -> [Watch]? {
    var scanner = JSONScanner(memory.dialect.stream)
    scanner.uncaptured = memory.known
    let text = event.extracting(data)
    var watched: [Watch] = []
    var position = 0
    while let match = scanner.next(text, from: &position) {
      let field = Field(rawValue: match.field)
      switch (field, match.kind) {
      case (_, .stringPiece), (.isThought, .true), (.isSpecial, .true): return nil
      case (let field?, let kind)
      where field.isLength && kind != .string && kind != .null: return nil
      default: break
      }
      interpreter.take(match, from: scanner, memory)
      watched.append((data.lowerBound + position, field))
    }
    return scanner.isComplete ? watched : nil
  }
}

extension Field {
  /// A string here adds its length to the event's reading, and does nothing else.
  var isLength: Bool {
    switch self {
    case .text, .reasoning, .reasoningAlternate, .refusal, .media, .transcript, .toolArguments,
      .delta, .finalArguments:
      true
    default: false
    }
  }
}

extension EventReading {
  fileprivate var withoutLengths: EventReading {
    var reading = self
    reading.text = 0
    reading.reasoning = 0
    reading.reasoningAlternate = 0
    reading.refusal = 0
    reading.media = 0
    reading.transcript = 0
    reading.toolArguments = 0
    reading.delta = 0
    reading.finalArguments = 0
    return reading
  }

  @inline(__always)
  mutating func add(_ count: Int, to field: Field) {
    switch field {
    case .text: text += count
    case .reasoning: reasoning += count
    case .reasoningAlternate: reasoningAlternate += count
    case .refusal: refusal += count
    case .media: media += count
    case .transcript: transcript += count
    case .toolArguments: toolArguments += count
    case .delta: delta += count
    case .finalArguments: finalArguments += count
    default: break
    }
  }
}
