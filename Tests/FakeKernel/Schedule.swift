// What will happen, and when: arrivals, timeouts and the scripts' steps, in a heap.

internal import IO

struct Schedule {
  private struct Entry {
    var due: Instant
    /// Entries of one instant happen in the order in which they were added.
    var order: Int
    var action: () -> Void

    func precedes(_ other: Entry) -> Bool { (due, order) < (other.due, other.order) }
  }

  private var heap: [Entry] = []
  private var added = 0

  var nextDue: Instant? { heap.first?.due }

  mutating func add(at due: Instant, _ action: @escaping () -> Void) {
    added += 1
    heap.append(Entry(due: due, order: added, action: action))
    var place = heap.count - 1
    while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes the first action that is due; nil if none is.
  mutating func takeDue(at now: Instant) -> (() -> Void)? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    sink()
    return first.action
  }

  private mutating func sink() {
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].precedes(heap[least]) { least = child }
      if least == place { return }
      heap.swapAt(place, least)
      place = least
    }
  }
}
