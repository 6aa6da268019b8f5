// One loop's relay: takes requests from its connections, finds their routes, and keeps account of
// all exchanges that are under way.

package import Connections
package import Hub
package import IO
internal import Tap
package import Telemetry
package import Wire

package final class Relay: RequestServer {
  package let loop: EventLoop
  package private(set) var options: RelayOptions
  package private(set) var isDraining = false
  private(set) var isRefusing = false
  /// Requests taken, and exchanges ended, since start.
  package private(set) var acceptedCount = 0
  package private(set) var endedCount = 0

  let metrics: MetricsShard
  let desk: AdmissionDesk
  package let hub: HubDesk
  var writer = HeadWriter()
  var recipes = ForwardingRecipes()
  var random: any RandomNumberGenerator
  /// What the taps of the loop's streams share.
  private let tapSupplies = TapSupplies()
  /// Requests mostly come whole, so one serves nearly all of them.
  private var spareRequestTap: RequestTap? = RequestTap()
  /// Answers mostly come whole as well.
  private var spareTap: StreamTap?
  /// Of a request that has been sent, which is mostly the last one.
  private var spareBuffer: [UInt8] = []
  private static let spareLimitBytes = 8192
  private let resolver: Resolver
  private let supplies = ConnectionSupplies()
  private lazy var serving = newContext()
  private let observer: (any RelayObserver)?
  private let bound: ConnectionBound
  package let requestIDs: RequestIDs
  private var routes: [ActiveRoute] = []
  /// That of requests which no route matched; it has figures once there was one.
  private lazy var unmatched = ActiveRoute(
    Route(name: Self.noRoute, pathPrefix: "", upstream: ""), to: nil,
    limits: RouteLimits([], ofRoute: Self.noRoute, among: [], in: desk.admission),
    metrics: metrics)
  private(set) var upstreams: [Upstream] = []
  private var exchanges = Roster<Exchange>()
  private var hubRequests = Roster<HubRequest>()
  private var hubSockets = Roster<HubSocket>()
  private var connections = Roster<ServerConnection>()
  /// Called once, when a drain has left nothing open.
  private var drained: (() -> Void)?

  package init(
    on loop: EventLoop, options: RelayOptions, names: any NameService,
    admission: Admission = Admission([]), streams: StreamDirectory = StreamDirectory(),
    bound: ConnectionBound = ConnectionBound(),
    metrics: MetricsShard = MetricsShard(registry: LabelRegistry()),
    observer: (any RelayObserver)?,
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) throws(SystemError) {
    Dialect.prepareAll()
    Exchange.prepareLabels()
    self.loop = loop
    self.options = options
    self.observer = observer
    self.bound = bound
    self.metrics = metrics
    desk = try AdmissionDesk(on: loop, of: admission)
    hub = HubDesk(on: loop, of: streams, metrics: metrics)
    var random = random
    requestIDs = RequestIDs(prefix: UInt32(truncatingIfNeeded: random.next() as UInt64))
    self.random = random
    resolver = try Resolver(on: loop, service: names)
    apply(options)
  }

  /// The next request finds the new settings; open exchanges keep those they began with.
  package func apply(_ options: RelayOptions) {
    self.options = options
    serving = newContext()
    recipes = ForwardingRecipes()
    for upstream in upstreams { upstream.retire() }
    // An exchange that rests would keep its route until its connection's next request, and with that the keys of the
    // old settings.
    for connection in connections.members { connection.forgetFormerHandler() }
    upstreams = options.upstreams.map {
      Upstream($0, on: loop, resolver: resolver, supplies: supplies, metrics: metrics)
    }
    routes = options.routes.compactMap { route in
      upstreams.first { $0.options.name == route.upstream }.map {
        let limits = RouteLimits(
          route.limits, ofRoute: route.name, among: options.limits, in: desk.admission)
        return ActiveRoute(route, to: $0, limits: limits, metrics: metrics)
      }
    }
    if options.routes.contains(where: { $0.hub != nil }) { hub.open() }
  }

  private func newContext() -> ServerContext {
    ServerContext(options.server, server: self, supplies: supplies)
  }

  /// Exchanges that hold a permit, by the names of the limits it is of: counted from the exchanges
  /// themselves, so that the limits' own count can be held against it.
  package var permitHolders: [String: Int] {
    // Names are looked up once for each route: there may be ten thousand exchanges.
    var byRoute: [ObjectIdentifier: (limits: [String], count: Int)] = [:]
    for exchange in exchanges.members where exchange.permit != nil {
      let route = exchange.route
      byRoute[ObjectIdentifier(route), default: (route.route.limits, 0)].count += 1
    }
    var holders: [String: Int] = [:]
    for (limits, count) in byRoute.values {
      for name in limits { holders[name, default: 0] += count }
    }
    return holders
  }

  /// Bytes held for readers of kept streams that do not take them.
  package var subscriberBytes: Int {
    hubRequests.members.reduce(0) { $0 + $1.queuedBytes }
      + hubSockets.members.reduce(0) { $0 + $1.queuedBytes }
  }

  /// The most bytes that any one reader of a kept stream has still to take, and any one socket.
  package var mostSubscriberBytes: (reader: Int, socket: Int) {
    (
      hubRequests.members.reduce(0) { max($0, $1.queuedBytes) },
      hubSockets.members.reduce(0) { max($0, $1.queuedBytes) }
    )
  }

  /// The most that one read of an answer may bring while nothing waits for its client.
  var readLimit: Int { min(LoopBuffers.readSize, options.relayBufferBytes) }

  package var activeCount: Int { exchanges.members.count }
  var openExchanges: [Exchange] { exchanges.members }
  package var connectionCount: Int { connections.members.count }
  package var idleUpstreamCount: Int { upstreams.reduce(0) { $0 + $1.idleCount } }

  /// The most bytes that any one exchange holds for its client, and for its upstream.
  package var mostQueuedBytes: (downstream: Int, upstream: Int) {
    exchanges.members.reduce((0, 0)) {
      (max($0.0, $1.connection.queuedBytes), max($0.1, $1.heldForUpstream))
    }
  }

  /// Gives away the connections that wait for a request, see `ServerConnection.handOver`.
  package func handOverIdle() -> [Int32] {
    connections.members.compactMap { $0.handOver() }
  }

  /// Serves a descriptor, which becomes the relay's, and its place in `bound` with it; `isKept` if it
  /// was in use before.
  package func serve(
    _ descriptor: Int32, from peer: SocketAddress, tls context: TLSContext?, isKept: Bool = false
  ) {
    let session: TLSSession?
    do {
      session = try context.map { context throws(TLSError) in
        try TLSSession(server: context, buffers: loop.buffers.tls)
      }
    } catch {
      bound.giveBack()
      return loop.kernel.close(descriptor)
    }
    let connection = try? ServerConnection(
      accepted: descriptor, from: peer, on: loop, tls: session, in: serving)
    guard let connection else { return bound.giveBack() }
    connections.add(connection)
    if isKept { connection.expectNextRequest() }
    metrics.downstreamOpened()
  }
}

