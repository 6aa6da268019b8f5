// The whole relay under thousands of seeds: whatever clients, upstream and the network do, the
// promises hold that weir makes about every exchange.

internal import Foundation
internal import RelayWorld
internal import TestSupport
internal import Testing

/// `WEIR_SEEDS` asks for more worlds than the usual number; `WEIR_SEED` runs one again.
private enum Seeds {
  static let groups = 8
  static let count = SeedCount.orUsual(1500)
  static let only = ProcessInfo.processInfo.environment["WEIR_SEED"].flatMap { Int($0) }

  static func group(_ group: Int) -> [UInt64] {
    if let only { return group == 0 ? [UInt64(only)] : [] }
    return stride(from: group, to: count, by: groups).map { UInt64($0) }
  }
}

@Suite struct RelaySeedTests {
  // Goal: bytes out are bytes in, and no cut answer looks whole; each accepted request ends once;
  // requests are repeated only where that does no harm; buffers and streams stay under their
  // limits, and every permit comes back; the loops never spin, make no call on a closed descriptor,
  // and give everything back.
  // Method: per seed a world of two loops, up to six clients and an upstream with faults, stream
  // limits, reloads and drains in the weather that the seed draws. In a third of the worlds some
  // streams are kept, and have readers, sockets and people who would stop them. A third of the
  // worlds is peaceful: there every answer must arrive whole. A failure prints its seed, the world
  // and its last calls.
  @Test(arguments: 0..<Seeds.groups)
  func everyPromiseHolds(_ group: Int) throws {
    var outcomes: Set<Substring> = []
    var wholeAnswers = 0
    var waitingWorlds = 0
    var wholeReadings = 0
    for seed in Seeds.group(group) {
      let world = try SeededWorld(seed: seed)
      world.run()
      outcomes.formUnion(world.endings.compactMap { $0.split(separator: " ").first })
      wholeAnswers += world.wholeAnswers
      wholeReadings += world.wholeReadings
      if world.mostQueued > 0 { waitingWorlds += 1 }
      guard world.faults.isEmpty else {
        Issue.record("WEIR_SEED=\(seed)\n\(world.faults.joined(separator: "\n"))")
        return
      }
    }
    // Worlds in which too little happens would prove nothing.
    guard Seeds.only == nil, Seeds.count >= 1500 else { return }
    #expect(wholeAnswers > Seeds.count / Seeds.groups)
    #expect(wholeReadings > Seeds.count / Seeds.groups / 2)
    #expect(waitingWorlds > Seeds.count / Seeds.groups / 10)
    #expect(
      outcomes.isSuperset(of: [
        "completed", "invalid_request", "rejected", "client_gone_before_first_token",
        "client_gone_mid_stream", "connect_failed", "upstream_reset",
        "upstream_malformed", "upstream_timeout", "upstream_stalled", "upstream_http_error",
      ]), "only \(outcomes.sorted())")
  }
}
