// What a tap must know of an exchange before the first body byte.

/// The head of a response, and of its request, as far as observation depends on them.
package struct TapRequest: Sendable {
  /// The request target as sent upstream, its query included.
  package var path: [UInt8]
  let framing: TapFraming
  let coding: ContentCoding
  package let status: Int
  /// The format, where the settings name it.
  package var dialect: DialectName?
  /// Who serves the upstream, where its host or the settings tell.
  package var provider: Provider?
  /// An error's message is kept up to this length: 4 KiB for `weir observe`. A relay keeps little,
  /// since it never shows it, but some errors are told by their message alone.
  package var messageLimitBytes = 256

  /// - Parameters:
  ///   - contentType: the value of `Content-Type`; empty for none, as is that of `Content-Encoding`.
  package init(
    path: [UInt8], contentType: Span<UInt8>, contentEncoding: Span<UInt8>, status: Int,
    dialect: DialectName? = nil, provider: Provider? = nil
  ) {
    self.path = path
    framing = TapFraming(contentType, status: status)
    coding = ContentCoding(contentEncoding)
    self.status = status
    self.dialect = dialect
    self.provider = provider
  }

  package init(
    path: [UInt8], contentType: [UInt8], contentEncoding: [UInt8] = [], status: Int = 200,
    dialect: DialectName? = nil, provider: Provider? = nil
  ) {
    self.init(
      path: path, contentType: contentType.span, contentEncoding: contentEncoding.span,
      status: status, dialect: dialect, provider: provider)
  }
}

/// How a body was compressed.
enum ContentCoding: Sendable {
  case identity, gzip, deflate
  /// One that is not undone.
  case other

  init(_ value: Span<UInt8>) {
    self =
      if value.isToken("") || value.isToken("identity") {
        .identity
      } else if value.isToken("gzip") || value.isToken("x-gzip") {
        .gzip
      } else if value.isToken("deflate") {
        .deflate
      } else {
        .other
      }
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

  init(_ value: Span<UInt8>, status: Int) {
    var end = 0
    while end < value.count, value[end] != UInt8(ascii: ";") { end += 1 }
    let type = value.extracting(first: end)
    self =
      if type.isExactly("application/json") && status != 101 {
        // The commonest by far, told without looking at it three times.
        .json
      } else if type.isToken("text/event-stream") {
        .serverSentEvents
      } else if type.isToken("application/vnd.amazon.eventstream") {
        .eventStream
      } else if status == 101 {
        .messages
      } else if type.isToken("application/json") || type.isToken("application/problem+json") {
        .json
      } else if Self.lineTypes.contains(where: { type.isToken($0) }) {
        .lines
      } else {
        status >= 400 ? .json : .opaque
      }
  }

  private static let lineTypes: [StaticString] = [
    "application/x-ndjson", "application/ndjson", "application/jsonl",
    "application/stream+json", "application/x-jsonlines",
  ]
}
