// Takes a stream's body as a proxy delivered it, removes the chunk framing, which a proxy may have
// made anew, and compares every byte with what the provider sent.

import Glibc

/// How far one body has come. A body is right when `isEnded` and nothing was thrown.
struct BodyVerifier {
  /// Whole events received.
  private(set) var events = 0

  private var state = State.size
  private var sizeDigits = 0
  /// The chunk's size while that is read, then what is left of the chunk.
  private var remaining = 0
  /// Bytes received of the event that is under way, or of the tail.
  private var offset = 0
  private var hasTail = false

  private enum State {
    case size, sizeLineFeed, payload, payloadReturn, payloadLineFeed, lastReturn, lastLineFeed
    case ended
  }

  /// The body ended as it should, all that was sent in it.
  var isEnded: Bool { state == .ended }

  mutating func take(
    _ bytes: UnsafeRawBufferPointer, of record: StreamRecord
  ) throws(BenchError) {
    var rest = bytes
    while !rest.isEmpty {
      let skipped = matchChunks(rest, of: record)
      if skipped > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[skipped...])
      } else if state == .payload {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(remaining))
        try compare(piece, of: record)
        remaining -= piece.count
        if remaining == 0 { state = .payloadReturn }
        rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
      } else {
        try takeFraming(rest[0], of: record)
        rest = UnsafeRawBufferPointer(rebasing: rest[1...])
      }
    }
  }

  /// The quick way: bytes that are framed exactly as they were sent, compared many events at once.
  /// Returns how many bytes that were, 0 if the slow way has to look.
  private mutating func matchChunks(
    _ bytes: UnsafeRawBufferPointer, of record: StreamRecord
  ) -> Int {
    guard state == .size, sizeDigits == 0, offset == 0, !record.isStamped else { return 0 }
    let place = events % EventPattern.period
    let count = min(
      bytes.count / EventPattern.chunkBytes, record.sentEvents - events,
      EventPattern.period - place)
    guard count > 0 else { return 0 }
    let expected = record.pattern.chunks.baseAddress! + place * EventPattern.chunkBytes
    let length = count * EventPattern.chunkBytes
    guard memcmp(bytes.baseAddress!, expected, length) == 0 else { return 0 }
    events += count
    return length
  }

  private mutating func compare(
    _ piece: UnsafeRawBufferPointer, of record: StreamRecord
  ) throws(BenchError) {
    var rest = piece
    while !rest.isEmpty {
      let count: Int
      if let event = record.expectedEvent(events) {
        count = try match(rest, with: event)
        if offset == event.count { (events, offset) = (events + 1, 0) }
      } else if record.isFinished && !hasTail {
        count = try match(rest, with: record.pattern.tail)
        if offset == record.pattern.tail.count { (hasTail, offset) = (true, 0) }
      } else {
        throw BenchError("received bytes that were never sent, after event \(events)")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  private mutating func match(
    _ bytes: UnsafeRawBufferPointer, with expected: UnsafeRawBufferPointer
  ) throws(BenchError) -> Int {
    let count = min(bytes.count, expected.count - offset)
    guard memcmp(bytes.baseAddress!, expected.baseAddress! + offset, count) == 0 else {
      throw BenchError("a wrong byte in event \(events)")
    }
    offset += count
    return count
  }

  private mutating func takeFraming(
    _ octet: UInt8, of record: StreamRecord
  ) throws(BenchError) {
    switch (state, octet) {
    case (.size, 0x0d) where sizeDigits > 0: state = .sizeLineFeed
    case (.size, _):
      guard let digit = hexValue(octet), sizeDigits < 8 else { throw brokenFraming }
      remaining = sizeDigits == 0 ? digit : remaining << 4 | digit
      sizeDigits += 1
    case (.sizeLineFeed, 0x0a): state = remaining == 0 ? .lastReturn : .payload
    case (.payloadReturn, 0x0d): state = .payloadLineFeed
    case (.payloadLineFeed, 0x0a): (state, sizeDigits) = (.size, 0)
    case (.lastReturn, 0x0d): state = .lastLineFeed
    case (.lastLineFeed, 0x0a):
      guard hasTail, events == record.sentEvents else {
        throw BenchError("the body ended after event \(events) of \(record.sentEvents)")
      }
      state = .ended
    default: throw brokenFraming
    }
  }

  private var brokenFraming: BenchError { BenchError("broken chunk framing at event \(events)") }

  private func hexValue(_ octet: UInt8) -> Int? {
    switch octet {
    case 0x30...0x39: Int(octet) - 0x30
    case 0x41...0x46: Int(octet) - 0x37
    case 0x61...0x66: Int(octet) - 0x57
    default: nil
    }
  }
}
