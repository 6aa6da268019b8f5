// A reader's place in the bounds on how many there are: each has an open connection and a queue, so
// that they take memory outside of the log's.

/// Taken before a reader begins, and given back when nobody holds it any more.
package final class SubscriberSeat: Sendable {
  private let directory: StreamDirectory
  private let stream: StreamID?

  init(at stream: StreamID?, in directory: StreamDirectory) {
    self.stream = stream
    self.directory = directory
  }

  deinit { directory.vacate(stream) }
}

/// Which bound has no room for one more reader.
package enum SeatRefusal: String, Error, CaseIterable, Sendable {
  /// As many read this stream as may read one.
  case streamFull = "stream_full"
  /// As many read as may read at all.
  case hubFull = "hub_full"
}
