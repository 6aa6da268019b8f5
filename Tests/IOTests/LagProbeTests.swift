// Goal: a loop on which nothing else happens tells once a second how late it is, and tells of a stall
// once. Method: a probe on a fake kernel, and a clock that jumps.

import FakeKernel
import IO
import Testing

@Suite struct LagProbeTests {
  private final class Lags { var nanoseconds: [UInt64] = [] }

  @Test func oneReadingASecond() throws {
    let world = FakeWorld(seed: 1, weather: .calm)
    let loop = try EventLoop(kernel: world.kernel)
    world.add(loop)
    let lags = Lags()
    loop.timersRanLate = { lags.nanoseconds.append($0) }
    let probe = LagProbe(on: loop)
    defer { probe.stop() }
    world.run(for: .milliseconds(999))
    #expect(lags.nanoseconds.count == 1, "one at once")
    world.run(for: .milliseconds(9_500))
    #expect(lags.nanoseconds.count == 11)
    #expect(lags.nanoseconds.allSatisfy { $0 < 1_000_000 })
    world.jump(by: .seconds(5))
    world.run(for: .milliseconds(100))
    #expect(lags.nanoseconds.count == 12)
    #expect(lags.nanoseconds.last ?? 0 > 4_000_000_000)
    probe.stop()
    world.run(for: .seconds(5))
    #expect(lags.nanoseconds.count == 12)
  }
}
