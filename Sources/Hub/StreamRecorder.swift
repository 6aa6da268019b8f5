// The writing end of a log: takes a stream's payload as it passes, finds the events in it, and
// keeps what the bounds allow.

/// Confined to the loop of the stream's upstream, and the only one that writes to its log.
package struct StreamRecorder: ~Copyable {
  package let log: StreamLog
  private let directory: StreamDirectory
  private var cutter: EventCutter
  private let streamBytes: Int
  /// What the open block can still take.
  private var room = 0
  private var cutRoom = 0
  /// Sealed and open blocks together.
  private var cost = 0
  private var nextCapacity = 1024
  /// Used again for each read.
  private var cuts: [Int] = []

  init(_ log: StreamLog, in directory: StreamDirectory, streamBytes: Int) {
    self.log = log
    self.directory = directory
    self.streamBytes = streamBytes
    cutter = EventCutter(log.framing)
  }

  /// Keeps the bytes of one read, as far as there is memory for them. One lock and one copy,
  /// allocation only where a block is full.
  ///
  /// Returns whether a reader holds the stream up.
  package mutating func record(_ payload: Span<UInt8>) -> Bool {
    guard log.framing != .encoded, !payload.isEmpty else { return false }
    let base = cutter.position
    cuts.removeAll(keepingCapacity: true)
    cutter.read(payload, cuts: &cuts)
    var isHeld = false
    var (start, cut) = (0, 0)
    while start < payload.count {
      guard hasRoom() else {
        cost = 0
        directory.release(log.pass(payload.count - start, cuts[cut...]))
        return false
      }
      var end = min(payload.count, start + room)
      var next = cut
      while next < cuts.count, cuts[next] <= base + end {
        next += 1
        // A block that is full of events ends with the last of them.
        if next - cut == cutRoom { end = min(end, max(cuts[next - 1] - base, start)) }
      }
      isHeld = log.append(payload.extracting(start..<end), cuts[cut..<next])
      room -= end - start
      cutRoom -= next - cut
      (start, cut) = (end, next)
    }
    return isHeld
  }

  /// The stream has ended; the log is read-only from now on.
  package mutating func end(_ ending: StreamEnding, at now: UInt64) {
    cuts.removeAll(keepingCapacity: true)
    cutter.end(cuts: &cuts)
    let nothing: [UInt8] = []
    if !cuts.isEmpty, room > 0 || hasRoom() { _ = log.append(nothing.span, cuts[...]) }
    directory.release(log.seal())
    log.end(ending)
    directory.end(log, at: now)
  }

  /// Makes sure of an open block that takes more; false where there is no memory for one.
  private mutating func hasRoom() -> Bool {
    if room > 0, cutRoom > 0 { return true }
    let sealed = log.seal()
    (room, cutRoom) = (0, 0)
    cost -= sealed
    directory.release(sealed)
    let capacity = nextCapacity
    let more = LogBlock.cost(ofCapacity: capacity)
    while cost + more > streamBytes, dropOldest() {}
    while !directory.reserve(more) { guard dropOldest() else { return false } }
    cost += more
    log.begin(capacity: capacity)
    (room, cutRoom) = (capacity, capacity / 64)
    // At least four blocks, so that little more than is needed goes with the oldest.
    nextCapacity = min(LogBlock.largest, capacity * 2, max(1024, streamBytes / 5 & ~63))
    return true
  }

  private mutating func dropOldest() -> Bool {
    let freed = log.dropOldest()
    cost -= freed
    directory.release(freed)
    return freed > 0
  }
}
