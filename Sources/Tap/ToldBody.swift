// Of answers of a kind mostly a text, an identifier and some numbers are others. What all the rest comes to is
// kept, and need not be told again value by value.

internal import Wire

/// What an interpreter has after all findings of one body, and how a body like it changes that.
struct ToldBody: Sendable {
  /// What another value in a gap of the pattern means.
  private enum Part: Sendable {
    case nothing
    /// Its length is added up, here and with others.
    case length(Field, own: Int)
    /// The only number there is for that field.
    case usage(Field)
    /// The only one there is.
    case responseID
    /// It has to be told together with all others.
    case other
  }

  private let reading: EventReading
  private let texts: EventReading.Texts
  private var parts: [Part]

  /// - Parameters:
  ///   - findings: in their order, each with its text, and with the number of its gap or -1.
  ///   - gaps: how many there are.
  ///
  /// nil if what a text means depends on what stands beside it.
  init?(_ findings: [(match: JSONMatch, text: [UInt8], gap: Int)], gaps: Int, _ dialect: Dialect) {
    var interpreter = EventInterpreter()
    let memory = StreamMemory(dialect)
    var counts: [UInt8: Int] = [:]
    for (match, text, _) in findings {
      interpreter.take(match, text.span, memory)
      counts[match.field, default: 0] += 1
    }
    guard counts[Field.isThought.rawValue] == nil, counts[Field.isSpecial.rawValue] == nil
    else { return nil }
    reading = interpreter.reading
    texts = interpreter.texts
    parts = Array(repeating: .nothing, count: gaps)
    for (match, _, gap) in findings where gap >= 0 {
      parts[gap] = Self.part(match, isOnly: counts[match.field] == 1)
    }
  }

  private static func part(_ match: JSONMatch, isOnly: Bool) -> Part {
    guard let field = Field(rawValue: match.field) else { return .other }
    switch (field, match.kind) {
    case (_, .string) where field.isLength: return .length(field, own: match.count)
    case (.responseID, .string) where isOnly: return .responseID
    case (.inputTokens, .number), (.outputTokens, .number), (.cachedTokens, .number),
      (.cacheWriteTokens, .number), (.reasoningTokens, .number), (.totalTokens, .number):
      return isOnly ? .usage(field) : .other
    default: return .other
    }
  }

  /// Leaves an interpreter that has nothing as if it had taken what a scanner finds in `body`, if the values
  /// that differ allow it, and returns whether they do; otherwise it has nothing again.
  ///
  /// - Parameter others: the values that are not the pattern's own.
  func tell(
    _ others: [JSONPattern.Other], of body: Span<UInt8>, _ interpreter: inout EventInterpreter
  ) -> Bool {
    interpreter.reading = reading
    for index in others.indices {
      guard tell(others[index], of: body, &interpreter) else {
        interpreter.drop()
        return false
      }
    }
    interpreter.share(texts)
    return true
  }

  @inline(__always)
  private func tell(
    _ other: JSONPattern.Other, of body: Span<UInt8>, _ interpreter: inout EventInterpreter
  ) -> Bool {
    switch parts[other.gap] {
    case .nothing: return true
    case .length(let field, let own):
      interpreter.reading.add(other.scalars - own, to: field)
      return true
    case .usage(let field):
      guard let count = body.extracting(other.range).smallInteger else { return false }
      interpreter.takeUsage(field, count)
      return true
    case .responseID:
      guard other.scalars > 0, other.isCapturable else { return false }
      interpreter.takeResponseID(body.extracting(other.range))
      return true
    case .other: return false
    }
  }
}

extension EventInterpreter {
  /// Takes over what was taken of another body, but for what it has. What is empty there is empty here: to put
  /// it in its place would count references.
  fileprivate mutating func share(_ told: EventReading.Texts) {
    if !told.model.isEmpty { texts.model = told.model }
    if texts.responseID.isEmpty && !told.responseID.isEmpty { texts.responseID = told.responseID }
    if told.finish != nil { texts.finish = told.finish }
    if !told.finishes.isEmpty { texts.finishes = told.finishes }
    if !told.finishDetail.isEmpty { texts.finishDetail = told.finishDetail }
    if !told.blockReason.isEmpty { texts.blockReason = told.blockReason }
    if !told.tools.isEmpty { texts.tools = told.tools }
    if told.error.isFound { texts.error = told.error }
    if told.outer.isFound { texts.outer = told.outer }
  }
}
