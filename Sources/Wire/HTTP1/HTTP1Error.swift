// The rules of HTTP/1.1 that a peer can break, one case each. Whatever two parsers could read
// differently is among them: it is refused, never repaired and passed on.

/// What is wrong with a head or a body's framing.
///
/// After any of these the connection must be closed, for nobody can say where the next message
/// begins.
package enum HTTP1Error: Error, Equatable, Sendable {
  // Lines and heads, RFC 9112 §2.2, §5.
  case bareCarriageReturn
  case bareLineFeed
  case nulByte
  case missingStartLine
  case badHeadEnding
  case headTooLarge
  case obsoleteFold
  case spaceBeforeColon
  case badFieldName
  case badFieldValue
  // Start lines, RFC 9112 §3, §4.
  case badMethod
  case badTarget
  case badVersion
  case badStatusLine
  case missingHost
  case repeatedHost
  case badHost
  // Framing, RFC 9112 §6.
  case transferEncodingWithContentLength
  case transferEncodingInHTTP10
  case unsupportedTransferEncoding
  case repeatedContentLength
  case badContentLength
  case bodyInBodilessResponse
  // Chunked bodies, RFC 9112 §7.1.
  case badChunkSize
  case chunkSizeOverflow
  case badChunkExtension
  case badChunkEnding
  case extensionsTooLarge
  case badTrailer
  case forbiddenTrailer
  case trailersTooLarge
}

extension HTTP1Error {
  /// The status for a client that broke the rule; an upstream that did is always a 502.
  package var clientStatus: Int {
    self == .headTooLarge ? 431 : 400
  }

  /// One sentence that names the rule and holds no byte of the message.
  package var explanation: StaticString {
    switch self {
    case .bareCarriageReturn: "A carriage return must be followed by a line feed."
    case .bareLineFeed: "A line must end in carriage return and line feed, not a line feed alone."
    case .nulByte: "A head must not contain a NUL byte."
    case .missingStartLine: "A head must begin with its start line."
    case .badHeadEnding: "A head must end in exactly one blank line."
    case .headTooLarge: "The head is larger than the limit."
    case .obsoleteFold: "A field line must not begin with white space."
    case .spaceBeforeColon: "White space must not stand between a field name and its colon."
    case .badFieldName: "A field line must begin with a token and a colon."
    case .badFieldValue: "A field value must not contain control characters."
    case .badMethod: "The method must be a token, followed by one space."
    case .badTarget: "The request target must be a path or an http or https URL."
    case .badVersion: "The version must be HTTP/1.0 or HTTP/1.1."
    case .badStatusLine: "The status line must be a version, a status of three digits and a reason."
    case .missingHost: "An HTTP/1.1 request must have a Host field."
    case .repeatedHost: "A request must have only one Host field."
    case .badHost: "The Host field must be a host with an optional port."
    case .transferEncodingWithContentLength:
      "A message must not have both Transfer-Encoding and Content-Length."
    case .transferEncodingInHTTP10: "An HTTP/1.0 message must not have Transfer-Encoding."
    case .unsupportedTransferEncoding: "Transfer-Encoding must be one field with the value chunked."
    case .repeatedContentLength: "A message must have only one Content-Length field."
    case .badContentLength: "Content-Length must be one number of at most 18 digits."
    case .bodyInBodilessResponse:
      "A response with status 1xx or 204 must not announce a body."
    case .badChunkSize: "A chunk must begin with its size in hexadecimal digits."
    case .chunkSizeOverflow: "The chunk size is larger than any body can be."
    case .badChunkExtension: "A chunk extension must be a name with an optional value."
    case .badChunkEnding: "A chunk's data must be followed by carriage return and line feed."
    case .extensionsTooLarge: "The chunk extensions of the body are larger than the limit."
    case .badTrailer: "A trailer must be a field line: a token, a colon and a value."
    case .forbiddenTrailer: "A trailer must not change framing, connection or routing."
    case .trailersTooLarge: "The trailers of the body are larger than the limit."
    }
  }
}
