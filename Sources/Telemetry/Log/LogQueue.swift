// Log lines between the loops that make them and the thread that writes them.

internal import Synchronization

/// A bounded queue of finished lines.
///
/// Loops append, one writer drains. Each holds the lock only while it copies a line or swaps two
/// buffers, never while it writes, so a full disk or a blocked pipe costs lines and no loop's time.
package final class LogQueue: Sendable {
  package struct Limits: Sendable {
    package var lines = 16_384
    package var bytes = 8 * 1024 * 1024

    package init() {}
  }

  package enum Appended: Equatable, Sendable {
    /// The queue was empty: the writer must be woken.
    case first
    case queued
    case dropped
  }

  package struct Counts: Equatable, Sendable {
    /// Lines that the queue took, written or about to be.
    package var taken: UInt64 = 0
    package var dropped: UInt64 = 0
  }

  private struct State: Sendable {
    var lines: [UInt8] = []
    var lineCount = 0
    var counts = Counts()
  }

  private let limits: Limits
  private let state = Mutex(State())

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// Takes a copy of `line`, or counts it as dropped if it does not fit.
  package func append(_ line: Span<UInt8>) -> Appended {
    // Unsafe: the pointer is used during the call alone.
    unsafe line.withUnsafeBufferPointer { bytes in
      state.withLock { state in
        guard state.lineCount < limits.lines, state.lines.count + bytes.count <= limits.bytes
        else {
          state.counts.dropped += 1
          return .dropped
        }
        unsafe state.lines.append(contentsOf: bytes)
        state.lineCount += 1
        state.counts.taken += 1
        return state.lineCount == 1 ? .first : .queued
      }
    }
  }

  /// Exchanges all queued lines for the contents of `buffer`, which are dropped and whose memory
  /// serves the next lines.
  ///
  /// - Returns: how many lines `buffer` holds now.
  package func drain(into buffer: inout [UInt8]) -> Int {
    var spare: [UInt8] = []
    swap(&spare, &buffer)
    spare.removeAll(keepingCapacity: true)
    let (lines, count) = state.withLock { [spare] state in
      let taken = (state.lines, state.lineCount)
      state.lines = spare
      state.lineCount = 0
      return taken
    }
    buffer = lines
    return count
  }

  package var counts: Counts { state.withLock { $0.counts } }

  /// Bytes waiting now, for `weir_buffered_bytes{buffer="log"}`.
  package var waitingBytes: Int { state.withLock { $0.lines.count } }
}
