// The commonest event of all, a piece of text and nothing else, comes down to a few additions.

internal import Wire

/// What an event that looked as expected was.
struct ExpectedEvent {
  let kind: EventKind
  let isContent: Bool
  let isVisible: Bool
}

/// What events of one shape add to the facts of their stream, where that is sums of their texts.
///
/// It does what `EventInterpreter.conclude` would do with the whole reading. That is 300 bytes, to
/// be written and cleared for each event; this costs a tenth of it.
struct EventSums {
  /// What each tally is in the end: `delta` is what its rule says.
  private var fields = InlineArray<4, Field?>(repeating: nil)
  private let choices: UInt64
  private let foundSomething: Bool

  /// nil if an event of this shape does more than add up.
  init?(of findings: EventReading, counting lengths: [Field], by rule: EventRule?) {
    guard rule?.traits.isEmpty ?? true, findings.terminal < 0, findings.provider == nil,
      findings.toolItems == 0, findings.openedToolCalls == 0, !findings.hasTexts,
      !findings.hasUsage, !findings.hasError
    else { return nil }
    for (index, field) in lengths.enumerated() {
      switch field {
      case .text, .reasoning, .refusal, .media, .transcript, .toolArguments: fields[index] = field
      case .delta:
        switch rule?.delta {
        case .text?, .reasoning?, .refusal?, .media?, .transcript?: fields[index] = rule?.delta
        default: return nil
        }
      default: return nil
      }
    }
    choices = findings.choices
    foundSomething = findings.foundSomething
  }

  @inline(__always)
  func add(
    _ tallies: JSONPattern.Tallies, _ memory: inout StreamMemory, to facts: inout StreamFacts
  ) -> ExpectedEvent {
    var all = 0
    var visible = 0
    for index in fields.indices {
      guard let field = fields[index] else { break }
      let count = tallies[index]
      all &+= count
      switch field {
      case .text:
        facts.textChars &+= count
        visible &+= count
      case .toolArguments:
        facts.toolCallChars &+= count
        visible &+= count
      case .reasoning: facts.reasoningChars &+= count
      case .refusal: facts.refusalChars &+= count
      case .media: facts.mediaChars &+= count
      default: facts.transcriptChars &+= count
      }
    }
    if choices & ~memory.choices != 0 { memory.note(choices: choices, &facts) }
    let kind: EventKind = all > 0 ? .content : foundSomething ? .control : .unknown
    return ExpectedEvent(kind: kind, isContent: all > 0, isVisible: visible > 0)
  }
}
