// The closed sets of label values. Metrics and logs name a thing by the same word because both take
// it from here.

/// The labels whose values are known beforehand. Raw values are what a reader of metrics and logs
/// sees, and never change.
package enum Label {
  /// How an exchange ended.
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

  /// The side at fault.
  package enum Origin: String, CaseIterable, Sendable {
    case client, relay, upstream, network
  }

  /// What went wrong, at whichever side.
  package enum ErrorType: String, CaseIterable, Sendable {
    case invalidRequest = "invalid_request"
    case tooLarge = "too_large"
    case timeout
    case noRoute = "no_route"
    case queueFull = "queue_full"
    case queueTimeout = "queue_timeout"
    case draining
    case clientClosed = "client_closed"
    case slowClient = "slow_client"
    case dns
    case connectRefused = "connect_refused"
    case connectTimeout = "connect_timeout"
    case tls
    case reset
    case malformedResponse = "malformed_response"
    case stalled
    case truncated
    case rateLimited = "rate_limited"
    case overloaded
    case quotaExhausted = "quota_exhausted"
    case contextLength = "context_length"
    case authentication
    case permission
    case notFound = "not_found"
    case contentFilter = "content_filter"
    case serverError = "server_error"
    case other
  }

  /// The class of a response's status; `none` where the client got no status.
  package enum Code: String, CaseIterable, Sendable {
    case informational = "1xx"
    case success = "2xx"
    case redirection = "3xx"
    case clientError = "4xx"
    case serverError = "5xx"
    case none

    /// - Parameter status: 0 or anything that is no status counts as none.
    package init(status: Int) {
      switch status {
      case 100..<200: self = .informational
      case 200..<300: self = .success
      case 300..<400: self = .redirection
      case 400..<500: self = .clientError
      case 500..<600: self = .serverError
      default: self = .none
      }
    }
  }

  package enum Provider: String, CaseIterable, Sendable {
    case openai, anthropic
    case gemini = "gcp.gemini"
    case ollama
    case azureOpenAI = "azure.ai.openai"
    case bedrock = "aws.bedrock"
    case cohere
    case mistral = "mistral_ai"
    case groq, deepseek
    case xAI = "x_ai"
    case perplexity, openrouter, together, fireworks, vllm, tgi
    case llamaCpp = "llama_cpp"
    case mcp, other
  }

  package enum Operation: String, CaseIterable, Sendable {
    case chat
    case textCompletion = "text_completion"
    case responses, messages
    case generateContent = "generate_content"
    case embeddings, realtime, mcp, other
  }

  package enum EventKind: String, CaseIterable, Sendable {
    case content, control, ping, comment, usage, error, terminal, unknown
  }

  /// Which way tokens go.
  package enum TokenDirection: String, CaseIterable, Sendable { case input, output }

  /// The kinds partition the direction: the first three are input, the others output.
  package enum TokenKind: String, CaseIterable, Sendable {
    case uncached
    case cacheRead = "cache_read"
    case cacheWrite = "cache_write"
    case response, reasoning

    package var direction: TokenDirection {
      switch self {
      case .uncached, .cacheRead, .cacheWrite: .input
      case .response, .reasoning: .output
      }
    }
  }

  package enum UsageSource: String, CaseIterable, Sendable { case reported, partial, missing }

  package enum FinishReason: String, CaseIterable, Sendable {
    case stop, length
    case toolCalls = "tool_calls"
    case contentFilter = "content_filter"
    case refusal, pause, error, other
  }

  /// Which way body bytes go: up is towards the provider.
  package enum Direction: String, CaseIterable, Sendable { case up, down }

  /// The peer whose socket refuses bytes.
  package enum Side: String, CaseIterable, Sendable { case client, upstream }

  package enum Decision: String, CaseIterable, Sendable {
    case immediate, waited
    case queueFull = "queue_full"
    case timeout
    case clientGone = "client_gone"
    case draining
  }

  package enum ConnectionState: String, CaseIterable, Sendable { case connecting, active, idle }
  package enum ConnectPhase: String, CaseIterable, Sendable { case dns, tcp, tls }

  /// Why a request was sent again.
  package enum RetryReason: String, CaseIterable, Sendable {
    case connectFailed = "connect_failed"
    case reusedConnectionClosed = "reused_connection_closed"
    case rateLimited = "rate_limited"
    case serverError = "server_error"
  }

  package enum ObserverError: String, CaseIterable, Sendable {
    case badJSON = "bad_json"
    case badEncoding = "bad_encoding"
    case badFrame = "bad_frame"
    case malformedStream = "malformed_stream"
    case shed
  }

  package enum StallThreshold: String, CaseIterable, Sendable {
    case oneSecond = "1s"
    case fiveSeconds = "5s"
    case thirtySeconds = "30s"

    var nanoseconds: UInt64 {
      switch self {
      case .oneSecond: 1_000_000_000
      case .fiveSeconds: 5_000_000_000
      case .thirtySeconds: 30_000_000_000
      }
    }
  }

  package enum SocketMode: String, CaseIterable, Sendable { case tunnel, hub }
  package enum MessageDirection: String, CaseIterable, Sendable { case sent, received, dropped }
  package enum ReloadResult: String, CaseIterable, Sendable { case applied, refused }
  package enum ResumeResult: String, CaseIterable, Sendable {
    case resumed, unknown, expired, evicted, encoded, forbidden, full
  }
  package enum EvictionReason: String, CaseIterable, Sendable { case memory, age }
  package enum LagAction: String, CaseIterable, Sendable { case lagged, skipped, dropped }

  /// A label whose further values were folded into `other`.
  package enum Overflow: String, CaseIterable, Sendable { case model, tenant, series }
}

extension CaseIterable where Self: RawRepresentable, RawValue == String {
  /// The position of a case in its declaration, which is its place in every layout.
  @inline(__always)
  var ordinal: Int {
    // Unsafe: an enum of two or more cases and no payload is its case's number, one byte wide, in
    // memory (Swift ABI, "Fragile Enum Layout"). Looking it up in `allCases` would allocate that
    // array for each figure counted. A test compares the two for every set.
    unsafe Int(unsafeBitCast(self, to: UInt8.self))
  }
}
