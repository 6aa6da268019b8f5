// Finds the end of a body, whatever its framing, for the relay: how much of a read belongs to the
// body, and where in it the payload lies.

/// Follows one body across reads.
package struct BodyReader: Sendable {
  package enum State: Equatable, Sendable {
    case more, ended
  }

  /// What one read brought.
  package struct Reading: Equatable, Sendable {
    /// How many leading bytes are the body's and well framed; with an error too, and those may be
    /// forwarded. What follows the end of a body belongs to the next message.
    package var consumed: Int
    package var state: State
    /// The rule that the byte at `consumed` breaks.
    package var error: HTTP1Error?
  }

  private enum Progress {
    case counting(left: UInt64)
    case chunked(ChunkedDecoder)
    case untilClose
    case ended
  }

  package let framing: BodyFraming
  private var progress: Progress

  package init(_ framing: BodyFraming) {
    self.framing = framing
    switch framing {
    case .none, .length(0): progress = .ended
    case .length(let length): progress = .counting(left: length)
    case .chunked: progress = .chunked(ChunkedDecoder())
    case .untilClose: progress = .untilClose
    }
  }

  /// Whether the framing has said that the body is over.
  package var isEnded: Bool {
    if case .ended = progress { true } else { false }
  }

  /// Whether the body is whole if the peer closes now; otherwise closing truncates it.
  package var endsWellAtClose: Bool {
    isEnded || framing == .untilClose
  }

  /// Reads as much of `bytes` as belongs to the body and appends where its payload lies, as
  /// offsets into `bytes`, to `payload`, which the caller clears.
  ///
  /// After an error the body stays broken: later reads consume nothing and bring the error again.
  package mutating func read(_ bytes: Span<UInt8>, payload: inout [Range<Int>]) -> Reading {
    switch progress {
    case .ended: return Reading(consumed: 0, state: .ended)
    case .untilClose: return readPlain(bytes.count, payload: &payload)
    case .counting(let left):
      let count = Int(min(left, UInt64(bytes.count)))
      progress = left == UInt64(count) ? .ended : .counting(left: left - UInt64(count))
      return readPlain(count, payload: &payload)
    case .chunked(let decoder):
      let start =
        decoder.isBetweenChunks ? WholeChunks.take(bytes, from: 0, payload: &payload) : 0
      if start > 0, start == bytes.count { return Reading(consumed: start, state: .more) }
      return readOtherChunks(bytes, from: start, payload: &payload)
    }
  }

  private func readPlain(_ count: Int, payload: inout [Range<Int>]) -> Reading {
    if count > 0 { payload.append(0..<count) }
    return Reading(consumed: count, state: isEnded ? .ended : .more)
  }

  /// What few reads need, and apart from those: a copy of the decoder costs 100 instructions.
  @inline(never)
  private mutating func readOtherChunks(
    _ bytes: Span<UInt8>, from start: Int, payload: inout [Range<Int>]
  ) -> Reading {
    guard case .chunked(var decoder) = progress else { return Reading(consumed: 0, state: .ended) }
    let reading = Self.readChunks(bytes, from: start, with: &decoder, payload: &payload)
    progress = reading.state == .ended ? .ended : .chunked(decoder)
    return reading
  }

  private static func readChunks(
    _ bytes: Span<UInt8>, from start: Int, with decoder: inout ChunkedDecoder,
    payload: inout [Range<Int>]
  ) -> Reading {
    var offset = start
    while true {
      if decoder.isBetweenChunks {
        offset = WholeChunks.take(bytes, from: offset, payload: &payload)
      }
      switch decoder.step(in: bytes, from: offset) {
      case .piece(.payload(let range)):
        payload.append(range)
        offset = range.upperBound
      case .piece(.needMore): return Reading(consumed: bytes.count, state: .more)
      case .piece(.end(let end)): return Reading(consumed: end, state: .ended)
      case .violation(let error, let offset):
        return Reading(consumed: offset, state: .more, error: error)
      }
    }
  }
}
