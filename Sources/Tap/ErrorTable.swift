// One table that turns each provider's error codes, and HTTP statuses, into our error types.

/// Maps what upstreams call their errors to `ErrorType`.
package enum ErrorTable {
  /// The type of an error that an upstream reported, in its body or inside a stream.
  ///
  /// The most specific word decides: `code`, then `type`, then what a few providers say in the
  /// message alone, then the HTTP status; "invalid request" and "server error" only where nothing
  /// says more. Names compare without regard to case, `-`, `_` and
  /// spaces. A numeric code is read as an HTTP status.
  package static func type(
    code: [UInt8]?, type: [UInt8]?, message: [UInt8]?, status: Int
  ) -> ErrorType {
    let byCode = code.flatMap(named)
    let byType = type.flatMap(named)
    let byMessage = message.flatMap(said)
    // Many codes say no more than "invalid request"; the message then may.
    // The status too: OpenAI calls a 403 an invalid request.
    let byStatus = status >= 400 ? ErrorTable.type(status: status) : .other
    for found in [byCode, byType, byMessage, byStatus] {
      if let found, ![.invalidRequest, .serverError, .other].contains(found) { return found }
    }
    if let found = byCode ?? byType { return found }
    let statusInside = code.flatMap(decimal).map(ErrorTable.type(status:)) ?? .other
    if statusInside != .other { return statusInside }
    // An error inside a 2xx stream that says nothing of itself is still an error.
    return byStatus
  }

  /// The type that an HTTP status alone stands for.
  package static func type(status: Int) -> ErrorType {
    switch status {
    case 401: .authentication
    case 402: .quotaExhausted
    case 403: .permission
    case 404, 410: .notFound
    case 408, 504: .timeout
    case 413: .contextLength
    case 429: .rateLimited
    case 503, 529: .overloaded
    case 400..<500: .invalidRequest
    case 500..<600: .serverError
    default: .other
    }
  }

  private static func named(_ name: [UInt8]) -> ErrorType? {
    names[folded(name)]
  }

  private static func said(_ message: [UInt8]) -> ErrorType? {
    let text = folded(message)
    return phrases.first { contains(text, $0.phrase) }?.type
  }

  /// Small letters and digits alone.
  private static func folded(_ name: [UInt8]) -> [UInt8] {
    name.compactMap { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
      default: nil
      }
    }
  }

  private static func decimal(_ digits: [UInt8]) -> Int? {
    guard digits.count == 3 else { return nil }
    return digits.reduce(0) { sum, digit in
      guard let sum, digit >= 48, digit <= 57 else { return nil }
      return sum * 10 + Int(digit) - 48
    }
  }

  private static func contains(_ text: [UInt8], _ phrase: [UInt8]) -> Bool {
    guard text.count >= phrase.count else { return false }
    return (0...text.count - phrase.count).contains { start in
      text[start..<start + phrase.count].elementsEqual(phrase)
    }
  }
}

extension ErrorTable {
  private static let names: [[UInt8]: ErrorType] = {
    var table: [[UInt8]: ErrorType] = [:]
    for (type, spellings) in spellings {
      for name in spellings.split(separator: " ") {
        table[folded(Array(name.utf8))] = type
      }
    }
    return table
  }()

  /// OpenAI and those that follow it, Anthropic, Google's RPC codes, AWS exceptions, Cohere, TGI,
  /// llama.cpp, Azure, JSON-RPC.
  private static let spellings: [(ErrorType, String)] = [
    (
      .rateLimited,
      """
      rate_limit_exceeded rate_limit_error rate_limit_reached RateLimitReached throttlingException \
      too_many_requests TooManyRequestsException requests tokens RESOURCE_EXHAUSTED slow_down
      """
    ),
    (
      .overloaded,
      """
      overloaded_error overloaded engine_overloaded server_overloaded UNAVAILABLE \
      serviceUnavailableException service_unavailable modelNotReadyException model_overloaded \
      unavailable_error capacity_exceeded
      """
    ),
    (
      .quotaExhausted,
      """
      insufficient_quota billing_hard_limit_reached billing_error insufficient_credits \
      insufficient_balance quota_exceeded ServiceQuotaExceededException payment_required \
      exceeded_current_quota_error
      """
    ),
    (
      .contextLength,
      """
      context_length_exceeded string_above_max_length exceed_context_size_error \
      TOO_MANY_TOKENS request_too_large max_tokens_exceeded context_window_exceeded
      """
    ),
    (
      .authentication,
      """
      authentication_error invalid_api_key invalid_authentication UNAUTHENTICATED unauthorized \
      UnrecognizedClientException ExpiredTokenException InvalidSignatureException \
      invalid_authentication_error incorrect_api_key_provided missing_api_key
      """
    ),
    (
      .permission,
      """
      permission_error permission_denied PERMISSION_DENIED AccessDeniedException forbidden \
      unsupported_country_region_territory
      """
    ),
    (
      .notFound,
      """
      not_found_error model_not_found NOT_FOUND ResourceNotFoundException not_found \
      DeploymentNotFound unknown_model
      """
    ),
    (
      .contentFilter,
      """
      content_filter content_policy_violation responsible_ai_policy_violation SAFETY \
      image_content_policy_violation moderation_blocked PROHIBITED_CONTENT
      """
    ),
    (
      .serverError,
      """
      server_error api_error internal_error INTERNAL internalServerException \
      internal_server_error modelErrorException modelStreamErrorException DATA_LOSS generation \
      vector_store_timeout upstream_error provider_error -32603
      """
    ),
    (
      .timeout,
      """
      timeout timeout_error request_timeout DEADLINE_EXCEEDED modelTimeoutException \
      gateway_timeout
      """
    ),
    (
      .invalidRequest,
      """
      invalid_request_error invalid_request invalid-argument INVALID_ARGUMENT \
      FAILED_PRECONDITION validationException validation bad_request OUT_OF_RANGE \
      invalid_value tool_use_failed invalid_prompt BadRequestError unsupported_parameter \
      -32600 -32601 -32602
      """
    ),
  ]

  /// What some providers say in words only, folded as names are.
  private static let phrases: [(phrase: [UInt8], type: ErrorType)] = [
    phrase("maximum context length", .contextLength), phrase("prompt is too long", .contextLength),
    phrase("context window", .contextLength), phrase("available context size", .contextLength),
    phrase("too many tokens", .contextLength), phrase("input tokens exceed", .contextLength),
    phrase("max new tokens must be", .contextLength),
    phrase("token limit reached", .contextLength),
    phrase("api key not valid", .authentication), phrase("incorrect api key", .authentication),
    phrase("invalid api key", .authentication), phrase("invalid x api key", .authentication),
    phrase("security token", .authentication),
    phrase("invalid subscription key", .authentication),
    phrase("exceeded your current quota", .quotaExhausted), phrase("overloaded", .overloaded),
  ]

  private static func phrase(_ text: String, _ type: ErrorType) -> (
    phrase: [UInt8], type: ErrorType
  ) {
    (folded(text.bytes), type)
  }
}
