// One stream as both of its ends know it: what the provider has sent is what the client is to get.

/// Shared by the provider's connection and the client, which live on one loop.
final class StreamRecord {
  let number: Int
  let pattern: EventPattern
  private(set) var sentEvents: Int
  /// Whole events that the client has got.
  var receivedEvents = 0
  /// The provider has sent the stream's end.
  private(set) var isFinished = false
  /// The provider's side, once the request has got there.
  var connection: ProviderConnection?
  /// When the request had been read, in nanoseconds.
  var asked: UInt64 = 0
  private(set) var firstStamp: UInt64?
  private(set) var lastStamp: UInt64 = 0
  /// The longest time between two events' sendings.
  private(set) var longestGap: UInt64 = 0

  /// When the last events left, in nanoseconds, by event number; empty for streams without stamps.
  private var stamps: [UInt64]
  private static let stampsKept = 1024

  /// `sentEvents`: how many are on their way already.
  init(number: Int, pattern: EventPattern, isStamped: Bool, sentEvents: Int = 0) {
    self.number = number
    self.sentEvents = sentEvents
    self.pattern = pattern
    stamps = isStamped ? Array(repeating: 0, count: Self.stampsKept) : []
  }

  var isStamped: Bool { !stamps.isEmpty }

  func stamp(of event: Int) -> UInt64 { stamps[event % Self.stampsKept] }

  /// What the body holds at this place, without framing; nil if nothing was sent there.
  /// Valid until the next call.
  func expectedEvent(_ event: Int) -> UnsafeRawBufferPointer? {
    guard event < sentEvents else { return nil }
    return isStamped
      ? pattern.stampedEvent(event, stamp: stamp(of: event)) : pattern.event(event)
  }
}

// MARK: - The provider's doings

extension StreamRecord {
  /// Sends `count` events in one write; none if the last write still waits for the peer.
  /// `count` is to divide the pattern's period. Returns whether it sent.
  func sendBatch(of count: Int) -> Bool {
    guard let connection, connection.canSend else { return false }
    let start = sentEvents % EventPattern.period * EventPattern.chunkBytes
    let end = start + count * EventPattern.chunkBytes
    sentEvents += count
    connection.send(UnsafeRawBufferPointer(rebasing: pattern.chunks[start..<end]))
    return true
  }

  func sendStamped(at now: UInt64) {
    if firstStamp == nil { firstStamp = now } else { longestGap = max(longestGap, now - lastStamp) }
    lastStamp = now
    stamps[sentEvents % Self.stampsKept] = now
    sentEvents += 1
    connection?.send(pattern.stampedChunk(sentEvents - 1, stamp: now))
  }

  func finish() {
    isFinished = true
    EventPattern.framedTail.withUnsafeBytes { connection?.send($0) }
  }
}
