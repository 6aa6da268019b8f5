// The closed set of error types: a metric's label and a log line's value.

/// What went wrong with an exchange, whoever was at fault.
package enum ErrorType: String, CaseIterable, Sendable {
  // What the relay finds out itself.
  case tooLarge = "too_large"
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

  // What an upstream's answer says.
  case rateLimited = "rate_limited"
  case overloaded
  case quotaExhausted = "quota_exhausted"
  case contextLength = "context_length"
  case authentication
  case permission
  case notFound = "not_found"
  case contentFilter = "content_filter"
  case serverError = "server_error"

  // Both.
  case invalidRequest = "invalid_request"
  case timeout
  case other
}
