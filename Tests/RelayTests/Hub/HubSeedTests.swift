// Kept streams under seeds: whoever leaves, comes back, stalls or stops whatever, nobody reads a
// byte that was not sent there, and a whole answer is the whole.

internal import Connections
internal import FakeKernel
internal import Foundation
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import TestSupport
internal import Testing

@Suite struct HubSeedTests {
  private static let count =
    ProcessInfo.processInfo.environment["WEIR_SEEDS"].flatMap { Int($0) } ?? 200

  // Goal: prefix and resume are the original for every reader in every world; an answer that looks
  // whole is; one outcome for the exchange; memory under its bound; everything given back.
  // Method: per seed two loops, one stream whose provider may break off, a client that may leave,
  // and readers who come at any time and ask for what follows any event, at any pace.
  @Test func everyReaderReadsTheOriginal() throws {
    var outcomes: Set<String> = []
    var (whole, numbered) = (0, 0)
    for seed in 1...UInt64(Self.count) {
      let world = try HubWorld(seed: seed)
      world.run()
      outcomes.formUnion(world.stage.endings)
      whole += world.wholeAnswers
      numbered += world.numberedAnswers
      guard world.faults.isEmpty else {
        Issue.record("seed \(seed)\n\(world.faults.joined(separator: "\n"))\n\(world.stage.world)")
        return
      }
      world.stage.close()
    }
    // Worlds in which too little happens would prove nothing.
    #expect(whole > Self.count / 2 && numbered > Self.count / 8)
    #expect(outcomes.contains("completed - - 200"))
    #expect(outcomes.contains { $0.hasPrefix("client_gone_") })
  }
}

/// One stream and its readers.
private final class HubWorld {
  let stage: RelayHarness
  private(set) var faults: [String] = []
  private(set) var wholeAnswers = 0
  private(set) var numberedAnswers = 0
  private var random: SeededRandom
  private let upstream: ScriptedUpstream
  private let client: FakePeer
  private let options: RelayOptions
  private var readers: [(peer: FakePeer, event: Int, isNumbered: Bool)] = []
  /// The stream's events, and what of them upstream sends.
  private let events: [String]
  private var isBroken = false

  init(seed: UInt64) throws {
    random = SeededRandom(seed: seed)
    options = .drawn(&random)
    events = Self.drawEvents(&random)
    stage = try RelayHarness(
      options, loopCount: 2, seed: seed, weather: .drawn(from: seed, upTo: .breezy))
    upstream = try stage.upstream()
    client = stage.client(Get.asked())
  }

  private static func drawEvents(_ random: inout SeededRandom) -> [String] {
    let end = ["\n", "\r\n", "\r"].randomElement(using: &random)!
    return (1...Int.random(in: 1...60, using: &random)).map { number in
      let comment = random.chance(0.1) ? ": ping\(end)\(end)" : ""
      let size = random.chance(0.1) ? 4000 : Int.random(in: 0...300, using: &random)
      let own = random.chance(0.1) ? "id: own\(end)" : ""
      return "\(comment)\(own)data: \(number)\(String(repeating: "x", count: size))\(end)\(end)"
    }
  }

  func run() {
    stage.run(for: .seconds(2)) { upstream.connections.first?.received.isEmpty == false }
    guard let provider = upstream.connections.first else { return }
    provider.send(eventHead)
    stage.run(for: .seconds(2)) { client.streamID != "none" }
    scheduleStream(provider)
    for _ in 0..<Int.random(in: 1...6, using: &random) { scheduleReader() }
    if random.chance(0.5) { scheduleLeaving() }
    stage.run(for: .seconds(30)) {
      if stage.streams.figures.bytes > options.hub.bounds.memoryBytes {
        faults.append("more memory than its bound")
      }
      return !faults.isEmpty
    }
    for reader in readers { check(reader) }
    if stage.endings.count != 1 { faults.append("endings: \(stage.endings)") }
  }

