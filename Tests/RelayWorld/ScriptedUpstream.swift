// A provider that does what a test says, byte for byte.

package import FakeKernel
internal import IO

package final class ScriptedUpstream {
  package let listener: FakeListener

  init(in world: FakeWorld, port: UInt16) throws {
    let reads = Switch()
    listener = try world.listen(on: .loopback(port: port)) { $0.isReading = reads.isOn }
    self.reads = reads
  }

  private final class Switch {
    var isOn = true
  }

  private let reads: Switch

  /// Whether connections to come are read at first.
  package var readsAtOnce: Bool {
    get { reads.isOn }
    set { reads.isOn = newValue }
  }

  /// Every connection that weir made, in order, closed ones included.
  package var connections: [FakePeer] { listener.accepted }

  package subscript(index: Int) -> FakePeer { connections[index] }

  package func close() { listener.close() }
}

extension FakePeer {
  /// All that was received, as text.
  package var text: String { String(decoding: received, as: UTF8.self) }

  /// All that was received since the last call.
  package func takeText() -> String { String(decoding: takeReceived(), as: UTF8.self) }

  /// How the other side ended: nothing yet, properly, or by breaking off.
  package var seenEnd: String { failure != nil ? "reset" : hasEnded ? "fin" : "open" }
}
