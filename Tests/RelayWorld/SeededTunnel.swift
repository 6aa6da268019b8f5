// A client that leaves HTTP by an upgrade, sends bytes whenever a seed says, and gets each of them
// back from an upstream that echoes, in order, as far as its tunnel lasts.

internal import FakeKernel
internal import IO
internal import TestSupport

final class SeededTunnel {
  static let target = "/t"
  static let answer = Array(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n".utf8)
  static let forwardedHead =
    "GET /t HTTP/1.1\r\nHost: up.test\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"

  let peer: FakePeer
  private(set) var faults: [String] = []
  private let bytes: [UInt8]

  init(_ peer: FakePeer, _ random: inout SeededRandom) {
    self.peer = peer
    bytes = random.bytes(Int.random(in: 0...(random.chance(0.1) ? 150_000 : 3000), using: &random))
    peer.onChange = { [unowned self] _ in
      // All is back: the tunnel's proper end.
      if peer.received.count == Self.answer.count + bytes.count { peer.finish() }
    }
  }

  var isDone: Bool { peer.hasEnded || peer.failure != nil || !peer.isOpen }

  func act(in world: FakeWorld, isPeaceful: Bool, _ random: inout SeededRandom) {
    let peer = peer
    if random.chance(0.2) {
      peer.pace = FakePeer.Pace(
        bytes: Int.random(in: 200...4000, using: &random), every: random.milliseconds(upTo: 100))
    }
    peer.send(
      "GET \(Self.target) HTTP/1.1\r\nHost: weir\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
    var due = world.now
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Int.random(in: 1...max(1, rest.count), using: &random))
      rest = rest.dropFirst(part.count)
      due = due + random.milliseconds(upTo: 200)
      world.at(due) { peer.send(part) }
    }
    guard !isPeaceful, random.chance(0.4) else { return }
    let actions: [() -> Void] = [{ peer.reset() }, { peer.close() }, { peer.isReading = false }]
    world.after(random.milliseconds(upTo: 2000), actions.randomElement(using: &random)!)
  }

  /// Whether all came back.
  var isWhole: Bool { peer.received == Self.answer + bytes }

  func check() {
    let received = peer.received
    if received.starts(with: Self.answer) {
      if !bytes.starts(with: received.dropFirst(Self.answer.count)) {
        faults.append("a tunnel's bytes came back as others")
      }
    } else if !Self.answer.starts(with: received), received.endOfHead != nil,
      !String(decoding: received, as: UTF8.self).contains("x-weir-error")
    {
      faults.append("to an upgrade came \(String(decoding: received.prefix(200), as: UTF8.self))")
    }
  }
}
