// One stream as one loop follows it: all its readers there, and what they share.

internal import Connections
package import Hub
internal import IO
internal import Telemetry

/// Confined to its loop; there while it has readers.
package final class StreamFeed {
  package let log: StreamLog
  unowned let desk: HubDesk
  private let number: Int
  private var readers = Roster<StreamReader>()
  /// What was read last: readers that keep up stand at the same place, so one copy serves all.
  private var lastRun: StreamRun?
  /// The same as it goes over the wire, and in which form.
  private var lastWire: (form: Int, start: Int, count: Int, bytes: [UInt8])?

  init(_ log: StreamLog, at desk: HubDesk) {
    self.log = log
    self.desk = desk
    number = log.listen(desk.ear)
  }

  package var readerCount: Int { readers.members.count }

  func join(_ reader: StreamReader) {
    readers.add(reader)
    desk.metrics.subscriberJoined()
  }

  func leave(_ reader: StreamReader) {
    readers.remove(reader)
    desk.metrics.subscriberLeft()
    guard readers.members.isEmpty else { return }
    log.stopListening(number)
    desk.close(self)
  }

  func callAgain(_ reader: StreamReader) { desk.callAgain(reader) }

  /// News has come.
  func grew() {
    let tide = log.arm(number)
    for reader in readers.members { reader.streamGrew(tide) }
  }

  func next(_ subscription: inout Subscription, atMost limit: Int) -> LogReading {
    if let lastRun, subscription.take(lastRun, atMost: limit) { return .run(lastRun) }
    let reading = subscription.next(atMost: limit)
    if case .run(let run) = reading { lastRun = run }
    return reading
  }

  /// The bytes of `run` in the caller's `form`, which `make` writes where they are not at hand.
  package func wire(
    of run: StreamRun, form: Int, make: (StreamRun) -> [UInt8]
  ) -> [UInt8] {
    if let lastWire, lastWire.form == form, lastWire.start == run.start,
      lastWire.count == run.count
    {
      return lastWire.bytes
    }
    let bytes = make(run)
    lastWire = (form, run.start, run.count, bytes)
    return bytes
  }
}
