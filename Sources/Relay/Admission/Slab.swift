// Records that name each other by number. A place that is given up is used anew, with the memory
// that its record's arrays have, so that a book in steady use allocates nothing.

struct Slab<Record: Sendable>: Sendable {
  private(set) var records: [Record] = []
  private var free: [Int] = []

  /// The number of a place that holds `fresh`, or a record that was removed: the caller makes it
  /// as good as new.
  mutating func add(_ fresh: @autoclosure () -> Record) -> Int {
    if let place = free.popLast() { return place }
    records.append(fresh())
    return records.count - 1
  }

  mutating func remove(_ place: Int) { free.append(place) }

  subscript(place: Int) -> Record {
    @inline(__always) _read { yield records[place] }
    @inline(__always) _modify { yield &records[place] }
  }

  /// How many places are in use.
  var count: Int { records.count - free.count }
}
