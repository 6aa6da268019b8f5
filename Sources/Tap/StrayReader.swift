// Errors that providers put where the event-stream standard does not look: llama.cpp of 2025 in a
// field named `error`, Gemini as a bare document between events.

internal import Wire

/// Reads one JSON text that stands outside of the events. Few streams have one: an object, so that
/// the others need no room for it.
final class StrayReader {
  let isErrorField: Bool
  private var scanner: JSONScanner
  private var interpreter = EventInterpreter()
  private let memory = StreamMemory(.plain)

  init(isErrorField: Bool, messageLimitBytes: Int) {
    self.isErrorField = isErrorField
    scanner = JSONScanner(Dialect.errorBody, longCaptureLimitBytes: messageLimitBytes)
  }

  /// More of the text must come.
  var isUnfinished: Bool { !scanner.isComplete && !scanner.isFailed }

  /// The error it tells of. A bare document must hold an `error`; the field is one by its name.
  var error: UpstreamError? {
    guard scanner.isComplete, isErrorField || interpreter.reading.hasError else { return nil }
    return interpreter.foundError
  }

  func read(_ bytes: Span<UInt8>) {
    var position = 0
    while let match = scanner.next(bytes, from: &position) {
      interpreter.take(match, from: scanner, memory)
    }
  }
}
