// AWS event streams (application/vnd.amazon.eventstream), as Bedrock sends them: binary messages
// with checksums. What a message means is the tap's business.

/// Finds messages in reads of any size, keeps the few headers that name them and lends the rest.
///
/// A message is: total length, headers length, CRC-32 of these two, headers, payload, CRC-32 of all
/// before it; all numbers are big-endian (Amazon's "Event stream encoding"). A payload of any size
/// costs no memory, so a message's checksum is known only after its payload was seen:
/// `messageEnd(isIntact: false)` takes back what it said.
package struct EventStreamParser: Sendable {
  /// What was found; call `next` again until `needMore`.
  package enum Step: Equatable, Sendable {
    /// All bytes given were used.
    case needMore
    /// A message's headers are complete: `withValue` and `header(_:equals:)` speak of them.
    case message
    /// The next bytes of its payload, as a range of the bytes given.
    case payload(Range<Int>)
    /// The message ended; `isIntact` says whether its checksum is right.
    case messageEnd(isIntact: Bool)
  }

  private enum State {
    /// Reading `count` bytes of the prelude, or of the closing checksum, into `word`.
    case prelude(read: Int)
    case headers
    case payload(remaining: Int)
    case checksum(read: Int)
    case failed(EventStreamError)
  }

  /// Amazon's bound on the headers of one message.
  private static let headersLimit = 128 * 1024
  private static let preludeLength = 12
  private static let checksumLength = 4

  private var state = State.prelude(read: 0)
  private var word: UInt32 = 0
  private var totalLength = 0
  private var headersLength = 0
  private var preludeChecksum: UInt32 = 0
  /// Of the message so far.
  private var crc = CRC32()
  private var headers = EventStreamHeaderReader()

  package init() {}

  /// Whether a message has begun and not ended.
  package var isInsideMessage: Bool {
    if case .prelude(read: 0) = state { return false }
    return true
  }

  /// Reads on in `bytes` from `position`, which it moves to after what it used.
  package mutating func next(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(EventStreamError) -> Step {
    do throws(EventStreamError) {
      return try findStep(bytes, &position)
    } catch {
      state = .failed(error)
      throw error
    }
  }

  /// Calls `body` with the value of `header` in the message at hand, cut at 64 bytes; nil if the
  /// message does not have it as a string.
  package func withValue<R>(
    of header: EventStreamHeader, _ body: (Span<UInt8>) -> R
  ) -> R? {
    headers.kept.withValue(of: header, body)
  }

  /// Whether the message at hand has `header` with exactly this value, of at most 63 bytes.
  package func header(_ header: EventStreamHeader, equals text: StaticString) -> Bool {
    headers.kept.withValue(of: header) { value in
      guard value.count == text.utf8CodeUnitCount else { return false }
      for index in value.indices {
        // Unsafe: the index is below the count of a string that lives for ever.
        guard unsafe text.utf8Start[index] == value[index] else { return false }
      }
      return true
    } ?? false
  }

  private mutating func findStep(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(EventStreamError) -> Step {
    while position < bytes.count {
      switch state {
      case .prelude(let read):
        try readPrelude(read, bytes[position])
        position += 1
        if case .headers = state, headersLength == 0 { return endHeaders() }
      case .headers:
        let length = min(headers.remaining, bytes.count - position)
        let part = bytes.extracting(position..<position + length)
        crc.update(part)
        position += length
        try headers.read(part)
        if headers.remaining == 0 { return endHeaders() }
      case .payload(let remaining):
        return lendPayload(remaining, bytes, &position)
      case .checksum(let read):
        word = word << 8 | UInt32(bytes[position])
        position += 1
        state = .checksum(read: read + 1)
        if read + 1 == Self.checksumLength { return endMessage() }
      case .failed(let error):
        throw error
      }
    }
    return .needMore
  }

  private mutating func readPrelude(_ read: Int, _ byte: UInt8) throws(EventStreamError) {
    word = word << 8 | UInt32(byte)
    crc.update(byte)
    state = .prelude(read: read + 1)
    switch read + 1 {
    case 4:
      totalLength = Int(word)
    case 8:
      headersLength = Int(word)
      preludeChecksum = crc.value
    case Self.preludeLength:
      guard word == preludeChecksum else { throw .preludeChecksum }
      let fixedLength = Self.preludeLength + Self.checksumLength
      guard headersLength <= Self.headersLimit, totalLength >= fixedLength + headersLength else {
        throw .lengths
      }
      headers.start(length: headersLength)
      state = .headers
    default:
      break
    }
  }

  private mutating func endHeaders() -> Step {
    state = .payload(
      remaining: totalLength - headersLength - Self.preludeLength - Self.checksumLength)
    beginChecksumIfPayloadEnded()
    return .message
  }

  private mutating func lendPayload(
    _ remaining: Int, _ bytes: Span<UInt8>, _ position: inout Int
  ) -> Step {
    let range = position..<position + min(remaining, bytes.count - position)
    crc.update(bytes.extracting(range))
    position = range.upperBound
    state = .payload(remaining: remaining - range.count)
    beginChecksumIfPayloadEnded()
    return .payload(range)
  }

  private mutating func beginChecksumIfPayloadEnded() {
    if case .payload(remaining: 0) = state { state = .checksum(read: 0) }
  }

  private mutating func endMessage() -> Step {
    let isIntact = word == crc.value
    crc = CRC32()
    state = .prelude(read: 0)
    return .messageEnd(isIntact: isIntact)
  }
}
