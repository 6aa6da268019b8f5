// What providers say when they fail, in each one's shape.

internal import Wire

enum ProviderErrors {
  /// The body of an answer with that status; `message` may hold anything.
  static func body(_ api: ProviderAPI?, status: Int, message: String) -> [UInt8] {
    var json = JSONWriter(capacity: 256)
    write(api, status: status, message: message, &json)
    return json.bytes
  }

  /// The event by which a stream tells that it failed, framed as its other events are; nil for
  /// content types whose providers have none, or that are no streams.
  ///
  /// `isFirst` for one that no event comes before: it opens the array where the stream is one.
  static func event(
    _ api: ProviderAPI?, format: EventFormat, isFirst: Bool
  ) -> [UInt8]? {
    let text = String(decoding: body(api, status: 529, message: "Overloaded"), as: UTF8.self)
    switch format {
    case .jsonArray: return Array(((isFirst ? "[" : ",\r\n") + text + "\n]\n").utf8)
    case .lines: return Array((text + "\n").utf8)
    case .serverSentEvents: return Array(serverSentEvent(api, text).utf8)
    case .plain, .awsEventStream: return nil
    }
  }

  private static func serverSentEvent(_ api: ProviderAPI?, _ text: String) -> String {
    switch api {
    case .messages: return "event: error\ndata: \(text)\n\n"
    case .responses:
      let members = #""code":"server_error","message":"Overloaded","param":null"#
      return "event: error\ndata: " + #"{"type":"error","sequence_number":99,\#(members)}"#
        + "\n\n"
    case .geminiStream, .geminiPlain: return "data: \(text)\r\n\r\n"
    case .chatCompletions, .ollamaChat, nil: return "data: \(text)\n\n"
    }
  }

  private static func write(
    _ api: ProviderAPI?, status: Int, message: String, _ json: inout JSONWriter
  ) {
    json.beginObject()
    switch api {
    case .messages:
      json.key("type")
      json.string("error")
      json.key("error")
      json.beginObject()
      json.key("type")
      json.string(anthropicType(status))
      json.key("message")
      json.string(message)
      json.endObject()
    case .geminiStream, .geminiPlain:
      json.key("error")
      json.beginObject()
      json.key("code")
      json.integer(status)
      json.key("message")
      json.string(message)
      json.key("status")
      json.string(googleStatus(status))
      json.endObject()
    case .ollamaChat:
      json.key("error")
      json.string(message)
    case .chatCompletions, .responses, nil:
      json.key("error")
      json.beginObject()
      json.key("message")
      json.string(message)
      json.key("type")
      json.string(openAIType(status))
      json.key("param")
      json.null()
      json.key("code")
      openAICode(status).map { json.string($0) } ?? json.null()
      json.endObject()
    }
    json.endObject()
  }

  private static func openAIType(_ status: Int) -> StaticString {
    switch status {
    case 429: "requests"
    case 400..<500: "invalid_request_error"
    default: "server_error"
    }
  }

  private static func openAICode(_ status: Int) -> StaticString? {
    switch status {
    case 401: "invalid_api_key"
    case 404: "model_not_found"
    case 429: "rate_limit_exceeded"
    default: nil
    }
  }

  private static func anthropicType(_ status: Int) -> StaticString {
    switch status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 529, 503: "overloaded_error"
    case 504: "timeout_error"
    case 400..<500: "invalid_request_error"
    default: "api_error"
    }
  }

  private static func googleStatus(_ status: Int) -> StaticString {
    switch status {
    case 401: "UNAUTHENTICATED"
    case 403: "PERMISSION_DENIED"
    case 404: "NOT_FOUND"
    case 429: "RESOURCE_EXHAUSTED"
    case 504: "DEADLINE_EXCEEDED"
    case 400..<500: "INVALID_ARGUMENT"
    case 500: "INTERNAL"
    default: "UNAVAILABLE"
    }
  }

  /// What errors that a client asks for say.
  static func message(_ status: Int) -> String {
    switch status {
    case 401: "Incorrect API key provided."
    case 404: "The model does not exist."
    case 429: "Rate limit reached."
    case 503, 529: "Overloaded"
    case 400..<500: "The request is not valid."
    default: "The server had an error while processing the request."
    }
  }
}
