// How a world moves its clock, and what scripted peers do in it.

internal import FakeKernel
internal import Glibc
internal import IO
internal import Testing

@Suite struct WorldTests {
  private let world = FakeWorld(seed: 11, weather: .calm)

  // Goal: idle time costs nothing, and a timer fires at its instant, not about it.
  // Method: a loop's timer an hour away, and a script's step between.
  @Test func clockJumpsFromDeadlineToDeadline() throws {
    let start = world.now
    let loop = try EventLoop(kernel: world.kernel)
    let owner = TimeKeeper(loop)
    let timer = LoopTimer(on: loop, owner: owner)
    timer.set(start + .seconds(3600))
    world.add(loop)
    var stepTime: UInt64 = 0
    world.after(.seconds(60)) { [world] in stepTime = world.now.nanoseconds(since: start) }
    #expect(world.run(for: .seconds(1)) == .deadline)
    #expect(world.now == start + .seconds(1))
    #expect(world.run { !owner.fired.isEmpty } == .condition)
    #expect(stepTime == 60_000_000_000)
    #expect(owner.fired == [start + .seconds(3600)])
    #expect(world.run() == .idle)
    #expect(world.rounds < 20)
    #expect(
      world.kernel.wallClockNanoseconds() == world.kernel.wallClockOffset + world.now.nanoseconds)
    timer.invalidate()
  }

  // Goal: a loop that spins is found out instead of hanging the test.
  // Method: a loop that always wants to run now, and one that never accepts what it is told of.
  @Test(arguments: [Weather.calm, .breezy])
  func spinningLoopIsFound(_ weather: Weather) throws {
    world.weather = weather
    let kernel = world.kernel
    world.add(loop: { kernel.now() })
    #expect(world.run() == .livelock)
    world.removeLoops()
    let stage = try Stage(kernel: kernel, patience: .zero)
    let listener = try stage.listener()
    try stage.watch(listener.descriptor, as: "listener", mode: .readable)
    world.add(loop: {
      stage.poll()
      return nil
    })
    _ = world.connect(to: listener.address)
    #expect(world.run() == .livelock)
  }

  // Goal: a message from another loop wakes the one it is for, in the same instant.
  // Method: two loops; the first's timer sends to the second's mailbox.
  @Test func wakersWakeAcrossLoops() throws {
    let loops = [try EventLoop(kernel: world.kernel), try EventLoop(kernel: world.kernel)]
    for loop in loops { world.add(loop) }
    var got: [Instant] = []
    let receiver = try MailboxReceiver<Int>(on: loops[1]) { [world] _ in
      got.append(world.now)
    }
    let start = world.now
    let mailbox = receiver.mailbox
    world.after(.seconds(5)) { mailbox.send(1) }
    #expect(world.run() == .idle)
    #expect(got == [start + .seconds(5)])
    receiver.close()
  }

  // Goal: a peer that stops reading holds the sender up at the buffers' sizes, and not for ever.
  // Method: send more than both buffers hold to one who does not read, then let it read.
  @Test func pausedPeerHoldsTheSenderUp() throws {
    world.weather.sendBufferBytes = 4000...4000
    world.weather.receiveBufferBytes = 1000...1000
    let listener = try world.listen(on: .loopback(port: 80)) { $0.isReading = false }
    let client = world.connect(to: listener.address)
    client.send([UInt8](repeating: 1, count: 10_000))
    client.closeWhenSent()
    #expect(world.run() == .idle)
    #expect(client.unsentByteCount == 5000)
    #expect(world.kernel.bytesInFlight == 5000)
    #expect(client.isOpen)
    listener.accepted[0].isReading = true
    #expect(world.run() == .idle)
    #expect(listener.accepted[0].received.count == 10_000)
    #expect(listener.accepted[0].hasEnded)
    #expect(!client.isOpen)
    #expect(world.leftovers == [])
  }

  // Goal: a slow reader takes its time, and all arrives.
  // Method: 1000 bytes at 100 per 10 ms need nine pauses.
  @Test func pacedPeerReadsSlowly() throws {
    let listener = try world.listen(on: .loopback(port: 80)) {
      $0.pace = FakePeer.Pace(bytes: 100, every: .milliseconds(10))
    }
    let client = world.connect(to: listener.address)
    client.send([UInt8](repeating: 1, count: 1000))
    let start = world.now
    world.run { listener.accepted.first?.received.count == 1000 }
    #expect(world.now.nanoseconds(since: start) == 90_000_000)
  }

  // Goal: scripted peers can talk to each other, and end as they are told.
  // Method: a server answers when it has seen a line; clients then finish, close or reset.
  @Test func scriptedConversation() throws {
    let address = SocketAddress(host: .unix("/run/weir-test.sock"))
    for address in [.loopback(port: 80), address] {
      let listener = try world.listen(on: address) { server in
        server.onChange = {
          if $0.received.last == UInt8(ascii: "\n") && $0.unsentByteCount == 0 && !$0.hasEnded {
            $0.send("hello")
            $0.finish()
          }
        }
      }
      let client = world.connect(to: address)
      client.send("hi\n")
      world.run()
      #expect(client.takeReceived() == Array("hello".utf8))
      #expect(client.hasEnded)
      client.reset()
      world.run()
      #expect(listener.accepted[0].failure?.code == (address.isUnix ? nil : ECONNRESET))
      listener.accepted[0].close()
      listener.close()
      #expect(world.leftovers == [])
    }
  }

  // Goal: a client can come from an address of its own, for limits that go by client.
  // Method: connect from 10.0.0.9 and look at what the server is told.
  @Test func clientsComeFromWhereTheySay() throws {
    let listener = try world.listen(on: SocketAddress(numericHost: "10.0.0.1", port: 80)!)
    _ = world.connect(
      to: listener.address, from: SocketAddress(numericHost: "10.0.0.9", port: 0)!)
    world.run()
    #expect(listener.accepted.map { $0.remoteAddress?.hostText } == ["10.0.0.9"])
  }

  // Goal: a failure's report says how to have it again and what happened last.
  // Method: leave a descriptor open after more calls than the trace keeps.
  @Test func reportTellsSeedLeftoversAndLastCalls() throws {
    let world = FakeWorld(seed: 42, weather: .calm, traceDepth: 2)
    for _ in 0..<3 { _ = try world.kernel.makeSocket(for: .loopback(port: 0)) }
    world.kernel.close(3)
    #expect(world.leftovers.count == 2)
    #expect(world.trace.lines.count == 2)
    #expect(world.trace.lines.last?.hasSuffix("close(3, 0) -> 0") == true)
    #expect(world.description.hasPrefix("seed 42, 4 calls"))
  }
}

private final class TimeKeeper: TimerOwner {
  private let loop: EventLoop
  var fired: [Instant] = []

  init(_ loop: EventLoop) { self.loop = loop }

  func timerFired(_ timer: LoopTimer) { fired.append(loop.now) }
}
