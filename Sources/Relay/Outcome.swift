// How an exchange ended, and whose doing it was: the one place where that is decided. Metrics,
// logs and the client's status all come from here.

package import Connections
package import Tap
package import Wire

/// The closed set of `outcome`.
package enum Outcome: String, CaseIterable, Sendable {
  case completed
  case invalidRequest = "invalid_request"
  case rejected
  case clientGoneBeforeFirstToken = "client_gone_before_first_token"
  case clientGoneMidStream = "client_gone_mid_stream"
  case slowClient = "slow_client"
  case connectFailed = "connect_failed"
  case upstreamReset = "upstream_reset"
  case upstreamMalformed = "upstream_malformed"
  case upstreamTimeout = "upstream_timeout"
  case upstreamStalled = "upstream_stalled"
  case upstreamHTTPError = "upstream_http_error"
  case upstreamError = "upstream_error"
  case upstreamTruncated = "upstream_truncated"
  case drained
  case relayError = "relay_error"
}

/// The side at fault; the closed set of `origin`.
package enum FaultOrigin: String, CaseIterable, Sendable {
  case client, relay, upstream, network
}

/// What brought an exchange to its end, as the relay saw it happen.
package enum ExchangeEnd: Equatable, Sendable {
  /// The answer's framing ended, or either side closed its tunnel.
  case answered
  case refused(RequestRefusal)
  case bodyTooLarge
  case bodyTimedOut
  case noRoute
  case draining
  /// By a limit, or by a drain while it waited for one.
  case limited(AdmissionRefusal)
  case clientGone
  case slowClient
  case notConnected(ConnectFailure)
  case upstreamClosed
  case upstreamMalformed(HTTP1Error)
  case noHeadInTime
  case streamTimeOver
  case stalled
  case drainDeadline
  /// There was no descriptor for its connection.
  case turnedAway
}

/// What is known of the answer at that moment.
package struct AnswerState: Sendable {
  /// What the tap saw in the body.
  package enum Evidence: Equatable, Sendable {
    /// Nothing that decides: no stream, not observed, or a dialect without a terminal.
    case none
    case terminal
    /// The dialect has a terminal, and it has not come.
    case terminalMissing
    case errorEvent(ErrorType)
    /// The body of a failed request, by whose words its type is told; nil if it was not read.
    case failedAnswer(ErrorType?)
  }

  /// The answer's status; nil before its head.
  package var status: Int?
  /// The first content event, or the first byte of another body, has reached the client.
  package var hasReachedClient = false
  package var evidence = Evidence.none

  package init(status: Int? = nil, hasReachedClient: Bool = false, evidence: Evidence = .none) {
    self.status = status
    self.hasReachedClient = hasReachedClient
    self.evidence = evidence
  }
}

/// The books' entry for an exchange.
package struct Verdict: Equatable, Sendable {
  package var outcome: Outcome
  package var errorType: ErrorType?
  package var origin: FaultOrigin?
  /// What the client is told if nothing has been sent to it yet; nil if there is nobody to tell.
  package var clientStatus: Int?

  private init(
    _ outcome: Outcome, _ errorType: ErrorType? = nil, _ origin: FaultOrigin? = nil,
    status: Int? = nil
  ) {
    self.outcome = outcome
    self.errorType = errorType
    self.origin = origin
    clientStatus = status
  }

  /// The table of product §5. What a stream said outranks how it was then cut off: an error event
  /// first, then a terminal; the ends of the two sides come after them.
  package init(_ end: ExchangeEnd, _ answer: AnswerState) {
    self =
      switch (answer.evidence, end) {
      case (.errorEvent(let type), _): Verdict(.upstreamError, type, .upstream)
      case (.terminal, _): Verdict(.completed)
      case (_, .answered): Self.answered(answer)
      default: Self.unanswered(end, answer)
      }
  }

  private static func unanswered(_ end: ExchangeEnd, _ answer: AnswerState) -> Verdict {
    switch end {
    case .answered: answered(answer)
    case .refused(.malformed(let error)) where error.clientStatus == 431:
      Verdict(.invalidRequest, .tooLarge, .client, status: 431)
    case .refused(.malformed): Verdict(.invalidRequest, .invalidRequest, .client, status: 400)
    case .refused(.headTimedOut), .bodyTimedOut:
      Verdict(.invalidRequest, .timeout, .client, status: 408)
    case .bodyTooLarge: Verdict(.invalidRequest, .tooLarge, .client, status: 413)
    case .noRoute: Verdict(.invalidRequest, .noRoute, .client, status: 404)
    case .draining, .limited(.draining): Verdict(.rejected, .draining, .relay, status: 503)
    case .limited(.queueFull): Verdict(.rejected, .queueFull, .relay, status: 429)
    case .limited(.queueTimeout): Verdict(.rejected, .queueTimeout, .relay, status: 429)
    case .clientGone:
      Verdict(
        answer.hasReachedClient ? .clientGoneMidStream : .clientGoneBeforeFirstToken,
        .clientClosed, .client)
    case .slowClient: Verdict(.slowClient, .slowClient, .client)
    case .notConnected(let failure): notConnected(failure)
    case .upstreamClosed: Verdict(.upstreamReset, .reset, .upstream, status: 502)
    case .upstreamMalformed:
      Verdict(.upstreamMalformed, .malformedResponse, .upstream, status: 502)
    case .noHeadInTime, .streamTimeOver:
      Verdict(.upstreamTimeout, .timeout, .upstream, status: 504)
    case .stalled: Verdict(.upstreamStalled, .stalled, .upstream, status: 504)
    case .drainDeadline: Verdict(.drained, .draining, .relay, status: 503)
    case .turnedAway: Verdict(.relayError, .other, .relay, status: 503)
    }
  }

  private static func answered(_ answer: AnswerState) -> Verdict {
    if let status = answer.status, status >= 400 {
      var type = ErrorTable.type(status: status)
      if case .failedAnswer(let said?) = answer.evidence { type = said }
      return Verdict(.upstreamHTTPError, type, .upstream)
    }
    if answer.evidence == .terminalMissing {
      return Verdict(.upstreamTruncated, .truncated, .upstream)
    }
    return Verdict(.completed)
  }

  private static func notConnected(_ failure: ConnectFailure) -> Verdict {
    switch failure {
    case .dns: Verdict(.connectFailed, .dns, .network, status: 502)
    case .refused: Verdict(.connectFailed, .connectRefused, .network, status: 502)
    case .timeout: Verdict(.connectFailed, .connectTimeout, .network, status: 504)
    case .tls: Verdict(.connectFailed, .tls, .network, status: 502)
    case .exhausted: Verdict(.relayError, .other, .relay, status: 503)
    }
  }
}

extension ExchangeEnd {
  /// Whether there is a client that may still be taking what was sent to it.
  var leavesClient: Bool {
    switch self {
    case .clientGone, .slowClient, .drainDeadline: false
    default: true
    }
  }

  /// When a refused client may try again.
  var retryAfterSeconds: Int? {
    switch self {
    case .limited(.queueFull(_, let seconds)), .limited(.queueTimeout(_, let seconds)): seconds
    default: nil
    }
  }
}
