// What a complete event adds to the facts of its stream.
//
// What is called for that mutates, though it may change nothing: the compiler copies a reading, all of it, that
// it lends to a function which does not.

extension EventInterpreter {
  func rule(_ memory: borrowing StreamMemory) -> EventRule? {
    reading.rule >= 0 ? memory.dialect.rules[reading.rule] : nil
  }

  func traits(_ memory: borrowing StreamMemory) -> EventRule.Traits {
    reading.rule >= 0 ? memory.dialect.rules[reading.rule].traits : []
  }

  /// Makes facts of the event read, all but its clocks, and says what it was. The reading stays
  /// as it was until `drop()`, but for texts that became facts.
  mutating func conclude(
    _ memory: inout StreamMemory, into facts: inout StreamFacts, isBody: Bool = false
  ) -> EventKind {
    let traits = traits(memory)
    settle(traits, &memory, &facts)
    let isTerminal = traits.contains(.terminal) || reading.terminal >= 0
    addUsage(isTerminal: isTerminal, memory, &facts)
    addCounts(&memory, &facts)
    addToolCalls(traits, isBody: isBody, &memory, &facts)
    if reading.hasTexts { addTexts(traits, isBody: isBody, &memory, &facts) }
    let hasError = addError(traits, &facts)
    if let provider = reading.provider, facts.provider == nil { facts.provider = provider }
    if isTerminal { noteTerminal(traits, memory, &facts) }
    return kind(traits, isTerminal: isTerminal, hasError: hasError)
  }

  /// Puts what only the whole event could tell in its place.
  private mutating func settle(
    _ traits: EventRule.Traits, _ memory: inout StreamMemory, _ facts: inout StreamFacts
  ) {
    reading.reasoning += max(0, reading.reasoningAlternate - reading.reasoning)
    if traits.contains(.noContent) {
      reading.text = 0
      reading.delta = 0
    }
    switch reading.rule >= 0 ? memory.dialect.rules[reading.rule].delta : nil {
    case .text: reading.text += reading.delta
    case .reasoning: reading.reasoning += reading.delta
    case .refusal: reading.refusal += reading.delta
    case .media: reading.media += reading.delta
    case .transcript: reading.transcript += reading.delta
    case .toolArguments:
      reading.toolArguments += reading.delta
      if reading.delta > 0 { memory.itemsWithDeltas |= outputBit }
    default: break
    }
    if traits.contains(.finalArguments) && memory.itemsWithDeltas & outputBit == 0 {
      reading.toolArguments += reading.finalArguments
      facts.argumentsWithoutDeltas = true
    }
  }

  private var outputBit: UInt64 { 1 << UInt64(min(63, max(0, reading.outputIndex))) }

  private mutating func addUsage(
    isTerminal: Bool, _ memory: borrowing StreamMemory, _ facts: inout StreamFacts
  ) {
    guard reading.hasUsage else { return }
    if memory.dialect.options.contains(.usageAtTerminalOnly) && !isTerminal { return }
    facts.usage.replace(
      with: reading.usage, keepingMaximum: memory.dialect.options.contains(.usageKeepsMaximum))
  }

  private mutating func addCounts(_ memory: inout StreamMemory, _ facts: inout StreamFacts) {
    facts.textChars += reading.text
    facts.reasoningChars += reading.reasoning
    facts.toolCallChars += reading.toolArguments
    facts.refusalChars += reading.refusal
    facts.mediaChars += reading.media
    facts.transcriptChars += reading.transcript
    if reading.choices & ~memory.choices != 0 { memory.note(choices: reading.choices, &facts) }
  }

  private mutating func addToolCalls(
    _ traits: EventRule.Traits, isBody: Bool, _ memory: inout StreamMemory,
    _ facts: inout StreamFacts
  ) {
    var opened = reading.openedToolCalls
    if traits.contains(.toolCall) { opened += 1 }
    if isBody || traits.contains(.item) { opened += reading.toolItems }
    if reading.hasTexts {
      for (choice, mask, unindexed) in texts.tools {
        while memory.openedTools.count <= choice { memory.openedTools.append(0) }
        opened += (mask & ~memory.openedTools[choice]).nonzeroBitCount + unindexed
        memory.openedTools[choice] |= mask
      }
    }
    guard opened > 0 else { return }
    facts.toolCalls += opened
    if facts.firstToolCallEvent == nil && !isBody { facts.firstToolCallEvent = facts.events }
  }

  private mutating func addTexts(
    _ traits: EventRule.Traits, isBody: Bool, _ memory: inout StreamMemory,
    _ facts: inout StreamFacts
  ) {
    if !memory.knowsModel && !texts.model.isEmpty {
      swap(&facts.model, &texts.model)
      memory.knowsModel = true
    }
    if !memory.knowsResponseID && !texts.responseID.isEmpty {
      swap(&facts.responseID, &texts.responseID)
      memory.knowsResponseID = true
    }
    if !texts.blockReason.isEmpty { facts.blockReason = texts.blockReason }
    let isRuled = memory.dialect.options.contains(.finishByRuleOnly)
    if isRuled && !traits.contains(.finish) && !isBody { return }
    if facts.finishes.isEmpty && texts.finishes.count == 1 {
      // The commonest by far: what is moved need not be copied.
      swap(&facts.finishes, &texts.finishes)
    } else {
      for finish in texts.finishes { facts.setFinish(finish) }
    }
    guard var finish = texts.finish else { return }
    if !texts.finishDetail.isEmpty { finish.raw = texts.finishDetail }
    facts.setFinish(finish)
  }

  /// Returns whether the event says that something failed. The first error is the one kept.
  private mutating func addError(_ traits: EventRule.Traits, _ facts: inout StreamFacts) -> Bool {
    guard reading.hasError || traits.contains(.error) else { return false }
    if facts.error == nil { facts.error = foundError }
    return true
  }

  /// The error read: its own object's members, or else those beside the place where it stands.
  var foundError: UpstreamError {
    reading.errorIsObject ? texts.error : texts.outer
  }

  private mutating func noteTerminal(
    _ traits: EventRule.Traits, _ memory: borrowing StreamMemory, _ facts: inout StreamFacts
  ) {
    if let rule = rule(memory), traits.contains(.terminal) {
      facts.terminal = rule.terminalName.bytes
    } else if memory.dialect.terminals.indices.contains(reading.terminal) {
      facts.terminal = memory.dialect.terminals[reading.terminal].name.bytes
    }
  }

  private mutating func kind(
    _ traits: EventRule.Traits, isTerminal: Bool, hasError: Bool
  ) -> EventKind {
    if hasError { return .error }
    if isTerminal { return .terminal }
    if reading.contentChars > 0 { return .content }
    if reading.hasUsage { return .usage }
    if traits.contains(.ping) { return .ping }
    return reading.foundSomething ? .control : .unknown
  }
}

extension StreamFacts {
  mutating func setFinish(_ finish: Finish) {
    if let index = finishes.firstIndex(where: { $0.choice == finish.choice }) {
      finishes[index] = finish
    } else {
      finishes.append(finish)
    }
  }
}
