// What weir says on a hub socket: one JSON object for each message. docs/hub.md lists them.

internal import Hub
internal import Wire

/// Writes messages one after the other into a buffer of its own.
struct SocketMessage {
  private(set) var json = JSONWriter(capacity: 512)

  private mutating func begin(_ type: StaticString, id: String? = nil, stream: String? = nil) {
    json.removeAll()
    json.beginObject()
    json.key("type")
    json.string(type)
    if let id {
      json.key("id")
      json.string(id)
    }
    if let stream {
      json.key("stream")
      json.string(stream)
    }
  }

  private mutating func member(_ key: StaticString, _ value: Int) {
    json.key(key)
    json.integer(value)
  }

  /// A command was obeyed.
  mutating func began(_ type: StaticString, id: String?, stream: String? = nil, after: Int? = nil) {
    begin(type, id: id, stream: stream)
    if let after { member("after", after) }
    json.endObject()
  }

  mutating func done(id: String?, stream: String?, sequence: Int) {
    begin("done", id: id, stream: stream)
    member("sequence", sequence)
    json.endObject()
  }

  mutating func gap(stream: String, events: Range<Int>) {
    begin("gap", stream: stream)
    member("first", events.lowerBound)
    member("last", events.upperBound - 1)
    member("sequence", events.upperBound - 1)
    json.endObject()
  }

  /// Text of a stream. `offset`: how many bytes of the following event's text are out too.
  mutating func chunk(stream: String, sequence: Int, offset: Int = 0, text: String) {
    begin("chunk", stream: stream)
    member("sequence", sequence)
    if offset > 0 { member("offset", offset) }
    json.key("data")
    json.string(text)
    json.endObject()
  }

  /// An event of a stream, as `format` wants it: `events` or `raw`.
  mutating func chunk(
    stream: String, sequence: Int, _ event: ArraySlice<UInt8>, framing: EventFraming,
    format: StreamView.Format, isTail: Bool = false
  ) {
    begin("chunk", stream: stream)
    member("sequence", sequence)
    if isTail {
      json.key("tail")
      json.bool(true)
    }
    if framing == .eventStream || framing == .encoded {
      json.key("encoding")
      json.string("base64")
      json.key("data")
      let text = Base64Encoder.encode(event.span)
      json.plainString(text.span)
    } else if format == .raw {
      json.key("data")
      json.string(event.span)
    } else {
      let content = EventContent(event, framing)
      if !content.name.isEmpty {
        json.key("event")
        json.string(content.name.span)
      }
      json.key("data")
      json.string(content.data.span)
    }
    json.endObject()
  }

  /// The body of an answer that is no stream, as its only chunk.
  mutating func chunk(id: String?, body: [UInt8]) {
    begin("chunk", id: id)
    member("sequence", 1)
    json.key("data")
    json.string(body.span)
    json.endObject()
  }

  mutating func error(
    id: String?, stream: String? = nil, sequence: Int? = nil, reason: StaticString, message: String
  ) {
    begin("error", id: id, stream: stream)
    if let sequence { member("sequence", sequence) }
    json.key("error")
    json.beginObject()
    json.key("type")
    json.string("weir_stream")
    json.key("reason")
    json.string(reason)
    json.key("message")
    json.string(message)
    json.endObject()
    json.endObject()
  }

  /// What came in place of a stream: status and body as the provider, or the relay, sent them.
  mutating func error(id: String?, status: Int, body: [UInt8]) {
    begin("error", id: id)
    member("status", status)
    json.key("body")
    json.string(body.span)
    json.endObject()
  }
}
