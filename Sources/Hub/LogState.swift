// What a stream's log holds, without its lock.

/// The blocks of one stream, the oldest first, and who waits for more.
struct LogState: Sendable {
  struct Listener: Sendable {
    let number: Int
    let listener: any StreamListener
    var isArmed = true
  }

  private(set) var sealed: [LogBlock] = []
  /// The one being written. Its array belongs to the log alone, so that appending copies nothing.
  private(set) var open: LogBlock?
  private(set) var cost = 0
  private(set) var position = 0
  private(set) var events = 0
  /// Where the last event ended that has.
  private var lastCut = 0
  /// Events whose end is not in the index any more, and where the last of them ended.
  private var droppedEvents = 0
  private var droppedCut = 0
  var ending: StreamEnding?
  private(set) var loss: StreamLoss?
  var listeners: [Listener] = []
  var nextListener = 0
  /// Readers for whom the upstream must wait.
  var holds = 0

  var tide: StreamTide {
    StreamTide(
      position: position, events: events, lastCut: lastCut, ending: ending, loss: loss)
  }

  /// The position of the first byte that is still there.
  var firstKept: Int { sealed.first?.start ?? open?.start ?? position }
}

// MARK: - Writing

extension LogState {
  /// Those who are to be told, once.
  mutating func disarm() -> [any StreamListener] {
    guard !listeners.isEmpty else { return [] }
    var armed: [any StreamListener] = []
    for index in listeners.indices where listeners[index].isArmed {
      listeners[index].isArmed = false
      armed.append(listeners[index].listener)
    }
    return armed
  }

  mutating func begin(capacity: Int) {
    open = LogBlock(start: position, eventsBefore: events, capacity: capacity)
    cost += LogBlock.cost(ofCapacity: capacity)
  }

  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>, _ cuts: ArraySlice<Int>) {
    guard let start = open?.start else { preconditionFailure("bytes came without a block") }
    unsafe open?.bytes.append(contentsOf: bytes)
    for cut in cuts { open?.cuts.append(UInt16(cut - start)) }
    position += bytes.count
    events += cuts.count
    if let last = cuts.last { lastCut = last }
  }

  /// Closes the open block; returns what that gives back of the memory's bound.
  mutating func seal() -> Int {
    guard let block = open else { return 0 }
    open = nil
    let closed = block.closed
    if closed.bytes.isEmpty, closed.cuts.isEmpty {
      cost -= block.cost
      return block.cost
    }
    sealed.append(closed)
    cost -= block.cost - closed.cost
    return block.cost - closed.cost
  }

  /// Forgets the oldest sealed block; returns what that gives back, 0 if there is none.
  mutating func dropOldest() -> Int {
    guard !sealed.isEmpty else { return 0 }
    let block = sealed.removeFirst()
    droppedEvents = block.events
    if let last = block.cuts.indices.last { droppedCut = block.cut(last) }
    cost -= block.cost
    return block.cost
  }

  /// Bytes pass for which there is no memory: they and all before them are lost to readers.
  mutating func pass(_ count: Int, _ cuts: ArraySlice<Int>) -> Int {
    let freed = dropAll()
    position += count
    events += cuts.count
    droppedEvents = events
    droppedCut = cuts.last ?? droppedCut
    lastCut = droppedCut
    return freed
  }

  /// Forgets everything; returns what that gives back.
  mutating func drop(as loss: StreamLoss) -> Int {
    self.loss = loss
    return dropAll()
  }

  private mutating func dropAll() -> Int {
    let freed = cost
    if let last = (sealed + (open.map { [$0] } ?? [])).last(where: { !$0.cuts.isEmpty }) {
      droppedCut = last.cut(last.cuts.count - 1)
    }
    droppedEvents = events
    sealed = []
    open = nil
    cost = 0
    return freed
  }
}

// MARK: - Reading

extension LogState {
  /// Where event `number` ends; nil if that is not known any more, or not yet.
  func cut(of number: Int) -> Int? {
    guard number <= events else { return nil }
    if number <= droppedEvents {
      return number == droppedEvents && droppedCut >= firstKept ? droppedCut : nil
    }
    let block = block { number <= $0.events }
    return block.map { $0.cut(number - $0.eventsBefore - 1) }
  }

  func read(from position: Int, atMost limit: Int) -> LogReading {
    if let verdict = verdict(at: position) { return verdict }
    let end = min(self.position, position + limit)
    return .run(StreamRun(start: position, pieces: pieces(position..<end)))
  }

  func readEvents(after event: Int, from position: Int, atMost limit: Int) -> LogReading {
    if let verdict = verdict(at: position) { return verdict }
    var run = StreamRun(start: position, firstEvent: event + 1)
    var end = position
    while let cut = cut(of: event + 1 + run.ends.count) {
      guard cut - position <= limit || run.ends.isEmpty else { break }
      run.ends.append(cut - position)
      end = cut
    }
    // A tail goes alone, so that it is never taken for the end of an event's run.
    if run.ends.isEmpty {
      guard ending != nil else { return .nothingYet }
      end = self.position
    }
    run.pieces = pieces(position..<end)
    return .run(run)
  }

  /// What there is to say at `position` where there are no bytes to give.
  private func verdict(at position: Int) -> LogReading? {
    if position >= self.position { return ending.map { .ended($0) } ?? .nothingYet }
    return position < firstKept ? .lost(loss ?? .evicted) : nil
  }

  /// The bytes of `range`, which must be there; at most one block's worth is copied.
  func pieces(_ range: Range<Int>) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var index = firstIndex { range.lowerBound < $0.end }
    while index < sealed.count, sealed[index].start < range.upperBound {
      let block = sealed[index]
      let part = range.clamped(to: block.start..<block.end)
      pieces.append(block.bytes[part.lowerBound - block.start..<part.upperBound - block.start])
      index += 1
    }
    if let open, open.start < range.upperBound, !open.bytes.isEmpty {
      let part = range.clamped(to: open.start..<open.end)
      // A copy: a slice would make the next append copy the whole block.
      pieces.append(
        Array(open.bytes[part.lowerBound - open.start..<part.upperBound - open.start])[...])
    }
    return pieces
  }

  private func block(where isThere: (LogBlock) -> Bool) -> LogBlock? {
    let index = firstIndex(where: isThere)
    if index < sealed.count { return sealed[index] }
    return open.flatMap { isThere($0) ? $0 : nil }
  }

  /// The first sealed block for which it holds; it holds for all that follow one.
  private func firstIndex(where isThere: (LogBlock) -> Bool) -> Int {
    var range = 0..<sealed.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range = isThere(sealed[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
    }
    return range.lowerBound
  }
}
