// What was found in the event being read. Nothing of it counts before the event is complete: a
// stream may be cut, and a checksum may fail.

/// One event's findings, kept until it is dispatched or dropped.
struct EventReading {
  // Characters by what they are.
  var text = 0
  var reasoning = 0
  var reasoningAlternate = 0
  var refusal = 0
  var media = 0
  var transcript = 0
  var toolArguments = 0
  var delta = 0
  var finalArguments = 0

  /// The event's rule in its dialect; negative if it named none.
  var rule = -1
  var toolItems = 0
  var outputIndex = 0
  var openedToolCalls = 0
  /// Distinct choices in this event, a bit each.
  var choices: UInt64 = 0
  /// The number of the terminal found; negative if none.
  var terminal = -1
  /// The least number of a signature found; negative if none.
  var signature = -1
  var provider: Provider?
  var usage = TokenUsage()
  var hasUsage = false
  var foundSomething = false
  var hasError = false
  var errorIsObject = false

  // The group being read.
  var choiceIndex = 0
  var inChoice = false
  var choiceTools: UInt64 = 0
  var choiceUnindexedTools = 0
  var toolIndex = -1
  var toolIsNamed = false
  var partStart = 0
  var isThought = false
  var isSpecial = false

  /// The event has texts beside.
  var hasTexts = false

  /// Texts, which few events have. They stand apart so that clearing a reading is only a matter
  /// of writing zeros.
  struct Texts {
    var model: [UInt8] = []
    var responseID: [UInt8] = []
    var blockReason: [UInt8] = []
    var finishDetail: [UInt8] = []
    /// The finish reason of the choice, or event, being read.
    var finish: StreamFacts.Finish?
    var finishes: [StreamFacts.Finish] = []
    var tools: [(choice: Int, mask: UInt64, unindexed: Int)] = []
    var error = UpstreamError()
    var outer = UpstreamError()

    /// Letting go of an array that is empty costs as much as of one that is not: few are not.
    mutating func removeAll() {
      if !model.isEmpty { model = [] }
      if !responseID.isEmpty { responseID = [] }
      if !blockReason.isEmpty { blockReason = [] }
      if !finishDetail.isEmpty { finishDetail = [] }
      if finish != nil { finish = nil }
      // Its memory serves the next event that has some, unless it is for very many choices.
      if finishes.count > 8 {
        finishes = []
      } else if !finishes.isEmpty {
        finishes.removeAll(keepingCapacity: true)
      }
      if !tools.isEmpty { tools = [] }
      if error.isFound { error = UpstreamError() }
      if outer.isFound { outer = UpstreamError() }
    }
  }

  /// Characters of generated output of any kind.
  var contentChars: Int {
    text + reasoning + refusal + media + transcript + toolArguments
  }

  /// Something a person, or a program that runs tools, would see.
  var isVisible: Bool { text > 0 || toolArguments > 0 }
}
