// A provider's answer, and where its events end.

/// One recorded answer. Its bytes are shared by all requests that get it.
package struct Recording: Sendable {
  /// As `x-sim-replay` names it.
  package let name: String
  package let contentType: String
  package let status: Int
  package let body: [UInt8]
  /// Where each event ends in `body`, the last one at its end. A plain body is one event.
  let ends: [Int]
  let format: EventFormat

  /// Whether the body is a stream of events.
  var isStream: Bool { format != .plain }

  /// `isStream` is for what the content type does not tell: a JSON array that is a stream.
  package init(
    name: String, contentType: String, status: Int = 200, body: [UInt8], isStream: Bool? = nil
  ) {
    let format = EventFormat(contentType: contentType, isStream: isStream ?? false)
    self.name = name
    self.contentType = contentType
    self.status = status
    self.body = body
    self.format = format
    ends = format.ends(in: body)
  }
}
