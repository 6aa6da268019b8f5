// One loop's figures: plain integers that no other thread touches.

/// A route's figures and its count of open streams.
package struct RouteMeter {
  package let child: MetricChild
  let level: StreamLevel
}

/// The labels of an exchange, as its record has them, and what they count under. An object: to look
/// at one of its texts counts no reference.
private final class CountedLabels {
  let child: ExchangeChild
  private let route: String
  private let provider: Label.Provider
  private let operation: Label.Operation
  private let model: ReceivedText?
  private let tenant: String?

  init(_ record: borrowing ExchangeRecord, _ child: ExchangeChild) {
    self.child = child
    model = record.countedModel
    route = record.route
    provider = record.provider
    operation = record.operation
    tenant = record.tenant
  }

  func holds(_ record: borrowing ExchangeRecord) -> Bool {
    provider == record.provider && operation == record.operation && route == record.route
      && holdsModel(of: record) && tenant == record.tenant
  }

  private func holdsModel(of record: borrowing ExchangeRecord) -> Bool {
    if !record.isModelAccepted { return model == nil }
    return record.model == nil ? model == record.modelRequested : model == record.model
  }
}

/// The figures of one loop.
///
/// It belongs to the loop's thread. Counting is an addition to an array; a lock is taken and memory
/// allocated only when the loop first meets a child.
package final class MetricsShard {
  let registry: LabelRegistry
  private var slots: [UInt64]
  private var exemplars: [Int: Exemplar] = [:]
  private var routes: [String: RouteMeter] = [:]
  private var upstreams: [String: MetricChild] = [:]
  private var limits: [String: MetricChild] = [:]
  private var exchanges: [ExchangeKey: ExchangeChild] = [:]

  /// Copies of what the layout and the catalogue say, which are behind lazy initialisers.
  private let offsets = SlotLayout.offsets
  private let buckets = BucketTable(Catalogue.families)
  /// What was asked for last: most requests of a loop have the same labels, and comparing costs a
  /// tenth of hashing.
  private var lastRoute: (name: String, child: MetricChild)?
  private var lastExchange: CountedLabels?

  package init(registry: LabelRegistry) {
    self.registry = registry
    slots = [UInt64](repeating: 0, count: SlotLayout.childSlots[.process])
  }

  /// The figures as they are now, but for what was lent. The shard's next figure copies all.
  package func snapshot() -> MetricsSnapshot {
    MetricsSnapshot(slots: slots, exemplars: exemplars)
  }

  /// Gives away what has been counted since the last time, and goes on counting in `blank`: nothing
  /// is copied, however many figures there are. Gauges too are lent as what was added to them.
  ///
  /// - Parameter blank: nothing but zeros, in memory that nobody else holds: another holder would
  ///   make the next figure copy it. Where it is too small, it grows.
  package func lend(for blank: consuming MetricsSnapshot) -> MetricsSnapshot {
    let lent = snapshot()
    slots = blank.slots
    exemplars = blank.exemplars
    return lent
  }

  // MARK: - Children

  package func route(_ name: String) -> RouteMeter {
    let meter = routes[name] ?? registry.meter(route: name)
    routes[name] = meter
    return meter
  }

  func routeChild(_ name: String) -> MetricChild {
    if let lastRoute, lastRoute.name == name { return lastRoute.child }
    let child = route(name).child
    lastRoute = (name, child)
    return child
  }

  package func upstream(_ name: String) -> MetricChild {
    if let known = upstreams[name] { return known }
    let child = registry.child(upstream: name)
    upstreams[name] = child
    return child
  }

  package func limit(_ name: String) -> MetricChild {
    if let known = limits[name] { return known }
    let child = registry.child(limit: name)
    limits[name] = child
    return child
  }

  package func exchange(_ key: ExchangeKey) -> ExchangeChild {
    if let known = exchanges[key] { return known }
    let (child, isFolded) = registry.child(key)
    if !isFolded { exchanges[key] = child }
    return child
  }

  /// The children of a record's labels.
  func exchange(of record: borrowing ExchangeRecord) -> ExchangeChild {
    // Taken out while it is asked: one that stays here is counted up and down for that.
    if let last = lastExchange.take() {
      let (isSame, child) = (last.holds(record), last.child)
      lastExchange = last
      if isSame { return child }
    }
    let key = record.key
    let child = exchange(key)
    // Not a folded one: each that is folded is counted by the registry.
    if exchanges[key] != nil { lastExchange = CountedLabels(record, child) }
    return child
  }

  // MARK: - Figures

  /// Adds to a counter, or to a gauge; `combination` numbers the closed labels' values, the last
  /// label changing fastest.
  @inline(__always)
  func add(_ amount: UInt64, to id: MetricID, of child: MetricChild, at combination: Int = 0) {
    let slot = child.firstSlot &+ offsets[id.rawValue] &+ combination
    if slot >= slots.count { grow(to: slot) }
    slots[slot] &+= amount
  }

  @inline(__always)
  func subtract(
    _ amount: UInt64, from id: MetricID, of child: MetricChild, at combination: Int = 0
  ) {
    add(0 &- amount, to: id, of: child, at: combination)
  }

  /// Counts `value`, in the units the histogram observes, in its bucket.
  @inline(__always)
  func observe(
    _ value: UInt64, in id: MetricID, of child: MetricChild, at combination: Int = 0,
    exemplar: (traceID: String, unixNanoseconds: UInt64)? = nil
  ) {
    let bounds = buckets.count(id)
    precondition(bounds > 0, "observed a metric that is no histogram")
    let width = bounds &+ 2
    let first = child.firstSlot &+ offsets[id.rawValue] &+ combination &* width
    let sum = first &+ width &- 1
    if sum >= slots.count { grow(to: sum) }
    let bucket = first &+ buckets.index(of: value, in: id)
    slots[bucket] &+= 1
    slots[sum] &+= value
    if let exemplar {
      exemplars[bucket] = Exemplar(
        traceID: exemplar.traceID, value: value, unixNanoseconds: exemplar.unixNanoseconds)
    }
  }

  /// Adds observations that were counted by bucket elsewhere.
  func add(
    _ counts: [Int], sum: UInt64, toHistogram id: MetricID, of child: MetricChild
  ) {
    let width = buckets.count(id) + 2
    precondition(counts.count == width - 1, "counts that are not those of the family's buckets")
    let first = child.firstSlot + offsets[id.rawValue]
    if first + width > slots.count { grow(to: first + width) }
    for (bucket, count) in counts.enumerated() { slots[first + bucket] &+= UInt64(count) }
    slots[first + width - 1] &+= sum
  }

  /// Makes room for a child that another loop's meeting placed, and for some that will follow it.
  @inline(never)
  private func grow(to slot: Int) {
    let room = SlotLayout.childSlots.total
    slots += [UInt64](repeating: 0, count: slot + room - slots.count)
  }
}
