// How a body is divided into events, as its head tells.

/// What an event is in the bytes of a stream.
package enum EventFraming: Equatable, Sendable {
  /// `text/event-stream`.
  case serverSentEvents
  /// Newline-delimited JSON: each line that is not blank.
  case lines
  /// `application/vnd.amazon.eventstream`: each message.
  case eventStream
  /// One JSON array that grows as it streams, as Gemini sends it: each element.
  case elements
  /// A content coding lies over the events, so that no byte of the body begins one.
  case encoded

  /// nil if this is no stream. `isGrowingArray`: JSON asked for on this path comes as one array of
  /// events.
  package init?(contentType: [UInt8], isGrowingArray: Bool, isEncoded: Bool) {
    var type = contentType.prefix { $0 != UInt8(ascii: ";") }
    while type.last == UInt8(ascii: " ") { type.removeLast() }
    let framing: EventFraming? =
      if type.isWord("text/event-stream") {
        .serverSentEvents
      } else if type.isWord("application/vnd.amazon.eventstream") {
        .eventStream
      } else if Self.lineTypes.contains(where: { type.isWord($0) }) {
        .lines
      } else if isGrowingArray, type.isWord("application/json") {
        .elements
      } else {
        nil
      }
    guard let framing else { return nil }
    self = isEncoded ? .encoded : framing
  }

  private static let lineTypes: [StaticString] = [
    "application/x-ndjson", "application/ndjson", "application/jsonl",
    "application/stream+json", "application/x-jsonlines",
  ]
}

extension ArraySlice<UInt8> {
  /// Whether this is that lower-case word, in letters of any case.
  fileprivate func isWord(_ lowercased: StaticString) -> Bool {
    let letters = lazy.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    return letters.elementsEqual(lowercased.description.utf8)
  }
}