  /// Sends the events in pieces that end anywhere, with pauses.
  private func scheduleStream(_ provider: FakePeer) {
    isBroken = random.chance(0.2)
    var rest = Array(events.joined().utf8)[...]
    if isBroken { rest = rest.prefix(Int.random(in: 0...rest.count, using: &random)) }
    var due = stage.world.now
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...2000, using: &random))
      rest = rest.dropFirst(piece.count)
      due = due + random.milliseconds(upTo: 200)
      let wire = Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
      stage.world.at(due) { provider.send(wire) }
    }
    let isBroken = isBroken
    stage.world.at(due) { isBroken ? provider.closeWhenSent() : provider.send(lastChunk) }
  }

  private func scheduleReader() {
    let event = random.chance(0.3) ? 0 : Int.random(in: 0...events.count, using: &random)
    let isNumbered = random.chance(0.3)
    let pace =
      random.chance(0.3)
      ? FakePeer.Pace(
        bytes: Int.random(in: 100...3000, using: &random), every: random.milliseconds(upTo: 50))
      : nil
    let leaves = random.chance(0.2) ? random.milliseconds(upTo: 2000) : nil
    stage.world.after(random.milliseconds(upTo: 4000)) { [unowned self] in
      let target = "/weir/streams/\(client.streamID)?after=\(event)&ids=\(isNumbered ? 1 : 0)"
      let reader = stage.client(Get.asked(target))
      reader.pace = pace
      readers.append((reader, event, isNumbered))
      if let leaves { stage.world.after(leaves) { reader.close() } }
    }
  }

  private func scheduleLeaving() {
    let isStopped = random.chance(0.3)
    stage.world.after(random.milliseconds(upTo: 3000)) { [unowned self] in
      if isStopped {
        _ = stage.client("DELETE /weir/streams/\(client.streamID) HTTP/1.1\r\nHost: weir\r\n\r\n")
      } else {
        client.close()
      }
    }
  }

  private func check(_ reader: (peer: FakePeer, event: Int, isNumbered: Bool)) {
    let answer = reader.peer.answer
    guard answer.head.utf8.count < reader.peer.received.count else { return }
    guard answer.status == "200" else {
      if answer.field("x-weir-error") != "evicted" { faults.append("answered \(answer.head)") }
      return
    }
    let rest = events.dropFirst(reader.event).enumerated().map { offset, event in
      reader.isNumbered ? numbered(event, reader.event + 1 + offset) : event
    }.joined()
    guard Array(rest.utf8).starts(with: answer.body.utf8) else {
      return faults.append("after \(reader.event) came \(answer.body.prefix(300))")
    }
    guard answer.isWhole else { return }
    wholeAnswers += 1
    if reader.isNumbered { numberedAnswers += 1 }
    if !answer.body.utf8.elementsEqual(rest.utf8) {
      faults.append("after \(reader.event) a part came to a proper end")
    }
    if isBroken { faults.append("a broken stream came to a proper end") }
  }

  private func numbered(_ event: String, _ number: Int) -> String {
    let bytes = Array(event.utf8)
    let blank = bytes.suffix(2) == [13, 10] ? 2 : 1
    return String(decoding: bytes.dropLast(blank), as: UTF8.self) + "id: \(number)\n"
      + String(decoding: bytes.suffix(blank), as: UTF8.self)
  }
}

extension RelayOptions {
  fileprivate static func drawn(_ random: inout SeededRandom) -> RelayOptions {
    let continues = random.chance(0.6)
    return .keeping(continues: continues) { options in
      options.relayBufferBytes = [1024, 5000, 65_536].randomElement(using: &random)!
      options.server.slowClientTimeout = .seconds(60)
      options.upstreams[0].idleTimeout = .seconds(60)
      options.hub.lag.action = random.chance(0.5) ? .drop : .wait
      options.hub.lag.limitBytes = [3000, 1 << 20].randomElement(using: &random)!
      options.hub.lag.waitNanoseconds = 500_000_000
      options.hub.bounds.streamBytes = [8000, 4 << 20].randomElement(using: &random)!
      options.hub.bounds.memoryBytes = 1 << 20
    }
  }
}
