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

  init(_ request: TapRequest) {
    let type = Self.mediaType(request.contentType)
    self =
      switch type {
      case "text/event-stream": .serverSentEvents
      case "application/vnd.amazon.eventstream": .eventStream
      case _ where request.status == 101: .messages
      case "application/x-ndjson", "application/ndjson", "application/jsonl",
        "application/stream+json", "application/x-jsonlines":
        .lines
      case _ where request.status >= 400: .json
      case "application/json", "application/problem+json": .json
      default: .opaque
      }
  }

  /// The type without its parameters, in small letters.
  private static func mediaType(_ value: [UInt8]) -> String {
    let type = value.prefix { $0 != UInt8(ascii: ";") }
    return String(decoding: type.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
  }
}
