// Everything that metrics and the log say about one exchange, once it has ended.

/// Tokens as reported, partitioned; nil is what was not reported.
package struct TokenUsage: Equatable, Sendable {
  package var uncached: UInt64?
  package var cacheRead: UInt64?
  package var cacheWrite: UInt64?
  package var response: UInt64?
  package var reasoning: UInt64?

  package init() {}

  package subscript(kind: Label.TokenKind) -> UInt64? {
    switch kind {
    case .uncached: uncached
    case .cacheRead: cacheRead
    case .cacheWrite: cacheWrite
    case .response: response
    case .reasoning: reasoning
    }
  }

  /// The kinds of a direction added up; nil if none of them was reported.
  package func total(_ direction: Label.TokenDirection) -> UInt64? {
    switch direction {
    case .input:
      if uncached == nil, cacheRead == nil, cacheWrite == nil { return nil }
      return (uncached ?? 0) &+ (cacheRead ?? 0) &+ (cacheWrite ?? 0)
    case .output:
      if response == nil, reasoning == nil { return nil }
      return (response ?? 0) &+ (reasoning ?? 0)
    }
  }
}

/// One exchange, ended. Facts that there are not stay nil: metrics skip them and log lines leave
/// their keys out. No field may hold a prompt, an answer, a key or a cookie.
package struct ExchangeRecord: Sendable {
  // Who and what.
  package var requestID = RequestID(prefix: 0, number: 0)
  /// 32 lower-case hexadecimal digits.
  package var traceID: String?
  /// 16 lower-case hexadecimal digits.
  package var spanID: String?
  /// The trace is recorded elsewhere, so an exemplar leads somewhere.
  package var isTraceSampled = false
  /// `none` for a request that no route matched.
  package var route: String
  package var upstream: String?
  package var provider = Label.Provider.other
  package var operation = Label.Operation.other
  package var modelRequested: ReceivedText?
  package var model: ReceivedText?
  /// Whether upstream answered 2xx: only then may a model become a label.
  package var isModelAccepted = false
  package var tenant: String?

  // How it ended.
  package var isStream = false
  /// The status that the client got, nil if none.
  package var status: Int?
  package var outcome: Label.Outcome
  package var errorType: Label.ErrorType?
  package var origin: Label.Origin?
  /// The limit that refused it or made it wait.
  package var limiter: String?
  /// Nanoseconds of Unix time.
  package var endedAt: UInt64 = 0

  // Times, in nanoseconds.
  package var queued: UInt64?
  package var connected: UInt64?
  /// t_head − t_up.
  package var header: UInt64?
  /// t_chunk − t_up.
  package var firstChunk: UInt64?
  /// t_tok − t_up.
  package var firstToken: UInt64?
  /// t_vis − t_up.
  package var firstVisibleToken: UInt64?
  /// t_tok_w − t_req.
  package var clientFirstToken: UInt64?
  /// From the first to the last content event.
  package var generation: UInt64?
  package var longestGap: UInt64?
  /// t_end − t_req.
  package var duration: UInt64 = 0

  // What was in it.
  package var events = EventCounts()
  package var bytesUp: UInt64 = 0
  package var bytesDown: UInt64 = 0
  package var usage = TokenUsage()
  /// nil where usage is not to be expected, as for an exchange that failed before its answer.
  package var usageSource: Label.UsageSource?
  /// In 10^-12 US dollars.
  package var costPicoUSD: UInt64?
  package var finishReasons = FinishReasons()
  package var backpressureEvents: UInt64 = 0
  package var backpressured: UInt64 = 0
  package var contentEncoding: ReceivedText?
  package var responseID: ReceivedText?
  package var upstreamRequestID: ReceivedText?
  package var reusedConnection: Bool?
  /// The first close code that either side of a WebSocket gave.
  package var closeCode: UInt64?

  package init(route: String, outcome: Label.Outcome) {
    self.route = route
    self.outcome = outcome
  }

  /// The labels it counts under.
  package var key: ExchangeKey {
    ExchangeKey(
      route: route, provider: provider, operation: operation,
      model: countedModel?.string ?? LabelRegistry.unknown, tenant: tenant)
  }

  /// The model that its figures are counted under; nil before upstream has accepted one.
  var countedModel: ReceivedText? { isModelAccepted ? model ?? modelRequested : nil }

  /// Tokens per second after the first, in thousandths; nil unless two tokens took some time.
  var milliTokensPerSecond: UInt64? {
    guard let (time, tokens) = furtherTokens else { return nil }
    let speed = Double(tokens) * 1e12 / Double(time)
    return speed < 1e18 ? UInt64(speed) : nil
  }

  var timePerOutputToken: UInt64? {
    guard let (time, tokens) = furtherTokens else { return nil }
    return time / tokens
  }

  private var furtherTokens: (time: UInt64, tokens: UInt64)? {
    guard let generation, generation > 0, let output = usage.total(.output), output > 1 else {
      return nil
    }
    return (generation, output - 1)
  }
}

/// How many events of each kind a stream had.
package struct EventCounts: Sendable {
  private var counts = InlineArray<8, UInt64>(repeating: 0)

  package init() {}

  package subscript(kind: Label.EventKind) -> UInt64 {
    get { counts[kind.ordinal] }
    set { counts[kind.ordinal] = newValue }
  }

  package var total: UInt64 {
    Label.EventKind.allCases.reduce(0) { $0 &+ self[$1] }
  }
}
