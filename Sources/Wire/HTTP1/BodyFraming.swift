// How a message's body ends, decided from its head alone. One verdict each: what two parsers could
// frame differently is refused here.

package enum HTTPVersion: Sendable {
  case http10, http11
}

/// How the end of a body is found, RFC 9112 §6.3.
package enum BodyFraming: Equatable, Sendable {
  /// There is no body.
  case none
  /// The body has that many bytes, which may be zero; at most 18 digits, so it fits an `Int`.
  case length(UInt64)
  /// The body is chunked and says itself where it ends.
  case chunked
  /// The body ends with the connection; responses only.
  case untilClose
}

extension BodyFraming {
  /// What the fields say of the body, nil if they say nothing.
  ///
  /// Any `Transfer-Encoding` but a single `chunked` is refused, as is one beside
  /// `Content-Length` or in HTTP/1.0; so is a repeated `Content-Length`, even an identical one.
  static func announced(
    by headers: HeaderFields, version: HTTPVersion
  ) throws(HTTP1Error) -> BodyFraming? {
    let length = try headers.only("content-length", repeated: .repeatedContentLength)
    let encoding = try headers.only("transfer-encoding", repeated: .unsupportedTransferEncoding)
    if let encoding {
      guard length == nil else { throw .transferEncodingWithContentLength }
      guard version == .http11 else { throw .transferEncodingInHTTP10 }
      guard headers.value(encoding, equalsIgnoringCase: "chunked") else {
        throw .unsupportedTransferEncoding
      }
      return .chunked
    }
    guard let length else { return nil }
    return .length(try contentLength(headers.bytes.span, length))
  }

  /// `1*DIGIT`. 18 digits are below 2^63, so no later sum of it overflows.
  static func contentLength(
    _ head: Span<UInt8>, _ range: Range<Int>
  ) throws(HTTP1Error) -> UInt64 {
    guard !range.isEmpty, range.count <= 18 else { throw .badContentLength }
    var length: UInt64 = 0
    for at in range {
      guard HTTPOctet.isDigit(head[at]) else { throw .badContentLength }
      length = length &* 10 &+ UInt64(head[at] &- 0x30)
    }
    return length
  }
}

extension HeaderFields {
  /// Whether the connection may carry another message after this one, by version and `Connection`
  /// (RFC 9112 §9.3).
  func allowsPersistence(_ version: HTTPVersion) -> Bool {
    switch version {
    case .http11: !list("connection", contains: "close")
    case .http10:
      list("connection", contains: "keep-alive") && !list("connection", contains: "close")
    }
  }
}
