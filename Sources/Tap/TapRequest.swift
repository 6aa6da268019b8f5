// What a tap must know of an exchange before the first body byte.

/// The head of a response, and of its request, as far as observation depends on them.
package struct TapRequest: Sendable {
  /// The request target as sent upstream, its query included.
  package var path: [UInt8]
  package var contentType: [UInt8]
  /// The value of `Content-Encoding`; empty for none.
  package var contentEncoding: [UInt8]
  package var status: Int
  /// The format, where the settings name it.
  package var dialect: DialectName?
  /// Who serves the upstream, where its host or the settings tell.
  package var provider: Provider?
  /// An error's message is kept up to this length: 4 KiB for `weir observe`. A relay keeps little,
  /// since it never shows it, but some errors are told by their message alone.
  package var messageLimitBytes = 256

  package init(
    path: [UInt8], contentType: [UInt8], contentEncoding: [UInt8] = [], status: Int = 200,
    dialect: DialectName? = nil, provider: Provider? = nil
  ) {
    self.path = path
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.status = status
    self.dialect = dialect
    self.provider = provider
  }
}

/// How a body is divided into events.
enum TapFraming: Sendable {
  case serverSentEvents
  case lines
  case eventStream
  /// One JSON text, or one array of events; its first byte tells.
  case json
  case jsonArray
  /// WebSocket messages, divided by the caller.
  case messages
  /// A failed request's body that is no JSON.
  case text
  /// Content that is not looked into.
  case opaque

  init(_ request: borrowing TapRequest) {
    let value = request.contentType
    let type = value.span.extracting(first: value.firstIndex(of: UInt8(ascii: ";")) ?? value.count)
    self =
      if type.isExactly("application/json") && request.status != 101 {
        // The commonest by far, told without looking at it three times.
        .json
      } else if type.isToken("text/event-stream") {
        .serverSentEvents
      } else if type.isToken("application/vnd.amazon.eventstream") {
        .eventStream
      } else if request.status == 101 {
        .messages
      } else if type.isToken("application/json") || type.isToken("application/problem+json") {
        .json
      } else if Self.lineTypes.contains(where: { type.isToken($0) }) {
        .lines
      } else {
        request.status >= 400 ? .json : .opaque
      }
  }

  private static let lineTypes: [StaticString] = [
    "application/x-ndjson", "application/ndjson", "application/jsonl",
    "application/stream+json", "application/x-jsonlines",
  ]
}
