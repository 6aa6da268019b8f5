// What one loop lends for a look at its streams, between two of its events.

package import Relay
package import Telemetry

package struct LoopStreams: Sendable {
  package var loop: Int
  package var requestIDs: RequestIDs
  /// Exchanges that are open, those that did not fit into `open` included.
  package var openCount = 0
  package var open: [StreamReading] = []
  /// Those that ended since the last look, oldest first.
  package var ended: [ExchangeRecord] = []
  /// How many have ended since the start; where the next look goes on.
  package var endedCount: UInt64 = 0
  /// What the loop has counted since it last lent.
  package var counted = MetricsSnapshot()

  package init(loop: Int, requestIDs: RequestIDs) {
    self.loop = loop
    self.requestIDs = requestIDs
  }
}
