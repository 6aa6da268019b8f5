// Whose turn it is among the lanes that wait at one semaphore: weighted round robin, in the form
// of start-time fair queueing (Goyal, Vin, Cheng 1996), because that knows how to treat a newcomer.

/// A heap of lanes by the time of their next turn, on a clock of its own that only grants move.
///
/// A grant costs a lane one `turn` divided by its weight. The clock follows the turns that are
/// served, and moves on by the lane's share of the ring at least, so that no stream of newcomers,
/// who start at the clock's time, can keep a lane from its turn.
struct LaneRing: Sendable {
  /// What a grant costs a lane of weight 1; enough that weights up to 1,000 divide it well.
  static let turn: UInt64 = 1 << 20

  struct Entry: Sendable {
    var turn: UInt64
    /// Among equal turns the earlier comer is first.
    var order: UInt64
    var lane: Int

    func precedes(_ other: Entry) -> Bool {
      turn == other.turn ? order < other.order : turn < other.turn
    }
  }

  private(set) var entries: [Entry] = []
  private(set) var clock: UInt64 = 0
  /// The share of the last grant, by which the next one moves the clock at least. Not at once:
  /// who comes while a lane's stream runs must not find its turn already over.
  private(set) var step: UInt64 = 0
  private var weight = 0
  private var comers: UInt64 = 0

  var isEmpty: Bool { entries.isEmpty }

  /// A semaphore of another key begins with a clock of its own.
  mutating func reset() {
    precondition(entries.isEmpty, "a semaphore was given up while requests wait for it")
    (clock, step, weight, comers) = (0, 0, 0, 0)
  }

  /// `hasHadTurn`: a lane that never stood here, whose key holds a place already, so that coming
  /// anew for each request gains nothing.
  mutating func insert(
    _ lane: Int, at semaphore: Int, hasHadTurn: Bool, _ lanes: inout Slab<Lane>
  ) {
    let cost = Self.cost(lanes[lane].weight)
    let turn = lanes[lane].turn(at: semaphore).map { max($0, clock) }
    comers += 1
    let entry = Entry(
      turn: turn ?? (hasHadTurn ? clock + cost : clock), order: comers, lane: lane)
    lanes[lane].ring = semaphore
    lanes[lane].setTurn(entry.turn, at: semaphore)
    weight += lanes[lane].weight
    entries.append(entry)
    rise(entries.count - 1, &lanes)
  }

  mutating func removeFirst(_ lanes: inout Slab<Lane>) -> Int? {
    guard let first = entries.first?.lane else { return nil }
    remove(first, &lanes)
    return first
  }

  mutating func remove(_ lane: Int, _ lanes: inout Slab<Lane>) {
    let place = lanes[lane].place
    weight -= lanes[lane].weight
    lanes[lane].ring = -1
    lanes[lane].place = -1
    let last = entries.removeLast()
    guard last.lane != lane else { return }
    put(last, at: place, &lanes)
    rise(place, &lanes)
    sink(lanes[last.lane].place, &lanes)
  }

  /// Books a grant to a lane that has just been taken out.
  mutating func charge(_ lane: Int, at semaphore: Int, _ lanes: inout Slab<Lane>) {
    let start = lanes[lane].turn(at: semaphore) ?? clock
    clock = max(clock + step, start)
    step = Self.turn / UInt64(weight + lanes[lane].weight)
    lanes[lane].setTurn(start + Self.cost(lanes[lane].weight), at: semaphore)
  }

  /// Learns that the weights of its lanes have changed.
  mutating func reweigh(_ lanes: Slab<Lane>) {
    weight = entries.reduce(0) { $0 + lanes[$1.lane].weight }
  }

  private static func cost(_ weight: Int) -> UInt64 { turn / UInt64(weight) }
}

// MARK: - The heap

extension LaneRing {
  private mutating func put(_ entry: Entry, at place: Int, _ lanes: inout Slab<Lane>) {
    entries[place] = entry
    lanes[entry.lane].place = place
  }

  private mutating func rise(_ start: Int, _ lanes: inout Slab<Lane>) {
    var place = start
    let entry = entries[place]
    while place > 0, entry.precedes(entries[(place - 1) / 2]) {
      put(entries[(place - 1) / 2], at: place, &lanes)
      place = (place - 1) / 2
    }
    put(entry, at: place, &lanes)
  }

  private mutating func sink(_ start: Int, _ lanes: inout Slab<Lane>) {
    var place = start
    let entry = entries[place]
    while true {
      var child = 2 * place + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
      guard entries[child].precedes(entry) else { break }
      put(entries[child], at: place, &lanes)
      place = child
    }
    put(entry, at: place, &lanes)
  }
}
