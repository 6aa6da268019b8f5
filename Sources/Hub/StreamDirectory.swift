// All kept streams of the process: where each is, whose it is, and how much memory they take
// together. Loops come here once when a stream begins and ends, for each reader that comes or goes,
// and for each block of 16 KiB; never for a read.

internal import Synchronization

/// How much is kept, and how long.
package struct StreamBounds: Equatable, Sendable {
  /// From a stream's end.
  package var retainNanoseconds: UInt64 = 300 * 1_000_000_000
  /// All streams together, index and book-keeping included.
  package var memoryBytes = 64 << 20
  /// One stream.
  package var streamBytes = 4 << 20
  /// Streams kept, live ones included.
  package var streams = 10_000
  /// Readers of all streams together, and of one of them.
  package var subscribers = 10_000
  package var streamSubscribers = Int.max

  package init() {}
}

/// Why a stream cannot be resumed: the closed set of `reason` in 410.
package enum StreamAbsence: String, CaseIterable, Sendable {
  case unknown, expired, evicted, encoded
}

package enum StreamLookup: Sendable {
  case found(StreamLog)
  case forbidden
  case gone(StreamAbsence)
}

package final class StreamDirectory: Sendable {
  private let state: Mutex<DirectoryState>

  package init(_ bounds: StreamBounds = StreamBounds()) {
    state = Mutex(DirectoryState(bounds))
  }

  /// New bounds; what exceeds them goes at once, as far as it has ended.
  package func apply(_ bounds: StreamBounds) { state.withLock { $0.apply(bounds) } }

  package var figures: StreamFigures { state.withLock { $0.figures } }

  /// Begins to keep a stream; nil if there is no room for one more, since all that are kept are
  /// live. `random` names it.
  package func open(
    framing: EventFraming, contentType: [UInt8], credential: StreamCredential,
    writer: any StreamListener, id: StreamID
  ) -> StreamRecorder? {
    let log = StreamLog(
      id, framing: framing, contentType: contentType, credential: credential, writer: writer)
    guard let bytes = state.withLock({ $0.open(log) }) else { return nil }
    return StreamRecorder(log, in: self, streamBytes: bytes)
  }

  /// The stream of that id, if it can be read and is the asker's.
  package func find(_ id: StreamID, by asker: StreamCredential, at now: UInt64) -> StreamLookup {
    state.withLock { state in
      _ = state.sweep(at: now)
      return state.find(id, by: asker)
    }
  }

  /// A place for one more reader of that stream.
  package func seat(at stream: StreamID) throws(SeatRefusal) -> SubscriberSeat {
    try state.withLock { state throws(SeatRefusal) in try state.seat(at: stream) }
    return SubscriberSeat(at: stream, in: self)
  }

  /// A place for whoever is about to start a stream and will read it: only the bound on all applies.
  package func seatForMaker() throws(SeatRefusal) -> SubscriberSeat {
    try state.withLock { state throws(SeatRefusal) in try state.seat(at: nil) }
    return SubscriberSeat(at: nil, in: self)
  }

  func vacate(_ stream: StreamID?) { state.withLock { $0.vacate(stream) } }

  /// Tells the stream's writer to stop it; that of an ended one has nothing to stop.
  package func stop(_ id: StreamID, by asker: StreamCredential, at now: UInt64) -> StreamLookup {
    let (lookup, writer) = state.withLock { state in
      _ = state.sweep(at: now)
      return state.writerToStop(id, by: asker)
    }
    writer?.hear(.stop, of: id)
    return lookup
  }

  /// Forgets what has been kept long enough; returns when there is more to forget.
  package func sweep(at now: UInt64) -> UInt64? { state.withLock { $0.sweep(at: now) } }

  // MARK: For recorders

  func reserve(_ bytes: Int) -> Bool { state.withLock { $0.reserve(bytes) } }
  func release(_ bytes: Int) { state.withLock { $0.release(bytes) } }
  func end(_ log: StreamLog, at now: UInt64) { state.withLock { $0.end(log, at: now) } }
}
