// Which combinations of closed labels exist from the start, so that `rate()` sees their first
// increment. Any other combination still counts; it appears when it first happens.

/// The combinations that the ways in which an exchange can end produce.
enum LikelySeries {
  static func request(code: Int, outcome: Int) -> Bool {
    requests.contains(Pair(code, outcome))
  }

  static func error(origin: Int, type: Int) -> Bool {
    errors.contains(Pair(origin, type))
  }

  static func token(direction: Int, kind: Int) -> Bool {
    Label.TokenKind.allCases[kind].direction.ordinal == direction
  }

  private struct Pair: Hashable {
    let first: Int
    let second: Int

    init(_ first: Int, _ second: Int) { (self.first, self.second) = (first, second) }
  }

  private static let requests = Set(
    Label.Outcome.allCases.flatMap { outcome in
      codes(of: outcome).map { Pair($0.ordinal, outcome.ordinal) }
    })

  private static let errors = Set(
    Label.Origin.allCases.flatMap { origin in
      types(of: origin).map { Pair(origin.ordinal, $0.ordinal) }
    })

  /// What the client has got when an exchange ends so.
  private static func codes(of outcome: Label.Outcome) -> [Label.Code] {
    switch outcome {
    case .completed, .clientGoneMidStream, .slowClient, .upstreamStalled, .upstreamError,
      .upstreamTruncated, .drained:
      [.success]
    case .invalidRequest: [.clientError]
    case .rejected, .upstreamHTTPError: [.clientError, .serverError]
    case .clientGoneBeforeFirstToken: [.none, .success]
    case .upstreamReset, .upstreamMalformed, .upstreamTimeout, .relayError:
      [.success, .serverError]
    case .connectFailed: [.serverError]
    }
  }

  private static func types(of origin: Label.Origin) -> [Label.ErrorType] {
    switch origin {
    case .client:
      [.invalidRequest, .tooLarge, .timeout, .noRoute, .clientClosed, .slowClient]
    case .relay: [.queueFull, .queueTimeout, .draining, .other]
    case .network: [.dns, .connectRefused, .connectTimeout, .tls]
    case .upstream:
      [
        .reset, .malformedResponse, .timeout, .stalled, .truncated, .rateLimited, .overloaded,
        .quotaExhausted, .contextLength, .invalidRequest, .authentication, .permission, .notFound,
        .contentFilter, .serverError, .other,
      ]
    }
  }
}
