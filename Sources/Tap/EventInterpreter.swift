// Turns what the JSON scanner finds into what an event means, and complete events into facts.

internal import Wire

/// Reads one event after another; what outlives them is their stream's `StreamMemory`.
struct EventInterpreter {
  var reading = EventReading()
  var texts = EventReading.Texts()
  // What was taken last. The next one's is mostly the same, and to share it costs less than a copy.
  private var lastModel: [UInt8] = []
  private var lastFinish: [UInt8] = []

  /// Forgets the event being read.
  mutating func drop() {
    if reading.hasTexts { texts.removeAll() }
    reading = EventReading()
  }
}

// MARK: - Findings

extension EventInterpreter {
  /// Takes a value that a scanner found, with its text if it was captured. What is kept of that is a
  /// copy: a scanner whose buffer others hold would have to allocate another, and with each that is
  /// larger than was asked for all later ones would be.
  mutating func take(
    _ match: JSONMatch, _ text: Span<UInt8>, _ memory: borrowing StreamMemory
  ) {
    guard let field = Field(rawValue: match.field) else {
      return takeNumbered(match, text, memory)
    }
    if case .null = match.kind {} else { reading.foundSomething = true }
    switch field {
    case .text: reading.text += match.count
    case .reasoning: reading.reasoning += match.count
    case .reasoningAlternate: reading.reasoningAlternate += match.count
    case .refusal: reading.refusal += match.count
    case .media: reading.media += match.count
    case .transcript: reading.transcript += match.count
    case .toolArguments: reading.toolArguments += match.count
    case .delta: reading.delta += match.count
    case .finalArguments: reading.finalArguments += match.count
    case .choice, .choiceIndex, .toolCall, .toolIndex, .toolName, .part, .isThought, .isSpecial:
      takeGroup(field, match)
    case .inputTokens, .outputTokens, .cachedTokens, .cacheWriteTokens, .reasoningTokens,
      .totalTokens:
      if let count = match.integer { takeUsage(field, count) }
    case .outputIndex:
      reading.outputIndex = Int(truncatingIfNeeded: match.integer ?? 0)
    case .eventType:
      if case .string = match.kind { takeRule(text, memory) }
    case .marksOpenRouter, .marksGroq, .marksAzure, .marksLlamaCpp, .marksPerplexity, .marksVLLM:
      if case .null = match.kind {} else { reading.provider = Self.provider(field) }
    case .wrappedBytes, .requestedModel, .requestedStream:
      break
    default:
      takeText(field, match, text, memory)
    }
  }

  /// Takes what a scanner found last.
  mutating func take(
    _ match: JSONMatch, from scanner: borrowing JSONScanner, _ memory: borrowing StreamMemory
  ) {
    guard match.isCaptured else { return take(match, Span(), memory) }
    take(match, scanner.captured.span, memory)
  }

  mutating func takeRule(_ name: Span<UInt8>, _ memory: borrowing StreamMemory) {
    if let rule = memory.dialect.rule(named: name) {
      reading.rule = rule
      reading.foundSomething = true
    }
  }

  private static func provider(_ field: Field) -> Provider? {
    switch field {
    case .marksOpenRouter: .openRouter
    case .marksGroq: .groq
    case .marksAzure: .azureOpenAI
    case .marksLlamaCpp: .llamaCpp
    case .marksPerplexity: .perplexity
    case .marksVLLM: .vLLM
    default: nil
    }
  }

  mutating func takeUsage(_ field: Field, _ count: Int64) {
    switch field {
    case .inputTokens: reading.usage.input = count
    case .outputTokens: reading.usage.output = count
    case .cachedTokens: reading.usage.cachedInput = count
    case .cacheWriteTokens: reading.usage.cacheWriteInput = count
    case .reasoningTokens: reading.usage.reasoning = count
    default: reading.usage.total = count
    }
    reading.hasUsage = true
  }

  /// A value at one of the dialect's terminals or signatures.
  private mutating func takeNumbered(
    _ match: JSONMatch, _ text: Span<UInt8>, _ memory: borrowing StreamMemory
  ) {
    if match.field >= Field.firstSignature {
      let signature = Int(match.field - Field.firstSignature)
      if match.kind != .null && (reading.signature < 0 || signature < reading.signature) {
        reading.signature = signature
      }
      return
    }
    switch match.kind {
    case .true, .objectBegan, .string: break
    case .false:
      reading.foundSomething = true
      return
    default: return
    }
    reading.foundSomething = true
    reading.terminal = Int(match.field - Field.firstTerminal)
    let isReason =
      memory.dialect.terminals.indices.contains(reading.terminal)
      && memory.dialect.terminals[reading.terminal].isFinishReason
    if isReason { takeFinish(text, isNumber: false) }
  }

  private mutating func takeText(
    _ field: Field, _ match: JSONMatch, _ text: Span<UInt8>, _ memory: borrowing StreamMemory
  ) {
    switch (field, match.kind) {
    case (.stoppedByEnd, .true): takeFinish("eos".bytes.span, isNumber: false)
    case (.stoppedByWord, .true): takeFinish("word".bytes.span, isNumber: false)
    case (.stoppedByLimit, .true): takeFinish("limit".bytes.span, isNumber: false)
    case (.error, .objectBegan):
      reading.hasError = true
      reading.errorIsObject = true
    case (.openedToolCall, .objectBegan): reading.openedToolCalls += 1
    case (_, .string): takeString(field, match, text, memory)
    case (.finishReason, .number): takeFinish(text, isNumber: true)
    case (.errorCode, .number), (.outerCode, .number):
      takeErrorText(field, text, isNumber: true)
    default: break
    }
  }

