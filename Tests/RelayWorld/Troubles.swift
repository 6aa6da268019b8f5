// What befalls a world from outside of the network: clocks that jump, descriptors and kernel memory
// that run out, a name service that is slow, wrong or silent. A generator of its own draws it, so
// that the rest of a seed's world stays what it was.

internal import FakeKernel
internal import Glibc
internal import IO
internal import Relay
internal import TestSupport

struct Troubles {
  private var random: SeededRandom
  private let isPeaceful: Bool

  init(seed: UInt64, isPeaceful: Bool) {
    random = SeededRandom(seed: ~seed)
    self.isPeaceful = isPeaceful
  }

  /// Lets things happen to `stage` within the first seconds.
  mutating func schedule(on stage: RelayHarness) {
    let kernel = stage.world.kernel
    for _ in 0..<(random.chance(0.3) ? 3 : 0) { scheduleWallClock(kernel, stage.world) }
    guard !isPeaceful else { return }
    if random.chance(0.2) { scheduleSuspension(stage.world) }
    if random.chance(0.3) { scheduleExhaustion(kernel, stage.world) }
    if random.chance(0.4) {
      for _ in 0..<Int.random(in: 1...6, using: &random) { scheduleFailure(kernel, stage.world) }
    }
  }

  /// The wall clock is set, by up to a day either way. Nothing that weir times may notice.
  private mutating func scheduleWallClock(_ kernel: FakeKernel, _ world: FakeWorld) {
    let step = Int64.random(in: -86_400_000_000_000...86_400_000_000_000, using: &random)
    world.after(random.milliseconds(upTo: 3000)) {
      kernel.wallClockOffset = UInt64(Int64(kernel.wallClockOffset) + step)
    }
  }

  /// The machine was suspended, or the process stopped: all deadlines have passed at once.
  private mutating func scheduleSuspension(_ world: FakeWorld) {
    let time = random.milliseconds(upTo: random.chance(0.5) ? 2000 : 100_000)
    world.after(random.milliseconds(upTo: 3000)) { world.jump(by: time) }
  }

  /// For a while there are few descriptors left, or none.
  private mutating func scheduleExhaustion(_ kernel: FakeKernel, _ world: FakeWorld) {
    let start = random.milliseconds(upTo: 2000)
    let spare = Int.random(in: 0...4, using: &random)
    let before = kernel.descriptorLimit
    world.after(start) { kernel.descriptorLimit = kernel.openDescriptors.count + spare }
    world.after(start + random.milliseconds(upTo: 1500)) { kernel.descriptorLimit = before }
  }

  /// One call fails as calls fail on a machine that lacks memory, or whose network has gone.
  private mutating func scheduleFailure(_ kernel: FakeKernel, _ world: FakeWorld) {
    let (call, codes) = Self.failures.randomElement(using: &random)!
    let code = codes.randomElement(using: &random)!
    let successes = Int.random(in: 0...5, using: &random)
    world.after(random.milliseconds(upTo: 3000)) {
      kernel.fail(call, with: code, after: successes)
    }
  }

  private static let failures: [(FakeKernel.Call, [Int32])] = [
    (.accept, [ENOBUFS, ENOMEM, ENFILE, EPERM, ECONNABORTED]),
    (.connect, [ENETUNREACH, EADDRNOTAVAIL, EAGAIN, ENOBUFS, EPERM]),
    (.receive, [ECONNRESET, ETIMEDOUT, ENOMEM, EHOSTUNREACH]),
    (.send, [EPIPE, ECONNRESET, ENOBUFS, ENOMEM]),
    (.socket, [EMFILE, ENFILE, ENOBUFS, ENOMEM]),
    (.watch, [ENOMEM, ENOSPC]),
  ]

  /// In some worlds few clients may be connected at once.
  func drawConnections() -> Int {
    var own = random
    own = SeededRandom(seed: ~own.next())
    return !isPeaceful && own.chance(0.15) ? Int.random(in: 1...6, using: &own) : .max
  }

  /// In some worlds upstream has a name, with addresses of which some lead nowhere.
  mutating func drawNames(_ options: inout RelayOptions) -> SeededNames? {
    guard random.chance(0.3) else { return nil }
    options.upstreams[0].endpoints = [.named("up.test")]
    let known = SocketAddress.loopback(port: 8000)
    let silent = SocketAddress(host: .v4([192, 0, 2, 1]), port: 8000)
    let refusing = SocketAddress(host: .v4([127, 0, 0, 2]), port: 8000)
    var addresses = [known]
    if random.chance(0.3) { addresses.insert(silent, at: 0) }
    if random.chance(0.3) { addresses.insert(refusing, at: 0) }
    return SeededNames(
      addresses: addresses, silent: silent,
      delay: random.milliseconds(upTo: isPeaceful ? 300 : 2500),
      failures: isPeaceful ? 0 : 0.2, silences: isPeaceful ? 0 : 0.1, random)
  }
}

/// A name service that answers late, wrongly or never, as the seed says.
///
/// Unchecked: `NameService` is made for other threads, but a fake world has one only.
final class SeededNames: NameService, @unchecked Sendable {
  private let addresses: [SocketAddress]
  let silent: SocketAddress
  private let delay: Duration
  private let failures: Double
  private let silences: Double
  private var random: SeededRandom
  private var open: [@Sendable (Resolution) -> Void] = []
  private var isClosed = false
  unowned var world: FakeWorld!

  init(
    addresses: [SocketAddress], silent: SocketAddress, delay: Duration, failures: Double,
    silences: Double, _ random: SeededRandom
  ) {
    (self.addresses, self.silent, self.delay) = (addresses, silent, delay)
    (self.failures, self.silences, self.random) = (failures, silences, random)
  }

  func resolve(
    _ host: String, port: UInt16, reply: @escaping @Sendable (Resolution) -> Void
  ) {
    if isClosed { return reply(.failed("too late")) }
    if random.chance(silences) { return open.append(reply) }
    let answer: Resolution =
      random.chance(failures) ? .failed("the name server is unwell") : .addresses(addresses)
    world.after(delay) { reply(answer) }
  }

  /// Answers what has been left unanswered, as a resolver's threads do some day.
  func close() {
    isClosed = true
    for reply in open { reply(.failed("too late")) }
    open = []
  }
}
