// Descriptors, limits, planned failures and paths: what a fake kernel lets a test arrange.

internal import FakeKernel
internal import Glibc
internal import IO
internal import Testing

@Suite struct FakeKernelTests {
  private let world = FakeWorld(seed: 7, weather: .calm)
  private var kernel: FakeKernel { world.kernel }

  private func error(_ body: () throws -> Void) -> Int32? {
    do {
      try body()
      return nil
    } catch { return (error as? SystemError)?.code }
  }

  // Goal: numbers are reused as Linux does, so that late events of an old owner are exposed.
  // Method: open three, close the middle one, open again; a closed one is no socket any more.
  @Test func lowestFreeDescriptorIsGiven() throws {
    let address = SocketAddress.loopback(port: 0)
    let opened = try (0..<3).map { _ in try kernel.makeSocket(for: address) }
    #expect(opened == [3, 4, 5])
    kernel.close(4)
    #expect(kernel.openDescriptors.map(\.descriptor) == [3, 5])
    #expect(kernel.misuses.isEmpty)
    kernel.close(4)
    #expect(kernel.misuses.count == 1)
    #expect(try kernel.makeSocket(for: address) == 4)
  }

  // Goal: no event of a closed descriptor is told, not even to the number's next owner.
  // Method: leave an arrival untold, close, and give the number to a socket with nothing to tell
  // but what its own token says.
  @Test func closingTakesUntoldEventsAlong() throws {
    let stage = try Stage(kernel: kernel, patience: .zero)
    let (client, server) = try stage.pair()
    try stage.watch(server, as: "old")
    stage.send("client", client, "untold")
    stage.close(server)
    let next = try stage.socket()
    #expect(next == server)
    try stage.watch(next, as: "new")
    stage.poll()
    #expect(stage.transcript.last == "poll: new is writable failed")
  }

  // Goal: a process without descriptors hears EMFILE from every call that would open one.
  // Method: set the limit to what is open.
  @Test func descriptorLimit() throws {
    let listener = try kernel.makeSocket(for: .loopback(port: 0))
    try kernel.listen(listener, backlog: 1)
    _ = world.connect(to: try kernel.localAddress(of: listener))
    world.run(for: .seconds(1))
    kernel.descriptorLimit = 1
    #expect(error { _ = try kernel.makeSocket(for: .loopback(port: 0)) } == EMFILE)
    #expect(error { _ = try kernel.makePoller() } == EMFILE)
    #expect(error { _ = try kernel.makeWaker() } == EMFILE)
    guard case .failed(let refusal) = kernel.accept(listener) else {
      Issue.record("accepted over the limit")
      return
    }
    #expect(refusal.code == EMFILE)
    kernel.descriptorLimit = 2
    guard case .accepted = kernel.accept(listener) else {
      Issue.record("the connection was lost to the failure")
      return
    }
  }

  // Goal: a test can make any call fail once, at a place of its choosing.
  // Method: plan the second bind to fail; the first and third work.
  @Test func plannedFailure() throws {
    kernel.fail(.bind, with: ENOMEM, after: 1)
    let results = try (0..<3).map { _ in
      let socket = try kernel.makeSocket(for: .loopback(port: 0))
      return error { try kernel.bind(socket, to: .loopback(port: 0)) }
    }
    #expect(results == [nil, ENOMEM, nil])
  }

  // Goal: a waker's descriptor lives as long as the waker, as under Linux here.
  // Method: drop the waker and count.
  @Test func wakersAreClosedWhenNobodyHoldsThem() throws {
    var waker: (any Waker)? = try kernel.makeWaker()
    #expect(kernel.openDescriptors.map(\.kind) == ["waker"])
    waker?.wake()
    waker = nil
    #expect(world.leftovers == [])
  }

  // Goal: what lies on the way decides how a connect ends, and when.
  // Method: connect over each kind of path to an address where somebody listens.
  @Test func paths() throws {
    let address = SocketAddress(host: .v4([10, 1, 1, 1]), port: 443)
    _ = try world.listen(on: address)
    for (path, code, seconds): (NetworkPath, Int32?, Double) in [
      (NetworkPath(), nil, 0), (NetworkPath(connectDelay: .seconds(3)), nil, 3),
      (NetworkPath(.refused), ECONNREFUSED, 0), (NetworkPath(.noRoute), ENETUNREACH, 0),
      (NetworkPath(.hostUnreachable, connectDelay: .seconds(2)), EHOSTUNREACH, 2),
      (NetworkPath(.silent), ETIMEDOUT, 127),
    ] {
      world.setPath(path, to: SocketAddress(host: address.host))
      let start = world.now
      let client = world.connect(to: address)
      world.run { client.isConnected || client.failure != nil }
      #expect(client.failure?.code == code)
      #expect(world.now.nanoseconds(since: start) == UInt64(seconds * 1e9), "\(path)")
    }
  }

  // Goal: a full accept queue delays clients as dropped SYNs do, and gives up as Linux does.
  // Method: a listener that accepts nothing, and one client more than its queue holds.
  @Test func fullAcceptQueueDelaysClients() throws {
    let listener = try world.listen(on: .loopback(port: 80), backlog: 1)
    listener.isAccepting = false
    let clients = (0..<4).map { _ in world.connect(to: listener.address) }
    world.run(for: .milliseconds(500))
    #expect(clients.map(\.isConnected) == [true, true, false, false])
    listener.isAccepting = true
    world.run(for: .milliseconds(400))
    #expect(clients.map(\.isConnected) == [true, true, false, false])
    world.run(for: .milliseconds(200))
    #expect(clients.map(\.isConnected) == [true, true, true, true])
    listener.isAccepting = false
    let late = (0..<3).map { _ in world.connect(to: listener.address) }
    world.run(for: .seconds(126))
    #expect(late.map { $0.failure?.code } == [nil, nil, nil])
    world.run(for: .seconds(2))
    #expect(late.map { $0.failure?.code } == [nil, nil, ETIMEDOUT])
  }

  // Goal: an IPv6 listener serves IPv4 too, unless it is told not to, and can then stand beside an
  // IPv4 listener.
  // Method: connect to 127.0.0.1 while `[::]` listens; try to bind both.
  @Test func bothFamilies() throws {
    let all = SocketAddress(numericHost: "::", port: 8080)!
    let six = try kernel.makeSocket(for: all)
    try kernel.bind(six, to: all)
    try kernel.listen(six, backlog: 4)
    let four = try kernel.makeSocket(for: .loopback(port: 0))
    #expect(error { try kernel.bind(four, to: .loopback(port: 8080)) } == EADDRINUSE)
    let client = world.connect(to: .loopback(port: 8080))
    world.run(for: .seconds(1))
    #expect(client.isConnected)
    guard case .accepted(_, let from) = kernel.accept(six) else {
      Issue.record("nothing was accepted")
      return
    }
    #expect(from.isIPv6 && from.isLoopback)
    kernel.close(six)
    let only = try kernel.makeSocket(for: all)
    try kernel.set(.onlyIPv6, on: only)
    try kernel.bind(only, to: all)
    #expect(error { try kernel.bind(four, to: .loopback(port: 8080)) } == nil)
  }
}
