// What one stream did, as facts: what metrics, logs and `weir observe` are made of.

/// What an event was, for counting.
package enum EventKind: Int, CaseIterable, Sendable {
  case content
  case control
  case ping
  case comment
  case usage
  case error
  case terminal
  case unknown

  package var label: StaticString {
    switch self {
    case .content: "content"
    case .control: "control"
    case .ping: "ping"
    case .comment: "comment"
    case .usage: "usage"
    case .error: "error"
    case .terminal: "terminal"
    case .unknown: "unknown"
    }
  }
}

/// Why observation of a stream was lost, wholly or in part. The stream itself never notices.
package enum ObserverErrorKind: Int, CaseIterable, Sendable {
  case badJSON
  case badEncoding
  case badFrame
  case malformedStream
  case shed

  package var label: StaticString {
    switch self {
    case .badJSON: "bad_json"
    case .badEncoding: "bad_encoding"
    case .badFrame: "bad_frame"
    case .malformedStream: "malformed_stream"
    case .shed: "shed"
    }
  }
}

/// An error as an upstream reported it, bytes decoded from JSON but otherwise raw.
package struct UpstreamError: Equatable, Sendable {
  package var type: [UInt8]?
  package var message: [UInt8]?
  package var code: [UInt8]?
  package var codeIsNumber = false

  package init() {}

  var isFound: Bool { type != nil || message != nil || code != nil }
}

/// How the observed part of an exchange ended. Who closed what, and when, is the relay's to know.
package enum StreamEnd: Equatable, Sendable {
  /// A terminal was seen, or the dialect has none and the framing ended; or no stream at all; or
  /// one that the tap gave up before its end.
  case completed
  /// An error inside a stream whose status said success.
  case error
  /// The framing ended and the dialect's terminal had not come.
  case truncated
  /// A status of 400 or above.
  case httpError
}

