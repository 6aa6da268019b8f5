// What the book keeps of one limit, over all its keys.

internal import IO

struct LimitRecord: Sendable {
  private(set) var options: LimitOptions
  /// Not among the settings any more: it limits nothing, and what was taken is still returned.
  private(set) var isRemoved = false
  /// Semaphores of keys in use or waited for.
  var semaphores: [LimitKey: Int] = [:]
  /// The one of `LimitKey.whole`, which stays once it is there: nothing has to be looked up.
  var whole = -1
  private(set) var usage = KeyUsage()
  var queued = 0
  /// Taken for requests whose loops have not come for them yet.
  var unclaimed = 0
  /// Counts every place taken and given back.
  private(set) var changes: UInt64 = 0
  /// How long places have lately been held; nil before the first came back.
  private(set) var holdNanoseconds: UInt64?
  private var waits = AdmissionDecision.allCases.map { _ in WaitTimes() }

  init(_ options: LimitOptions) { self.options = options }

  mutating func apply(_ options: LimitOptions?) {
    isRemoved = options == nil
    if let options { self.options = options }
  }

  var queueMax: Int { isRemoved ? 0 : options.queueMax }

  func maximum(of key: LimitKey) -> Int {
    if isRemoved { return .max }
    return options.overrides.isEmpty
      ? options.maxStreams : options.overrides[key] ?? options.maxStreams
  }

  func weight(of key: LimitKey) -> Int { isRemoved ? 1 : options.weights[key] ?? 1 }

  mutating func taken(_ semaphore: inout StreamSemaphore) {
    semaphore.inUse += 1
    usage.rose(to: semaphore.inUse)
    changes &+= 1
  }

  mutating func returned(_ semaphore: inout StreamSemaphore) {
    semaphore.inUse -= 1
    usage.fell(to: semaphore.inUse)
    changes &+= 1
  }

  /// Recent holds count most: each moves the mean an eighth of the way, as TCP does its round trip.
  mutating func held(for nanoseconds: UInt64) {
    guard let mean = holdNanoseconds else {
      holdNanoseconds = nanoseconds
      return
    }
    holdNanoseconds = mean - mean / 8 + nanoseconds / 8
  }

  mutating func record(_ decision: AdmissionDecision, waitedNanoseconds: UInt64) {
    waits[decision.place].record(waitedNanoseconds)
  }

  func waits(_ decision: AdmissionDecision) -> WaitTimes { waits[decision.place] }
}

extension AdmissionDecision {
  fileprivate var place: Int {
    switch self {
    case .immediate: 0
    case .waited: 1
    case .queueFull: 2
    case .timeout: 3
    case .clientGone: 4
    case .draining: 5
    }
  }
}

/// The sum over a limit's keys and the fullest of them, kept up to date at the cost of a few
/// additions: looking through the keys at each scrape would hold up the loops.
struct KeyUsage: Sendable {
  private(set) var inUse = 0
  private(set) var fullest = 0
  /// How many keys have exactly that many places in use; the first entry stays 0.
  private var keysWith: [Int] = [0]

  mutating func rose(to count: Int) {
    inUse += 1
    if count == keysWith.count { keysWith.append(0) }
    keysWith[count] += 1
    if count > 1 { keysWith[count - 1] -= 1 }
    if count > fullest { fullest = count }
  }

  mutating func fell(to count: Int) {
    inUse -= 1
    keysWith[count + 1] -= 1
    if count > 0 { keysWith[count] += 1 }
    // The key that fell has `count` now, so the fullest cannot be lower than that.
    if fullest == count + 1, keysWith[count + 1] == 0 { fullest = count }
  }
}