// MARK: - Requests

extension Relay {
  package func connection(
    _ connection: ServerConnection, began head: RequestHead
  ) -> any RequestHandler {
    let route = route(for: head)
    var former = connection.takeFormerHandler()
    if hub.isOpen, let handler = ownHandler(for: head, route, on: connection) { return handler }
    return begin(head, by: route, on: connection, after: &former)
  }

  private func begin(
    _ head: RequestHead, by route: ActiveRoute, on client: any Downstream,
    after former: inout AnyObject?
  ) -> Exchange {
    let exchange = accept(on: client, by: route, after: &former)
    exchange.begin(head)
    return exchange
  }

  package func connection(_ connection: ServerConnection, refused refusal: RequestRefusal) {
    var former = connection.takeFormerHandler()
    accept(on: connection, by: unmatched, after: &former).refuse(refusal)
  }

  package func connectionClosed(_ connection: ServerConnection) {
    connections.remove(connection)
    bound.giveBack()
    metrics.downstreamClosed()
    reportIfDrained()
  }

  /// - Parameter former: who handled the connection's last request.
  private func accept(
    on connection: any Downstream, by route: ActiveRoute, after former: inout AnyObject?
  ) -> Exchange {
    acceptedCount += 1
    metrics.accepted(route.meter.child)
    observer?.exchangeAccepted()
    let exchange =
      Exchange.renewed(from: &former, by: route) ?? Exchange(on: connection, by: route, of: self)
    exchanges.add(exchange)
    return exchange
  }

  /// A client got 503 at the door, where there was no descriptor for it. It counts as a request of
  /// no route, because it would have made one, and because its failure is weir's.
  package func turnedAway() {
    acceptedCount += 1
    metrics.accepted(unmatched.meter.child)
    observer?.exchangeAccepted()
    book(Exchange.summary(ofTurnedAway: acceptedCount, by: self))
  }

  func makeTap(_ request: borrowing TapRequest) -> StreamTap {
    guard isKnownUniquelyReferenced(&spareTap), let tap = spareTap.take() else {
      return StreamTap(request, sharing: tapSupplies)
    }
    tap.renew(request)
    return tap
  }

  /// A tap whose last word has been heard.
  func giveBack(_ tap: StreamTap) { spareTap = tap }

  /// Puts the head that was written last into an empty buffer, in the memory in which a request was
  /// gathered last, with room for `following` bytes behind it.
  func takeHead(into buffer: inout [UInt8], reserving following: Int) {
    swap(&buffer, &spareBuffer)
    buffer.reserveCapacity(writer.bytes.count + following)
    writer.append(to: &buffer)
  }

