// What kind of failure: the closed set of `error_type` in metrics and logs.

package enum ErrorType: String, CaseIterable, Sendable {
  // What weir itself or the network did.
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
  // What a provider said.
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

  /// What a status says where the body says nothing.
  package init(httpStatus status: Int) {
    self =
      switch status {
      case 401: .authentication
      case 402: .quotaExhausted
      case 403: .permission
      case 404: .notFound
      case 408, 504: .timeout
      case 413: .tooLarge
      case 429: .rateLimited
      case 503, 529: .overloaded
      case 400..<500: .invalidRequest
      case 500...: .serverError
      default: .other
      }
  }
}
