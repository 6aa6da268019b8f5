// Reads the payload of one event at a time. A stream needs this while an event of its is open, and
// not in the silence after it, in which it spends nearly all of its life.

internal import Wire

/// An event's scanner, and what has been found so far: 900 bytes that a loop lends to its streams.
final class EventReader {
  var interpreter = EventInterpreter()
  var scanner = JSONScanner(Dialect.plain.stream)
  /// For what Bedrock wraps in Base64.
  private var wrapped: WrappedReader?
  private(set) var dataLength = 0
  private(set) var dataScalars = 0
  private var doneMarkLength = 0
  /// Of the AWS message read; a buffer that is used again.
  var eventType: [UInt8] = []

  /// Nothing of an event has been read, and what was read before bears on none.
  var isAtRest: Bool { dataLength == 0 && wrapped == nil && scanner.style == .document }

  /// What a reader reads.
  enum Text {
    case event
    case body
    case errorBody
  }

  /// Made ready for another stream.
  func begin(_ text: Text, longCaptureLimitBytes: Int, _ memory: borrowing StreamMemory) {
    wrapped = nil
    interpreter.drop()
    // Named here, where the memory is borrowed: a table that is handed on is counted up and down.
    switch text {
    case .event:
      scanner.begin(memory.dialect.stream, longCaptureLimitBytes: longCaptureLimitBytes)
    case .body: scanner.begin(memory.dialect.body, longCaptureLimitBytes: longCaptureLimitBytes)
    case .errorBody:
      scanner.begin(Dialect.errorBody, longCaptureLimitBytes: longCaptureLimitBytes)
    }
    scanner.uncaptured = memory.known
    forgetLength()
  }

  /// Takes a piece of an event's payload.
  func feed(_ bytes: Span<UInt8>, _ memory: inout StreamMemory) {
    if dataLength == doneMarkLength && dataLength < 6 { matchDoneMark(bytes) }
    dataLength += bytes.count
    if memory.isRawText {
      interpreter.reading.text += Self.scalarCount(bytes)
      return
    }
    // Until the format is known the data may prove to be plain text.
    if memory.isUnknown { dataScalars += Self.scalarCount(bytes) }
    var position = 0
    while let match = scanner.next(bytes, from: &position) {
      if case .stringPiece = match.kind {
        unwrap(match, bytes, &memory)
      } else {
        interpreter.take(match, from: scanner, memory)
      }
    }
  }

  /// Takes a whole text for read, whose findings have been handed over another way.
  func skip(_ text: Span<UInt8>) {
    dataLength += text.count
    scanner.skipText()
  }

  /// The payload is what ends a stream of OpenAI's.
  var isDoneMark: Bool { doneMarkLength == 6 && dataLength == 6 }

  private static let doneMark = "[DONE]".bytes

  private func matchDoneMark(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      guard doneMarkLength < 6, bytes[index] == Self.doneMark[doneMarkLength] else { return }
      doneMarkLength += 1
    }
  }

  private static func scalarCount(_ bytes: Span<UInt8>) -> Int {
    var count = 0
    for index in bytes.indices where bytes[index] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  /// Decodes a piece of the Base64 text that InvokeModel wraps a model's event in.
  private func unwrap(_ match: JSONMatch, _ bytes: Span<UInt8>, _ memory: inout StreamMemory) {
    let reader = wrapped ?? WrappedReader()
    if wrapped == nil {
      wrapped = reader
      memory.use(.bedrockModel)
    }
    if match.piece.isEmpty {
      let unescaped = scanner.captured
      reader.read(unescaped.span, &interpreter, memory)
    } else {
      reader.read(bytes.extracting(match.piece), &interpreter, memory)
    }
  }

  /// Forgets the event read, complete or not.
  func drop(_ memory: borrowing StreamMemory) {
    interpreter.drop()
    // The elements of an array are one text to their scanner.
    if scanner.style == .document { scanner.reset() }
    scanner.uncaptured = memory.known
    wrapped?.reset()
    forgetLength()
  }

  /// Forgets a line that had nothing in it.
  func forgetLength() {
    dataLength = 0
    dataScalars = 0
    doneMarkLength = 0
  }
}
