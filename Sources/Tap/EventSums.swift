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
  /// What each tally is in the end: `delta` is what its rule says. There is one, and rarely another.
  private let first: Field
  private let others: [Field]
  private let choices: UInt64
  private let foundSomething: Bool

  /// nil if an event of this shape does more than add up.
  init?(of findings: EventReading, counting lengths: [Field], by rule: EventRule?) {
    guard rule?.traits.isEmpty ?? true, findings.terminal < 0, findings.provider == nil,
      findings.toolItems == 0, findings.openedToolCalls == 0, !findings.hasTexts,
      !findings.hasUsage, !findings.hasError
    else { return nil }
    var fields: [Field] = []
    for field in lengths {
      guard let counted = field == .delta ? rule?.delta : field else { return nil }
      switch counted {
      case .toolArguments where field == .delta: return nil
      case .text, .reasoning, .refusal, .media, .transcript, .toolArguments: fields.append(counted)
      default: return nil
      }
    }
    guard let first = fields.first else { return nil }
    self.first = first
    others = Array(fields.dropFirst())
    choices = findings.choices
    foundSomething = findings.foundSomething
  }

  @inline(__always)
  func add(
    _ tallies: JSONPattern.Tallies, _ memory: inout StreamMemory, to facts: inout StreamFacts
  ) -> ExpectedEvent {
    var all = tallies[0]
    var visible = Self.add(all, to: first, &facts)
    for index in others.indices {
      let count = tallies[index + 1]
      all &+= count
      visible &+= Self.add(count, to: others[index], &facts)
    }
    if choices & ~memory.choices != 0 { memory.note(choices: choices, &facts) }
    let kind: EventKind = all > 0 ? .content : foundSomething ? .control : .unknown
    return ExpectedEvent(kind: kind, isContent: all > 0, isVisible: visible > 0)
  }

  /// Returns how much of it a reader sees.
  @inline(__always)
  private static func add(_ count: Int, to field: Field, _ facts: inout StreamFacts) -> Int {
    switch field {
    case .text: facts.textChars &+= count
    case .toolArguments: facts.toolCallChars &+= count
    case .reasoning:
      facts.reasoningChars &+= count
      return 0
    case .refusal:
      facts.refusalChars &+= count
      return 0
    case .media:
      facts.mediaChars &+= count
      return 0
    default:
      facts.transcriptChars &+= count
      return 0
    }
    return count
  }
}
