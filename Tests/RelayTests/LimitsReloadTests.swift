// Limits that change while streams run under them.

internal import FakeKernel
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

@Suite struct LimitsReloadTests {
  private func options(_ maxStreams: Int, queue: Int = 9) -> RelayOptions {
    .limited([.of(maxStreams, queue: queue)])
  }

  // Goal: raising a limit admits those who wait, at once.
  // Method: three waiters, and a limit that goes from one to three.
  @Test func raisingAdmits() throws {
    let stage = try RelayHarness(options(1))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for _ in 0..<4 { _ = stage.client(Get.asked()) }
    stage.settle()
    stage.expect(inUse: 1, queued: 3)
    stage.apply(options(3))
    stage.settle()
    stage.expect(inUse: 3, queued: 1)
    #expect(upstream.connections.count == 3)
    #expect(stage.endings == [])
  }

  // Goal: lowering a limit cuts nobody, and admits nobody until use has fallen below.
  // Method: from three to one, with one who waits; the streams end one after the other.
  @Test func loweringCutsNobody() throws {
    let stage = try RelayHarness(options(3))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for _ in 0..<4 { _ = stage.client(Get.asked()) }
    stage.settle()
    stage.apply(options(1))
    stage.settle()
    stage.expect(inUse: 3, queued: 1)
    for left in [2, 1] {
      upstream[left].send(ok(""))
      stage.settle()
      stage.expect(inUse: left, queued: 1)
    }
    upstream[0].send(ok(""))
    stage.settle()
    stage.expect(inUse: 1, queued: 0)
    #expect(stage.endings == Array(repeating: "completed - - 200", count: 3))
  }

  // Goal: a limit that a reload removes lets everybody in; what was taken still comes back.
  // Method: without the limit and its name in the route; then with it again.
  @Test func removingAndAddingAgain() throws {
    let stage = try RelayHarness(options(1))
    defer { stage.close() }
    let upstream = try stage.upstream()
    for _ in 0..<2 { _ = stage.client(Get.asked()) }
    stage.settle()
    stage.apply(.scenario())
    _ = stage.client(Get.asked())
    stage.settle()
    #expect(upstream.connections.count == 3)
    #expect(stage.limit("total").inUse == 2)
    stage.apply(options(1))
    upstream[0].send(ok(""))
    stage.settle()
    stage.expect(inUse: 1)
    _ = stage.client(Get.asked())
    stage.settle()
    stage.expect(inUse: 1, queued: 1)
  }
}
