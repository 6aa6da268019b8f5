// What the weather does to a receive, a send and a wait, one kind of trouble at a time.

internal import FakeKernel
internal import IO
internal import Testing

@Suite struct WeatherTests {
  /// A world in which one thing goes wrong always.
  private func stage(
    seed: UInt64 = 3, _ change: (inout Weather) -> Void
  ) throws -> (FakeWorld, Stage) {
    var weather = Weather.calm
    weather.catchUp = .milliseconds(1) ... .milliseconds(1)
    change(&weather)
    let world = FakeWorld(seed: seed, weather: weather)
    return (world, try Stage(kernel: world.kernel, patience: .zero))
  }

  // Goal: a short read means that the socket was empty then: the rest comes with an edge.
  // Method: receive in weather in which every read is short; nothing more until an edge.
  @Test func shortReadIsFollowedByAnEdge() throws {
    let (world, stage) = try stage { $0.shortReads = 1 }
    let (client, server) = try stage.pair()
    try stage.watch(server, as: "server")
    stage.send("client", client, "ab")
    stage.poll()
    stage.receive("server", server)
    stage.receive("server", server)
    stage.poll()
    world.run(for: .milliseconds(2))
    stage.poll()
    stage.receive("server", server)
    #expect(
      stage.transcript == [
        "client sends: 2 bytes", "poll: server is readable writable", "server receives \"a\"",
        "server receives: nothing now", "poll: nothing", "poll: server is readable writable",
        "server receives \"b\"",
      ])
  }

  // Goal: a read that is refused although readiness was told is told again later.
  // Method: refuse every read, then none.
  @Test func refusedReadIsFollowedByAnEdge() throws {
    let (world, stage) = try stage { $0.refusedReads = 1 }
    let (client, server) = try stage.pair()
    try stage.watch(server, as: "server")
    stage.send("client", client, "ab")
    stage.poll()
    stage.receive("server", server)
    world.weather.refusedReads = 0
    stage.poll()
    world.run(for: .milliseconds(2))
    stage.poll()
    stage.receive("server", server)
    #expect(
      stage.transcript.suffix(4) == [
        "server receives: nothing now", "poll: nothing", "poll: server is readable writable",
        "server receives \"ab\"",
      ])
  }

  // Goal: an end that has been told stays the end: no read is short in front of a FIN.
  // Method: every read would be short; send, finish, and read all at once.
  @Test func noReadIsShortBeforeAnEnd() throws {
    let (_, stage) = try stage { $0.shortReads = 1 }
    let (client, server) = try stage.pair()
    stage.send("client", client, "abc")
    stage.kernel.shutdownSending(client)
    stage.receive("server", server)
    stage.receive("server", server)
    #expect(stage.transcript.suffix(2) == ["server receives \"abc\"", "server receives: end"])
  }

  // Goal: a refused send is followed by an edge, when the time of refusal is over.
  // Method: refuse every send, poll before and after the time it takes.
  @Test func refusedSendIsFollowedByAnEdge() throws {
    let (world, stage) = try stage { $0.refusedWrites = 1 }
    let (client, _) = try stage.pair()
    try stage.watch(client, as: "client")
    stage.poll()
    stage.send("client", client, "ab")
    stage.poll()
    world.run(for: .milliseconds(2))
    stage.poll()
    #expect(
      stage.transcript == [
        "poll: client is writable", "client sends: nothing now", "poll: nothing",
        "poll: client is writable",
      ])
  }

  // Goal: a send that was cut short is followed by an edge too, at once or later, so that code may
  // wait for it without trying again.
  // Method: cut every send short, under seeds that choose either.
  @Test func shortSendIsFollowedByAnEdge() throws {
    var told: Set<[String]> = []
    for seed in 0..<20 as Range<UInt64> {
      let (world, stage) = try stage(seed: seed) { $0.shortWrites = 1 }
      let (client, _) = try stage.pair()
      try stage.watch(client, as: "client")
      stage.poll()
      stage.send("client", client, "ab")
      stage.poll()
      world.run(for: .milliseconds(2))
      stage.poll()
      #expect(stage.transcript[1] == "client sends: 1 bytes")
      told.insert(Array(stage.transcript[2...]))
    }
    // Where there is room at once, its edge may be told before the weather's own, or with it.
    let edge = "poll: client is writable"
    #expect(told.isSuperset(of: [["poll: nothing", edge]]))
    #expect(told.allSatisfy { $0.contains(edge) })
  }

  // Goal: bytes travel for as long as the network says, in segments, and in order.
  // Method: send in one call at a latency of 10 ms in segments of 3; nothing is there before.
  @Test func latencyAndSegments() throws {
    let (world, stage) = try stage {
      $0.latency = .milliseconds(10) ... .milliseconds(10)
      $0.segmentBytes = 3...3
      $0.jitter = .milliseconds(1)
    }
    let received = Received()
    let listener = try world.listen(on: .loopback(port: 80)) { peer in
      peer.onChange = { received.parts.append($0.received.count) }
    }
    let client = world.connect(to: listener.address)
    world.run(for: .milliseconds(30))
    #expect(client.isConnected)
    client.send("0123456789")
    world.run(for: .milliseconds(9))
    #expect(world.kernel.bytesInFlight == 10)
    #expect(received.parts == [0])
    world.run(for: .milliseconds(2))
    #expect(received.parts.count > 2, "all segments came at once")
    #expect(received.parts.dropLast().allSatisfy { $0 % 3 == 0 })
    #expect(listener.accepted[0].received == Array("0123456789".utf8))
    stage.end()
    #expect(world.leftovers == [])
  }

  // Goal: events may be split over waits, shuffled and without cause, but none is lost.
  // Method: twenty sockets become ready at once; waiting until nothing comes must tell of each.
  @Test func splitBatchesLoseNothing() throws {
    for seed in 0..<50 as Range<UInt64> {
      let world = FakeWorld(seed: seed, weather: .breezy)
      world.weather.latency = .zero ... .zero
      world.weather.jitter = .zero
      let kernel = world.kernel
      let stage = try Stage(kernel: kernel, patience: .zero)
      var tokens: Set<UInt64> = []
      for token in 0..<20 as Range<UInt64> {
        try kernel.watch(try stage.pair().client, token: token, mode: .edges, on: stage.poller)
      }
      withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 4) { events in
        while case let count = kernel.wait(on: stage.poller, into: events, until: nil), count > 0 {
          #expect(count <= 4)
          for event in events[..<count] { tokens.insert(event.token) }
        }
      }
      #expect(tokens.count == 20)
    }
  }

  // Goal: of two pollers that share a listener, at least one hears of a connection, and over many
  // connections both do.
  // Method: connect again and again, ask both pollers, accept through whichever was told.
  @Test func sharedListenerWakesOnePollerAtLeast() throws {
    let world = FakeWorld(seed: 5, weather: .calm)
    let kernel = world.kernel
    let stage = try Stage(kernel: kernel, patience: .zero)
    let listener = try stage.listener()
    let pollers = [try kernel.makePoller(), try kernel.makePoller()]
    for poller in pollers {
      try kernel.watch(listener.descriptor, token: 1, mode: .readable, on: poller)
    }
    func events(_ poller: Int32) -> Int {
      withUnsafeTemporaryAllocation(of: ReadyEvent.self, capacity: 4) {
        kernel.wait(on: poller, into: $0, until: nil)
      }
    }
    var alone = [0, 0]
    for _ in 0..<100 {
      try kernel.connect(try stage.socket(), to: listener.address)
      let told = pollers.map(events)
      #expect(told != [0, 0])
      if told.reduce(0, +) == 1 { alone[told[0] == 1 ? 0 : 1] += 1 }
      guard case .accepted = kernel.accept(listener.descriptor) else { return }
      #expect(pollers.map(events) == [0, 0])
    }
    #expect(alone[0] > 10 && alone[1] > 10)
  }
}

private final class Received {
  var parts: [Int] = []
}
