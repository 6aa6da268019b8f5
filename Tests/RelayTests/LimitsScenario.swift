// What the tests of stream limits share: settings with limits, and what the books of the limits and
// of the exchanges say about them at one moment.

internal import FakeKernel
internal import Relay
internal import RelayWorld
internal import Testing

extension RelayOptions {
  /// The options of a scenario, whose one route has these limits, from parent to child.
  static func limited(
    _ limits: [LimitOptions], _ edit: (inout RelayOptions) -> Void = { _ in },
    upstream: (inout UpstreamOptions) -> Void = { _ in }
  ) -> RelayOptions {
    scenario(
      { options in
        options.limits = limits
        options.routes[0].limits = limits.map(\.name)
        edit(&options)
      }, upstream: upstream)
  }
}

extension LimitOptions {
  /// A limit named after its basis. A wait lasts 7 s at most, unlike any time of a scenario.
  static func of(
    _ maxStreams: Int, by basis: Basis = .none, queue: Int = 0,
    _ edit: (inout LimitOptions) -> Void = { _ in }
  ) -> LimitOptions {
    let name =
      switch basis {
      case .none: "total"
      case .route: "route"
      case .model: "model"
      case .client: "client"
      case .header: "key"
      }
    var limit = LimitOptions(name: name, by: basis, maxStreams: maxStreams)
    limit.queueMax = queue
    limit.queueTimeout = .seconds(7)
    edit(&limit)
    return limit
  }

  static func byHeader(
    _ name: String, _ maxStreams: Int, queue: Int = 0,
    _ edit: (inout LimitOptions) -> Void = { _ in }
  ) -> LimitOptions {
    of(maxStreams, by: .header(Array(name.utf8)), queue: queue, edit)
  }
}

extension RelayHarness {
  func limit(_ name: String) -> LimitState { admission.states.first { $0.name == name }! }

  /// Asserts what a limit says of itself, and that the exchanges and the limit's own records agree.
  func expect(
    _ name: String = "total", inUse: Int, queued: Int = 0,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let state = limit(name)
    #expect(state.inUse == inUse, "in use", sourceLocation: location)
    #expect(state.queued == queued, "queued", sourceLocation: location)
    let holders = relays.reduce(0) { $0 + ($1.permitHolders[name] ?? 0) }
    #expect(state.drift(fromHolders: holders) == 0, "drift", sourceLocation: location)
    #expect(admission.inconsistencies == [], sourceLocation: location)
  }

  /// How often requests met this end at the limit.
  func count(_ decision: AdmissionDecision, at name: String = "total") -> UInt64 {
    limit(name).waits.first { $0.decision == decision }!.times.total
  }
}
