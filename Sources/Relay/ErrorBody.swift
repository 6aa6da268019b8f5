// What a client is told when weir itself has to answer: JSON in the shape that its library
// expects from the provider, so that the library raises the error it has for it.

internal import Connections
internal import Wire

/// The API that a request path speaks, as far as the shape of its errors goes.
enum CallerDialect {
  case openAI, anthropic, gemini, ollama, plain

  init(path: Span<UInt8>) {
    self =
      if path.contains("/v1/messages") || path.contains("/v1/complete?") {
        .anthropic
      } else if path.contains(":generateContent") || path.contains(":streamGenerateContent")
        || path.contains("/v1beta/")
      {
        .gemini
      } else if path.contains("/api/chat") || path.contains("/api/generate") {
        .ollama
      } else if path.contains("/converse") || path.contains("/invoke") || path.contains("/v2/chat")
      {
        .plain
      } else {
        .openAI
      }
  }

  /// The body; `message` and `type` are weir's own words and need no escaping.
  func body(status: Int, type: String, message: String) -> String {
    switch self {
    case .openAI:
      #"{"error":{"message":"\#(message)","type":"\#(Self.openAIType(status))","param":null,"code":"\#(type)"}}"#
    case .anthropic:
      #"{"type":"error","error":{"type":"\#(Self.anthropicType(status))","message":"\#(message)"}}"#
    case .gemini:
      #"{"error":{"code":\#(status),"message":"\#(message)","status":"\#(Self.googleStatus(status))"}}"#
    case .ollama: #"{"error":"\#(message)"}"#
    case .plain: #"{"message":"\#(message)"}"#
    }
  }

  private static func openAIType(_ status: Int) -> String {
    switch status {
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    default: "server_error"
    }
  }

  private static func anthropicType(_ status: Int) -> String {
    switch status {
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    case 503: "overloaded_error"
    case 504: "timeout_error"
    default: "api_error"
    }
  }

  private static func googleStatus(_ status: Int) -> String {
    switch status {
    case 404: "NOT_FOUND"
    case 429: "RESOURCE_EXHAUSTED"
    case 408, 504: "DEADLINE_EXCEEDED"
    case 400..<500: "INVALID_ARGUMENT"
    case 500: "INTERNAL"
    default: "UNAVAILABLE"
    }
  }
}

extension Span<UInt8> {
  func contains(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length else { return false }
    return text.withUTF8Buffer { wanted in
      for start in 0...(count - length) where self[start] == wanted[0] {
        var matched = 1
        while matched < length, self[start + matched] == wanted[matched] { matched += 1 }
        if matched == length { return true }
      }
      return false
    }
  }
}

extension ExchangeEnd {
  /// What happened, in words that name the setting or the limit to look at. No byte of either
  /// peer is in it.
  func message(upstream: String?) -> String {
    let name = upstream ?? "upstream"
    return switch self {
    case .refused(.malformed(let error)): "weir refused the request: \(error.explanation)"
    case .refused(.headTimedOut): "weir: the request head took longer than client_header_timeout"
    case .bodyTooLarge: "weir: the request body is larger than max_request_body"
    case .bodyTimedOut: "weir: the request body stood still longer than client_body_timeout"
    case .noRoute: "weir: no route matches this path; see routes in its settings"
    case .limited(.queueFull(let limit, _)):
      "weir: the limit \(limit) is reached and its queue is full; see max_streams and queue.max"
    case .limited(.queueTimeout(let limit, _)):
      "weir: no place came free at the limit \(limit) within its queue.timeout"
    case .draining, .limited(.draining), .drainDeadline:
      "weir is draining and takes no new requests"
    case .notConnected(.dns): "weir: the name of \(name) does not resolve"
    case .notConnected(.refused): "weir: \(name) refused the connection or is unreachable"
    case .notConnected(.timeout): "weir: connecting to \(name) took longer than connect_timeout"
    case .notConnected(.tls): "weir: the TLS handshake with \(name) failed"
    case .notConnected(.exhausted), .turnedAway: "weir is out of descriptors or memory"
    case .upstreamClosed: "weir: \(name) closed the connection before its answer was whole"
    case .upstreamMalformed(let error): "weir refused the answer of \(name): \(error.explanation)"
    case .noHeadInTime: "weir: \(name) sent no answer within first_byte_timeout"
    case .streamTimeOver: "weir: the exchange took longer than stream_timeout"
    case .stalled: "weir: \(name) was silent longer than idle_timeout"
    case .answered, .clientGone, .slowClient: "weir: the exchange has ended"
    }
  }
}