  private mutating func takeString(
    _ field: Field, _ match: JSONMatch, _ text: Span<UInt8>, _ memory: borrowing StreamMemory
  ) {
    guard match.count > 0 else { return }
    switch field {
    case .model where !memory.knowsModel:
      texts.model = Self.copy(text, like: &lastModel)
    case .responseID where !memory.knowsResponseID: return takeResponseID(text)
    case .model, .responseID: return
    case .itemType:
      if EventRule.opensTool(text) { reading.toolItems += 1 }
      return
    case .openedToolCall:
      reading.openedToolCalls += 1
      return
    case .finishReason: return takeFinish(text, isNumber: false)
    case .finishDetail: texts.finishDetail = [UInt8](copying: text)
    case .blockReason: texts.blockReason = [UInt8](copying: text)
    default: return takeErrorText(field, text, isNumber: false)
    }
    reading.hasTexts = true
  }

  mutating func takeResponseID(_ text: Span<UInt8>) {
    texts.responseID = [UInt8](copying: text)
    reading.hasTexts = true
  }

  private mutating func takeFinish(_ raw: Span<UInt8>, isNumber: Bool) {
    // watsonx, and Gemini's zero, say in words that there is no reason yet.
    if raw.isExactly("not_finished") || raw.isExactly("FINISH_REASON_UNSPECIFIED") { return }
    texts.finish = StreamFacts.Finish(
      choice: 0, raw: Self.copy(raw, like: &lastFinish), isNumber: isNumber)
    reading.hasTexts = true
  }

  /// A copy of `text`, or what was copied last if it is the same.
  private static func copy(_ text: Span<UInt8>, like last: inout [UInt8]) -> [UInt8] {
    if !last.equals(text) { last = [UInt8](copying: text) }
    return last
  }

  private mutating func takeErrorText(_ field: Field, _ bytes: Span<UInt8>, isNumber: Bool) {
    let text = [UInt8](copying: bytes)
    reading.hasTexts = true
    switch field {
    case .error:
      reading.hasError = true
      texts.outer.message = text
    case .errorMessage: texts.error.message = text
    case .errorKind: texts.error.type = text
    case .errorCode:
      texts.error.code = text
      texts.error.codeIsNumber = isNumber
    case .outerMessage: if texts.outer.message == nil { texts.outer.message = text }
    case .outerKind: if texts.outer.type == nil { texts.outer.type = text }
    case .outerCode:
      texts.outer.code = text
      texts.outer.codeIsNumber = isNumber
    default: break
    }
  }
}

// MARK: - Groups

extension EventInterpreter {
  private mutating func takeGroup(_ field: Field, _ match: JSONMatch) {
    switch (field, match.kind) {
    case (.choice, .objectBegan): beginChoice()
    case (.choice, .objectEnded): endChoice()
    case (.choiceIndex, .number): reading.choiceIndex = Self.index(match)
    case (.toolCall, .objectBegan):
      reading.toolIndex = -1
      reading.toolIsNamed = false
    case (.toolCall, .objectEnded): endToolCall()
    case (.toolIndex, .number): reading.toolIndex = Self.index(match)
    case (.toolName, .string): reading.toolIsNamed = match.count > 0
    case (.part, .objectBegan):
      reading.partStart = reading.text
      reading.isThought = false
      reading.isSpecial = false
    case (.part, .objectEnded): endPart()
    case (.isThought, .true): reading.isThought = true
    case (.isSpecial, .true): reading.isSpecial = true
    default: break
    }
  }

  /// An index as a place in a mask; the last place is for all that is higher.
  private static func index(_ match: JSONMatch) -> Int {
    Int(min(63, max(0, match.integer ?? 0)))
  }

  private mutating func beginChoice() {
    reading.inChoice = true
    reading.choiceIndex = 0
    reading.choiceTools = 0
    reading.choiceUnindexedTools = 0
  }

  private mutating func endChoice() {
    reading.inChoice = false
    reading.choices |= 1 << UInt64(reading.choiceIndex)
    if reading.choiceTools != 0 || reading.choiceUnindexedTools != 0 {
      texts.tools.append(
        (reading.choiceIndex, reading.choiceTools, reading.choiceUnindexedTools))
      reading.hasTexts = true
    }
    if var finish = texts.finish.take() {
      finish.choice = reading.choiceIndex
      texts.finishes.append(finish)
    }
  }

  private mutating func endToolCall() {
    guard reading.toolIsNamed else { return }
    if reading.toolIndex >= 0 {
      reading.choiceTools |= 1 << UInt64(reading.toolIndex)
    } else {
      reading.choiceUnindexedTools += 1
    }
  }

  private mutating func endPart() {
    let chars = reading.text - reading.partStart
    guard reading.isThought || reading.isSpecial else { return }
    reading.text = reading.partStart
    if reading.isThought { reading.reasoning += chars }
  }
}
