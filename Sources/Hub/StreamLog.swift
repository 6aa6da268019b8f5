// The bytes of one stream, for whoever reads them later or elsewhere. The loop of the stream's
// upstream writes, any loop reads; the lock between them is held for a copy of a read's bytes.

internal import Synchronization

/// How a stream came to its end.
package enum StreamEnding: Equatable, Sendable {
  /// All that the provider had to send is in the log.
  case whole
  /// It broke off, was stopped, or nobody was left to read it.
  case cut
}

/// Why bytes are not in the log any more.
package enum StreamLoss: Equatable, Sendable {
  /// Memory was needed for later bytes, of this stream or of others.
  case evicted
  /// The time for which ended streams are kept is over.
  case expired
}

/// What a loop is told of a stream; it asks the log for the rest.
package enum StreamNews: Sendable {
  /// Bytes have come, or the end. Told once, then not again before `StreamLog.arm`.
  case grown
  /// For the writer: stop the stream upstream.
  case stop
  /// For the writer: nobody holds the stream up any more.
  case released
}

/// Where a loop hears of streams: by mailbox. Called on any thread, outside all locks.
package protocol StreamListener: AnyObject, Sendable {
  func hear(_ news: StreamNews, of id: StreamID)
}

/// How far a stream has come.
package struct StreamTide: Equatable, Sendable {
  /// Bytes written since the beginning.
  package var position: Int
  /// Events that have ended.
  package var events: Int
  /// Where the last of them ended.
  package var lastCut: Int
  /// nil while it goes on.
  package var ending: StreamEnding?
  package var loss: StreamLoss?
}

/// Confined to nothing: every call takes the log's own lock, and no other.
package final class StreamLog: Sendable {
  package let id: StreamID
  package let framing: EventFraming
  /// As the provider stated it, parameters included.
  package let contentType: [UInt8]
  package let credential: StreamCredential
  /// The loop that writes.
  package let writer: any StreamListener
  private let state = Mutex(LogState())

  init(
    _ id: StreamID, framing: EventFraming, contentType: [UInt8], credential: StreamCredential,
    writer: any StreamListener
  ) {
    self.id = id
    self.framing = framing
    self.contentType = contentType
    self.credential = credential
    self.writer = writer
  }

  package var tide: StreamTide { state.withLock { $0.tide } }

  /// What its blocks take of the memory's bound.
  var cost: Int { state.withLock { $0.cost } }
}

// MARK: - For the writer

extension StreamLog {
  /// Opens a block, for which room in the memory's bound has been found.
  func begin(capacity: Int) { state.withLock { $0.begin(capacity: capacity) } }

  /// Adds bytes to the open block, which has room for them, and tells those who wait for some.
  ///
  /// Returns whether a reader holds the stream up.
  func append(_ bytes: Span<UInt8>, _ cuts: ArraySlice<Int>) -> Bool {
    // Unsafe: the buffer is used within the call; a span cannot be captured.
    let (armed, isHeld) = unsafe bytes.withUnsafeBufferPointer { buffer in
      state.withLock { state in
        unsafe state.append(buffer, cuts)
        return (state.disarm(), state.holds > 0)
      }
    }
    for listener in armed { listener.hear(.grown, of: id) }
    return isHeld
  }

  /// Bytes pass for which there is no memory; returns what that gives back.
  func pass(_ count: Int, _ cuts: ArraySlice<Int>) -> Int {
    let (freed, armed) = state.withLock { ($0.pass(count, cuts), $0.disarm()) }
    for listener in armed { listener.hear(.grown, of: id) }
    return freed
  }

  /// Closes the open block; returns what that gives back of the memory's bound.
  func seal() -> Int { state.withLock { $0.seal() } }

  func dropOldest() -> Int { state.withLock { $0.dropOldest() } }

  func end(_ ending: StreamEnding) {
    let armed = state.withLock { state in
      state.ending = ending
      return state.disarm()
    }
    for listener in armed { listener.hear(.grown, of: id) }
  }

  /// Forgets everything, for good; returns what that gives back.
  func drop(as loss: StreamLoss) -> Int {
    let (freed, armed) = state.withLock { ($0.drop(as: loss), $0.disarm()) }
    for listener in armed { listener.hear(.grown, of: id) }
    return freed
  }
}

// MARK: - For readers

extension StreamLog {
  /// From now on `listener` is told when there is news; returns its number for the calls below.
  package func listen(_ listener: any StreamListener) -> Int {
    state.withLock { state in
      state.nextListener += 1
      state.listeners.append(LogState.Listener(number: state.nextListener, listener: listener))
      return state.nextListener
    }
  }

  package func stopListening(_ number: Int) {
    state.withLock { state in state.listeners.removeAll { $0.number == number } }
  }

  /// How far the stream has come; the next growth beyond that is told to this listener again.
  package func arm(_ number: Int) -> StreamTide {
    state.withLock { state in
      for index in state.listeners.indices where state.listeners[index].number == number {
        state.listeners[index].isArmed = true
      }
      return state.tide
    }
  }

  /// Holds the stream up until `release`: its upstream is not read further than its next read.
  package func hold() { state.withLock { $0.holds += 1 } }

  package func release() {
    let isFree = state.withLock { state in
      state.holds -= 1
      return state.holds == 0
    }
    if isFree { writer.hear(.released, of: id) }
  }

  /// Whether any reader holds the stream up.
  package var isHeld: Bool { state.withLock { $0.holds > 0 } }

  /// Where event `number` ends, if it has and its end is known still.
  func cut(of number: Int) -> Int? { state.withLock { $0.cut(of: number) } }

  /// What stands from `position` on, `limit` bytes at most.
  func read(from position: Int, atMost limit: Int) -> LogReading {
    state.withLock { $0.read(from: position, atMost: limit) }
  }

  /// Whole events after `event`, which ended at `position`: `limit` bytes at most, but one event
  /// at least; once the stream has ended, its tail too.
  func readEvents(after event: Int, from position: Int, atMost limit: Int) -> LogReading {
    state.withLock { $0.readEvents(after: event, from: position, atMost: limit) }
  }
}
