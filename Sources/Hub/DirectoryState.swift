// The directory's book, without its lock.

/// What is kept now, and what has gone.
package struct StreamFigures: Equatable, Sendable {
  /// Live ones included.
  package var streams = 0
  package var bytes = 0
  /// Since the start: ended streams that went for want of memory, and those that went by age.
  package var evictedForMemory = 0
  package var evictedForAge = 0

  package init() {}
}

/// Locks a log only while it is the directory's to drop: one that has ended.
struct DirectoryState: Sendable {
  private struct Entry: Sendable {
    var credential: StreamCredential
    /// nil once it is gone.
    var log: StreamLog?
    var absence: StreamAbsence?
    var hasEnded = false
    var subscribers = 0
  }

  private var bounds: StreamBounds
  private var entries: [StreamID: Entry] = [:]
  /// In the order of their ends.
  private var ended = Queue<(id: StreamID, at: UInt64)>()
  /// Those of which only the reason of their absence is known, the oldest first.
  private var absent = Queue<StreamID>()
  private(set) var figures = StreamFigures()
  private var subscribers = 0

  /// An entry, its log's objects, its place in queues.
  static let streamOverhead = 1024
  /// What is left of a stream that has gone.
  static let absenceOverhead = 192

  init(_ bounds: StreamBounds) { self.bounds = bounds }

  mutating func apply(_ bounds: StreamBounds) {
    self.bounds = bounds
    makeRoom(0)
    while figures.streams > bounds.streams, evictOldest() {}
  }

  // MARK: Memory

  mutating func reserve(_ bytes: Int) -> Bool {
    makeRoom(bytes)
    guard figures.bytes + bytes <= bounds.memoryBytes else { return false }
    figures.bytes += bytes
    return true
  }

  mutating func release(_ bytes: Int) { figures.bytes -= bytes }

  private mutating func makeRoom(_ bytes: Int) {
    let isTooMuch = { (state: borrowing DirectoryState) in
      state.figures.bytes + bytes > state.bounds.memoryBytes
    }
    while isTooMuch(self) {
      // What is known of streams that are gone takes no memory from those that are there.
      if absent.count * Self.absenceOverhead > bounds.memoryBytes / 16, forgetOldest() { continue }
      if !evictOldest(), !forgetOldest() { return }
    }
  }

  private mutating func evictOldest() -> Bool {
    guard let oldest = ended.popFirst() else { return false }
    figures.evictedForMemory += 1
    remove(oldest.id, as: .evicted)
    return true
  }

  /// Drops the bytes of an ended stream and keeps the reason, if there is room for it.
  private mutating func remove(_ id: StreamID, as absence: StreamAbsence) {
    guard let log = entries[id]?.log else { return }
    figures.bytes -= log.drop(as: absence == .expired ? .expired : .evicted)
    note(id, as: absence)
  }

  private mutating func note(_ id: StreamID, as absence: StreamAbsence) {
    figures.bytes -= Self.streamOverhead - Self.absenceOverhead
    figures.streams -= 1
    entries[id]?.log = nil
    entries[id]?.absence = absence
    absent.append(id)
  }

  private mutating func forgetOldest() -> Bool {
    guard let id = absent.popFirst() else { return false }
    entries[id] = nil
    figures.bytes -= Self.absenceOverhead
    return true
  }

  // MARK: Streams

  /// Returns the bound of one stream, or nil if there is no room for one more.
  mutating func open(_ log: StreamLog) -> Int? {
    while figures.streams >= bounds.streams { guard evictOldest() else { return nil } }
    guard reserve(Self.streamOverhead) else { return nil }
    entries[log.id] = Entry(credential: log.credential, log: log)
    figures.streams += 1
    return bounds.streamBytes
  }

  mutating func end(_ log: StreamLog, at now: UInt64) {
    if log.framing == .encoded { return note(log.id, as: .encoded) }
    entries[log.id]?.hasEnded = true
    ended.append((log.id, now))
  }

  mutating func sweep(at now: UInt64) -> UInt64? {
    while let oldest = ended.first {
      let (due, isNever) = oldest.at.addingReportingOverflow(bounds.retainNanoseconds)
      if isNever { return nil }
      guard due <= now else { return due }
      _ = ended.popFirst()
      figures.evictedForAge += 1
      remove(oldest.id, as: .expired)
    }
    return nil
  }

  func find(_ id: StreamID, by asker: StreamCredential) -> StreamLookup {
    guard let entry = entries[id] else { return .gone(.unknown) }
    guard entry.credential.admits(asker) else { return .forbidden }
    guard let log = entry.log else { return .gone(entry.absence ?? .unknown) }
    return log.framing == .encoded ? .gone(.encoded) : .found(log)
  }

  func writerToStop(
    _ id: StreamID, by asker: StreamCredential
  ) -> (StreamLookup, (any StreamListener)?) {
    let lookup = find(id, by: asker)
    if case .forbidden = lookup { return (lookup, nil) }
    guard let entry = entries[id], let log = entry.log else { return (lookup, nil) }
    return (.found(log), entry.hasEnded ? nil : log.writer)
  }
}

// MARK: - Readers

extension DirectoryState {
  mutating func seat(at stream: StreamID?) throws(SeatRefusal) {
    if let stream, let entry = entries[stream], entry.subscribers >= bounds.streamSubscribers {
      throw .streamFull
    }
    guard subscribers < bounds.subscribers else { throw .hubFull }
    subscribers += 1
    if let stream { entries[stream]?.subscribers += 1 }
  }

  mutating func vacate(_ stream: StreamID?) {
    subscribers -= 1
    if let stream { entries[stream]?.subscribers -= 1 }
  }
}

/// First in, first out, in one array.
struct Queue<Element: Sendable>: Sendable {
  private var elements: [Element?] = []
  private var head = 0

  var count: Int { elements.count - head }
  var first: Element? { head < elements.count ? elements[head] : nil }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    defer {
      elements[head] = nil
      head += 1
      // Each element moves at most once for each that has gone.
      if head * 2 >= elements.count {
        elements.removeFirst(head)
        head = 0
      }
    }
    return elements[head]
  }
}