/// The facts of one stream. Instants are nanoseconds of the loop's monotonic clock.
package struct StreamFacts: Sendable {
  package var dialect: DialectName
  package var operation: Operation
  /// Who serves the model, as far as the stream shows it.
  package var provider: Provider?
  /// False for a plain body, a failed request's answer, and content of an unknown type.
  package var isStream = false

  /// What the provider's token counts include.
  package var usageRule: UsageRule

  // Counts: an event's characters are Unicode scalar values of what it brings.
  package var events = 0
  package var contentEvents = 0
  package var comments = 0
  package var firstContentEvent: Int?
  package var firstToolCallEvent: Int?
  package var textChars = 0
  package var reasoningChars = 0
  package var toolCallChars = 0
  package var refusalChars = 0
  package var mediaChars = 0
  package var transcriptChars = 0
  package var toolCalls = 0
  /// Distinct choices seen; nil where the dialect has none.
  package var choices: Int?
  package var usage = TokenUsage()
  package var doneMarker = false
  package var checksumErrors = 0

  // Texts. Short ones are cut at 256 bytes, an error's message at the tap's limit.
  package var model: [UInt8] = []
  package var responseID: [UInt8] = []
  /// The last reason of each choice, in choice order, and whether it was a number.
  package var finishReasons: [(raw: [UInt8], isNumber: Bool)] {
    finishes.sorted { $0.choice < $1.choice }.map { ($0.raw, $0.isNumber) }
  }
  package var blockReason: [UInt8] = []
  package var error: UpstreamError?
  package var errorCameInField = false
  package var errorCameAsRawJSON = false
  package var argumentsWithoutDeltas = false

  // Clocks.
  package var firstChunk: UInt64?
  package var firstToken: UInt64?
  package var firstVisible: UInt64?
  package var lastContent: UInt64?
  package var maxGapNanoseconds: UInt64 = 0
  package var burstEvents = 0

  /// Events by kind, in the order of `EventKind`. Comments count here and not in `events`.
  package var kinds = InlineArray<8, Int>(repeating: 0)
  /// Events by size: up to 16, 64, 256, 1 Ki, 4 Ki, 16 Ki, 64 Ki, 256 Ki, 1 Mi and 16 Mi bytes,
  /// and larger.
  package var eventSizes: [Int] { sizes.indices.map { sizes[$0] } }
  private var sizes = InlineArray<11, Int>(repeating: 0)
  package var eventBytes = 0
  /// By kind of loss, in the order of `ObserverErrorKind`.
  package var observerErrors = InlineArray<5, UInt8>(repeating: 0)

  /// Something unfinished was left at the end.
  package var isEOFPending = false
  /// What ended the stream: the dialect's terminal, `done-marker`,
  /// `array-end`, `finish_reason`, `error`, `eof`, or `body`.
  package var terminal: [UInt8] = []
  package var end = StreamEnd.completed
  package var errorType: ErrorType?

  var finishes: [Finish] = []

  struct Finish: Sendable {
    var choice: Int
    var raw: [UInt8]
    var isNumber: Bool
  }

  package static let eventSizeBounds = [
    16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 16_777_216,
  ]

  init(dialect: Dialect) {
    self.dialect = dialect.name
    operation = dialect.operation
    usageRule = dialect.usage
    provider = dialect.provider
  }

  /// What a dialect says by itself. In line, because a call would count a reference.
  @inline(__always)
  mutating func label(by dialect: Dialect) {
    (self.dialect, operation, usageRule) = (dialect.name, dialect.operation, dialect.usage)
    provider = dialect.provider
  }

  /// `self = StreamFacts(dialect: dialect)` but for its labels, where a plain body was read: most of that
  /// costs nothing to be looked at and found as it was.
  mutating func renew() {
    (events, contentEvents, comments, toolCalls) = (0, 0, 0, 0)
    (firstContentEvent, firstToolCallEvent, choices) = (nil, nil, nil)
    (textChars, reasoningChars, toolCallChars) = (0, 0, 0)
    (refusalChars, mediaChars, transcriptChars) = (0, 0, 0)
    usage = TokenUsage()
    (isStream, doneMarker, checksumErrors, isEOFPending) = (false, false, 0, false)
    if !model.isEmpty { model = [] }
    if !responseID.isEmpty { responseID = [] }
    if !blockReason.isEmpty { blockReason = [] }
    if error != nil { error = nil }
    (errorCameInField, errorCameAsRawJSON, argumentsWithoutDeltas) = (false, false, false)
    (firstChunk, firstToken, firstVisible, lastContent) = (nil, nil, nil, nil)
    (maxGapNanoseconds, burstEvents, eventBytes) = (0, 0, 0)
    kinds = InlineArray(repeating: 0)
    sizes = InlineArray(repeating: 0)
    observerErrors = InlineArray(repeating: 0)
    if !terminal.isEmpty { terminal = [] }
    (end, errorType) = (.completed, nil)
    // Shared with what an answer before was told by: to empty it would make another.
    if !finishes.isEmpty { finishes = [] }
  }

  /// The finish reason of the first choice, as one of ours.
  package var finishReason: FinishReason? {
    finishes.min { $0.choice < $1.choice }.map { FinishReason($0.raw) }
  }

  /// Something ended the stream that its dialect, or its framing, defines as an end.
  package var sawTerminal: Bool { !terminal.equals("eof") && !terminal.equals("error") }

  /// The reported tokens, in kinds that add up.
  package var tokens: TokenPartition { TokenPartition(usage, rule: usageRule) }

  package var usageSource: UsageSource {
    if usage.isEmpty { return .missing }
    return end == .completed ? .reported : .partial
  }

  mutating func count(_ kind: EventKind) { kinds[kind.rawValue] &+= 1 }

  mutating func countEvent(bytes: Int) {
    var bucket = 0
    while bucket < Self.eventSizeBounds.count && bytes > Self.eventSizeBounds[bucket] {
      bucket += 1
    }
    sizes[bucket] &+= 1
    eventBytes &+= bytes
  }

  /// Counted once for each kind: a stream whose every line is broken is one loss.
  mutating func lose(_ kind: ObserverErrorKind) { observerErrors[kind.rawValue] = 1 }
}
