// What one reading of a log brings.

/// A stretch of a stream. Its bytes are shared with the log, or a copy where the log still writes.
package struct StreamRun: Sendable {
  /// The position in the stream of its first byte.
  package var start: Int
  package var pieces: [ArraySlice<UInt8>] = []
  /// The number of the first event that ends in it, and where its events end, from `start` on.
  /// Empty where bytes were asked for, and for a stream's tail.
  package var firstEvent = 0
  package var ends: [Int] = []

  package var count: Int { pieces.reduce(0) { $0 + $1.count } }

  /// The bytes in one array.
  package func joined() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  package func append(to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + count)
    for piece in pieces { bytes.append(contentsOf: piece) }
  }

  /// The same bytes as one event, for a tail that turns out to be whole.
  package func asEvent(_ number: Int) -> StreamRun {
    var run = self
    (run.firstEvent, run.ends) = (number, [count])
    return run
  }

  /// Calls `body` with each event's number and bytes.
  package func forEachEvent(_ body: (_ number: Int, _ bytes: ArraySlice<UInt8>) -> Void) {
    let bytes = joined()
    var start = 0
    for (index, end) in ends.enumerated() {
      body(firstEvent + index, bytes[start..<end])
      start = end
    }
  }
}

/// What a log has for a reader.
package enum LogReading: Sendable {
  case run(StreamRun)
  case nothingYet
  case ended(StreamEnding)
  /// What the reader wants next is not there any more.
  case lost(StreamLoss)
}
