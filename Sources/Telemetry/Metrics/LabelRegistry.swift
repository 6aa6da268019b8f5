// Hands out the places of children to all loops, and holds the caps on labels that traffic fills.

internal import Synchronization

/// A child's place: where its figures begin in every shard.
package struct MetricChild: Equatable, Hashable, Sendable {
  let firstSlot: Int
}

/// The two children of an exchange's labels: most families know no tenant, some do.
package struct ExchangeChild: Equatable, Sendable {
  let common: MetricChild
  let tenant: MetricChild
}

/// The labels of an exchange.
package struct ExchangeKey: Hashable, Sendable {
  package var route: String
  package var provider: Label.Provider
  package var operation: Label.Operation
  /// `unknown` until upstream has answered 2xx for a model.
  package var model: String
  /// nil where the route names no header for it.
  package var tenant: String?

  package init(
    route: String, provider: Label.Provider, operation: Label.Operation, model: String = "unknown",
    tenant: String? = nil
  ) {
    self.route = route
    self.provider = provider
    self.operation = operation
    self.model = model
    self.tenant = tenant
  }
}

/// Which children exist: one registry for the process, asked by a loop when it first meets a child.
///
/// Any thread may call it. Children are never removed, so a series never disappears; caps bound
/// how many there can be, and what goes beyond them is counted under `other`.
package final class LabelRegistry: Sendable {
  package struct Caps: Sendable {
    /// Distinct models, `other` and `unknown` not counted.
    package var models = 128
    /// Distinct tenants, `other` not counted.
    package var tenants = 64
    /// Series at which further children of exchanges fold. A child counts with all that it has from
    /// the start and all its histograms; rare pairs of status and outcome come on top, as do
    /// children of routes, limits and upstreams, which settings bound, once nothing is left.
    package var series = 20_000

    package init() {}
  }

  /// A child as the page sees it.
  struct Entry: Sendable {
    let scope: MetricScope
    let child: MetricChild
    /// `route="a",provider="b"` and so on, escaped; empty for the process.
    let labels: [UInt8]
  }

  static let other = "other"
  package static let unknown = "unknown"
  /// The process' own child lies first in every shard.
  static let process = MetricChild(firstSlot: 0)

  private let caps: Caps
  private let state: Mutex<RegistryState>

  package init(caps: Caps = Caps()) {
    self.caps = caps
    state = Mutex(RegistryState())
  }

  package func meter(route: String) -> RouteMeter {
    state.withLock { state in
      RouteMeter(child: state.named(.route, route), level: state.level(ofRoute: route))
    }
  }

  package func child(limit: String) -> MetricChild { named(.limit, limit) }
  package func child(upstream: String) -> MetricChild { named(.upstream, upstream) }

  /// The child of an exchange's labels, `isFolded` if a cap made it another one's: such an answer
  /// must not be kept, or each junk name would take memory in each loop.
  package func child(_ key: ExchangeKey) -> (child: ExchangeChild, isFolded: Bool) {
    state.withLock { $0.exchange(key, caps) }
  }

  /// Values folded so far, by `Label.Overflow`.
  func overflows() -> [UInt64] { state.withLock { $0.overflows } }

  /// The most streams each route had open at once.
  func peaks() -> [(route: String, streams: Int)] {
    state.withLock { $0.levels.map { ($0.route, $0.level.peak) } }
  }

  /// The WebSocket sessions open at once, by `Label.SocketMode`.
  let socketLevels = Label.SocketMode.allCases.map { _ in StreamLevel() }

  func entries() -> [Entry] { state.withLock { $0.entries } }

  private func named(_ scope: MetricScope, _ name: String) -> MetricChild {
    state.withLock { $0.named(scope, name) }
  }
}

/// What the registry's lock protects.
private struct RegistryState: Sendable {
  private struct Name: Hashable {
    let scope: MetricScope
    let text: String
  }

  private(set) var entries: [LabelRegistry.Entry] = []
  private(set) var overflows = [UInt64](repeating: 0, count: Label.Overflow.allCases.count)
  private(set) var levels: [(route: String, level: StreamLevel)] = []
  private var nextSlot = 0
  /// Series that exist or are set aside.
  private var series: Int
  /// The (route, provider, operation) met so far, with `other` for a model.
  private var groups: Set<ExchangeKey>
  private var names: [Name: MetricChild] = [:]
  private var common: [ExchangeKey: MetricChild] = [:]
  private var tenants: [ExchangeKey: MetricChild] = [:]
  private var knownModels: Set<String> = []
  private var knownTenants: Set<String> = []

  /// The series of one exchange's two children.
  private static let bothChildren =
    SlotLayout.childSeries[.exchange] + SlotLayout.childSeries[.tenant]

  init() {
    series = SlotLayout.childSeries[.process] + Self.bothChildren
    groups = [ExchangeKey.last.group]
    _ = add(.process, [])
  }