  /// Empties a buffer. The memory serves the next request, unless this one was large.
  func takeBack(_ buffer: inout [UInt8]) {
    guard buffer.capacity <= Self.spareLimitBytes, spareBuffer.capacity == 0 else {
      buffer = []
      return
    }
    buffer.removeAll(keepingCapacity: true)
    swap(&buffer, &spareBuffer)
  }

  func takeRequestTap() -> RequestTap {
    spareRequestTap.take() ?? RequestTap()
  }

  func giveBack(_ tap: consuming RequestTap) {
    tap.reset()
    spareRequestTap = tap
  }

  private func route(for head: RequestHead) -> ActiveRoute {
    let span = head.headers.bytes.span.extracting(head.originTarget)
    let path = head.originTargetLacksRoot ? Self.root.span : span
    for index in routes.indices where routes[index].matches(path) { return routes[index] }
    return unmatched
  }

  /// The label of requests that no route matched.
  static let noRoute = "none"
  private static let root: [UInt8] = [UInt8(ascii: "/")]
  /// What weir answers itself where the hub is on.
  private static let ownPaths = Array("/weir/".utf8)

  /// Whether weir answers itself: what stands under its own path, and whether a page may ask for a
  /// stream that is kept.
  private func isOwn(_ head: RequestHead, _ route: ActiveRoute) -> Bool {
    if head.headers.bytes[head.originTarget].starts(with: Self.ownPaths) { return true }
    return route.route.hub != nil && head.isPreflight
      && options.hub.crossOrigin.allowance(for: head) != nil
  }

  func newStreamID() -> StreamID { StreamID(using: &random) }

  func ended(_ request: HubRequest) { hubRequests.remove(request) }
  func opened(_ socket: HubSocket) { hubSockets.add(socket) }
  func ended(_ socket: HubSocket) { hubSockets.remove(socket) }

  /// Who answers what goes to no upstream, or is a socket of the hub; nil for all else.
  private func ownHandler(
    for head: RequestHead, _ route: ActiveRoute, on connection: ServerConnection
  ) -> (any RequestHandler)? {
    if let mode = HubSocket.Mode(head, takesMessages: route.route.hub?.takesMessages ?? false) {
      let refusal: HubRequest.Refusal
      do throws(HubRequest.Refusal) {
        return try HubSocket.open(head, on: connection, of: self, mode)
      } catch {
        refusal = error
      }
      return own(HubRequest(head, on: connection, of: self, refusing: refusal))
    }
    return isOwn(head, route) ? own(HubRequest(head, on: connection, of: self)) : nil
  }

  private func own(_ request: HubRequest) -> HubRequest {
    hubRequests.add(request)
    return request
  }

  /// A request that came as a message of a socket.
  func begin(_ head: RequestHead, on client: StartedRequest) -> any RequestHandler {
    var former: AnyObject?
    return begin(head, by: route(for: head), on: client, after: &former)
  }

  /// Whether the route of such a request keeps its streams.
  func keepsStreams(of head: RequestHead) -> Bool { route(for: head).route.hub != nil }

  func requestID(_ number: Int) -> RequestID { requestIDs.id(number) }

  func ended(_ exchange: Exchange, _ summary: ExchangeSummary) {
    exchanges.remove(exchange)
    book(summary)
  }

  private func book(_ summary: ExchangeSummary) {
    endedCount += 1
    metrics.record(summary.record)
    observer?.exchangeEnded(summary)
    // One that went on without its client has no connection whose end would tell.
    if isDraining { reportIfDrained() }
  }
}

// MARK: - Draining

extension Relay {
  /// From now on each answer is its connection's last; `completion` is called once none is left.
  ///
  /// `refusing`: new requests get 503, and connections that wait for one are closed. Without it,
  /// after a takeover, they are served: a client may be sending on any of them just now.
  package func drain(refusing: Bool, completion: @escaping () -> Void) {
    isDraining = true
    isRefusing = refusing
    drained = completion
    if refusing {
      desk.drain()
      for socket in hubSockets.members { socket.drain() }
      for connection in connections.members { connection.closeIfIdle() }
    }
    for upstream in upstreams { upstream.retire() }
    reportIfDrained()
  }

  /// Calls `completion`, in place of the drain's, once nothing is open: perhaps at once.
  package func whenDrained(_ completion: @escaping () -> Void) {
    drained = completion
    reportIfDrained()
  }

  /// Cuts what is still open.
  package func endDrain() {
    for exchange in exchanges.members {
      exchange.catchUp()
      exchange.settle(.drainDeadline)
    }
    for request in hubRequests.members { request.cut() }
    for socket in hubSockets.members { socket.abort() }
    for connection in connections.members { connection.abandon() }
  }

  private func reportIfDrained() {
    guard isDraining, connections.members.isEmpty, exchanges.members.isEmpty, let drained else {
      return
    }
    self.drained = nil
    drained()
  }
}
