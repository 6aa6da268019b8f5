// A loop's timers: a heap that is touched seldom. Moving a deadline back, which every byte of a
// stream does to its idle timeout, costs one store; the heap learns of it when the old one is due.

/// What a loop calls when a timer is due.
package protocol TimerOwner: AnyObject {
  /// Not called after `invalidate()`. The timer is unset; set it again for another call.
  func timerFired(_ timer: LoopTimer)
}

/// One deadline that can be moved. Belongs to its owner, who calls `invalidate` when it ends.
package final class LoopTimer {
  fileprivate let timers: Timers
  /// Whom it calls. Held until `invalidate`, so that the owner lives as long.
  package var owner: (any TimerOwner)?
  /// When the owner wants to be called; never before.
  package private(set) var deadline = Instant.distantFuture
  /// When the heap will look at this timer: `deadline` or earlier. Place -1 is outside the heap.
  fileprivate var dueInHeap = Instant.distantFuture
  fileprivate var place = -1

  package init(on loop: EventLoop, owner: (any TimerOwner)? = nil) {
    timers = loop.timers
    self.owner = owner
  }

  package func set(_ deadline: Instant) {
    self.deadline = deadline
    if deadline < dueInHeap, owner != nil { timers.schedule(self, at: deadline) }
  }

  /// No call until `set` again.
  package func unset() { deadline = .distantFuture }

  package var isSet: Bool { deadline != .distantFuture }

  /// The last use: lets go of the owner.
  package func invalidate() {
    owner = nil
    deadline = .distantFuture
    timers.remove(self)
  }

  fileprivate func fire() {
    deadline = .distantFuture
    owner?.timerFired(self)
  }
}

/// A binary heap by `dueInHeap`, in which each timer knows its place.
package final class Timers {
  private var heap: [LoopTimer] = []
  private var firing: Instant?

  /// When `fire` next has something to look at; nil if never.
  package var nextDeadline: Instant? { heap.first?.dueInHeap }

  package var count: Int { heap.count }

  /// Calls the owners of all timers due at `now`, in order of their deadlines.
  ///
  /// A timer that its owner sets again within this call is for the next one, however early: a loop
  /// that has something to do at once, over and over, must still turn.
  package func fire(at now: Instant) {
    firing = now
    defer { firing = nil }
    while let first = heap.first, first.dueInHeap <= now {
      if first.deadline <= now {
        remove(first)
        first.fire()
      } else if first.deadline == .distantFuture {
        remove(first)
      } else {
        first.dueInHeap = first.deadline
        sink(0)
      }
    }
  }

  fileprivate func schedule(_ timer: LoopTimer, at due: Instant) {
    timer.dueInHeap = due
    if let firing, due <= firing {
      timer.dueInHeap = Instant(nanoseconds: firing.nanoseconds + 1)
    }
    if timer.place < 0 {
      timer.place = heap.count
      heap.append(timer)
    }
    rise(timer.place)
  }

  fileprivate func remove(_ timer: LoopTimer) {
    let place = timer.place
    guard place >= 0 else { return }
    let last = heap.removeLast()
    timer.place = -1
    timer.dueInHeap = .distantFuture
    guard last !== timer else { return }
    put(last, at: place)
    rise(place)
    sink(last.place)
  }

  private func put(_ timer: LoopTimer, at place: Int) {
    heap[place] = timer
    timer.place = place
  }

  private func rise(_ start: Int) {
    var place = start
    // Most stay where they are, and moving one counts references.
    guard place > 0, heap[place].dueInHeap < heap[(place - 1) / 2].dueInHeap else { return }
    let timer = heap[place]
    while place > 0 {
      let parent = (place - 1) / 2
      guard timer.dueInHeap < heap[parent].dueInHeap else { break }
      put(heap[parent], at: place)
      place = parent
    }
    put(timer, at: place)
  }

  private func sink(_ start: Int) {
    var place = start
    let timer = heap[place]
    while true {
      var child = 2 * place + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].dueInHeap < heap[child].dueInHeap { child += 1 }
      guard heap[child].dueInHeap < timer.dueInHeap else { break }
      put(heap[child], at: place)
      place = child
    }
    put(timer, at: place)
  }
}