  mutating func named(_ scope: MetricScope, _ text: String) -> MetricChild {
    let name = Name(scope: scope, text: text)
    if let known = names[name] { return known }
    let child = add(scope, [text])
    series += SlotLayout.childSeries[scope]
    names[name] = child
    return child
  }

  mutating func level(ofRoute route: String) -> StreamLevel {
    if let known = levels.first(where: { $0.route == route }) { return known.level }
    let level = StreamLevel()
    levels.append((route, level))
    return level
  }

  mutating func exchange(
    _ key: ExchangeKey, _ caps: LabelRegistry.Caps
  ) -> (child: ExchangeChild, isFolded: Bool) {
    if let known = find(key) { return (known, false) }
    var folded = capped(key, caps)
    var isFolded = folded != key
    if let known = find(folded) { return (known, isFolded) }
    if !hasRoom(for: folded, caps) {
      overflows[Label.Overflow.series.ordinal] += 1
      isFolded = true
      folded.model = LabelRegistry.other
      if folded.tenant != nil { folded.tenant = LabelRegistry.other }
      if !hasRoom(for: folded, caps) { folded = .last }
    }
    return (make(folded), isFolded)
  }

  private func find(_ key: ExchangeKey) -> ExchangeChild? {
    guard let tenant = tenants[key], let common = common[key.withoutTenant] else { return nil }
    return ExchangeChild(common: common, tenant: tenant)
  }

  /// The key with `other` for a model or tenant beyond its cap.
  private mutating func capped(_ key: ExchangeKey, _ caps: LabelRegistry.Caps) -> ExchangeKey {
    var key = key
    let isReserved = key.model == LabelRegistry.other || key.model == LabelRegistry.unknown
    if !isReserved, !knownModels.contains(key.model), knownModels.count >= caps.models {
      overflows[Label.Overflow.model.ordinal] += 1
      key.model = LabelRegistry.other
    }
    if let tenant = key.tenant, tenant != LabelRegistry.other, !knownTenants.contains(tenant),
      knownTenants.count >= caps.tenants
    {
      overflows[Label.Overflow.tenant.ordinal] += 1
      key.tenant = LabelRegistry.other
    }
    return key
  }

  private func hasRoom(for key: ExchangeKey, _ caps: LabelRegistry.Caps) -> Bool {
    let needed = seriesNeeded(for: key)
    return needed == 0 || series + needed <= caps.series
  }

  /// The series that the children which `key` lacks are counted as.
  ///
  /// The first child of a (route, provider, operation) also sets aside what its `other` will need,
  /// so that its further models always have a place under their own route.
  private func seriesNeeded(for key: ExchangeKey) -> Int {
    let setAside = groups.contains(key.group) ? 0 : Self.bothChildren
    guard !key.isGroupsOther else { return setAside }
    var needed = setAside
    if common[key.withoutTenant] == nil { needed += SlotLayout.childSeries[.exchange] }
    if tenants[key] == nil { needed += SlotLayout.childSeries[.tenant] }
    return needed
  }

  private mutating func make(_ key: ExchangeKey) -> ExchangeChild {
    series += seriesNeeded(for: key)
    groups.insert(key.group)
    let shared = [key.route, key.provider.rawValue, key.operation.rawValue, key.model]
    if common[key.withoutTenant] == nil {
      common[key.withoutTenant] = add(.exchange, shared)
    }
    if tenants[key] == nil {
      tenants[key] = add(.tenant, shared + (key.tenant.map { [$0] } ?? []))
    }
    let isReserved = key.model == LabelRegistry.other || key.model == LabelRegistry.unknown
    if !isReserved { knownModels.insert(key.model) }
    if let tenant = key.tenant, tenant != LabelRegistry.other { knownTenants.insert(tenant) }
    guard let made = find(key) else { preconditionFailure("a child that was just made is missing") }
    return made
  }

  private mutating func add(_ scope: MetricScope, _ values: [String]) -> MetricChild {
    let child = MetricChild(firstSlot: nextSlot)
    nextSlot += SlotLayout.childSlots[scope]
    let labels = LabelText.pairs(zip(scope.labelNames, values).map { ($0, $1) })
    entries.append(LabelRegistry.Entry(scope: scope, child: child, labels: labels))
    return child
  }
}

extension ExchangeKey {
  /// Where everything goes once not even `other` fits.
  fileprivate static let last = ExchangeKey(
    route: LabelRegistry.other, provider: .other, operation: .other, model: LabelRegistry.other)

  /// The key of the group's `other`.
  fileprivate var group: ExchangeKey {
    ExchangeKey(
      route: route, provider: provider, operation: operation, model: LabelRegistry.other)
  }

  /// Whether it is the child for which each group sets series aside.
  fileprivate var isGroupsOther: Bool {
    model == LabelRegistry.other && (tenant == nil || tenant == LabelRegistry.other)
  }

  fileprivate var withoutTenant: ExchangeKey {
    var key = self
    key.tenant = nil
    return key
  }
}
