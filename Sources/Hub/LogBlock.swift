// A stretch of a stream's bytes, and which events end in it.

/// Once full or closed, a block never changes again: readers share its array.
struct LogBlock: Sendable {
  /// The position in the stream of its first byte.
  let start: Int
  /// Events that end before this block, as it counts them.
  let eventsBefore: Int
  var bytes: [UInt8] = []
  /// Where events end, from `start` on: a position from 0, where the end of an event that the
  /// previous block holds became known too late for it, to `bytes.count`.
  var cuts: [UInt16] = []

  let capacity: Int
  /// A block also ends when it holds this many events, so that their index stays a small part of
  /// the memory: small events then make small blocks.
  let cutCapacity: Int

  static let largest = 16 * 1024
  /// Array headers, and the block's place in its log.
  private static let overhead = 160

  init(start: Int, eventsBefore: Int, capacity: Int) {
    self.start = start
    self.eventsBefore = eventsBefore
    self.capacity = capacity
    cutCapacity = capacity / 64
    bytes.reserveCapacity(capacity)
    cuts.reserveCapacity(cutCapacity + 1)
  }

  /// What a block takes of the memory's bound.
  static func cost(ofCapacity capacity: Int) -> Int { capacity + capacity / 32 + overhead }

  var cost: Int { Self.cost(ofCapacity: capacity) }
  var end: Int { start + bytes.count }
  var events: Int { eventsBefore + cuts.count }
  var room: Int { cuts.count < cutCapacity ? capacity - bytes.count : 0 }

  func cut(_ index: Int) -> Int { start + Int(cuts[index]) }

  /// The same block in no more memory than it needs.
  var closed: LogBlock {
    let least = max(bytes.count, cuts.count * 64)
    guard least < capacity - capacity / 4 else { return self }
    var smaller = LogBlock(start: start, eventsBefore: eventsBefore, capacity: least)
    smaller.bytes.append(contentsOf: bytes)
    smaller.cuts.append(contentsOf: cuts)
    return smaller
  }
}
