// What the books, the log and the tests learn of an exchange when it has ended.

package import IO
package import Telemetry

package struct ExchangeSummary: Sendable {
  package var verdict: Verdict
  /// The same and more, as metrics and logs take it.
  package var record: ExchangeRecord
  /// What the client saw; nil if it saw no head.
  package var status: Int?
  package var start: Instant
  package var end: Instant
  /// Payload bytes, without chunk framing.
  package var requestBodyBytes: UInt64 = 0
  package var responseBodyBytes: UInt64 = 0
  package var pausesOfUpstream = 0
  package var pausesOfClient = 0
  package var attempts = 0
  package var reusedConnection = false

  /// nil where no route matched.
  package var route: String? { record.route == Relay.noRoute ? nil : record.route }
  package var upstream: String? { record.upstream }
}

/// Is told of every exchange, on the loop's thread.
package protocol RelayObserver: AnyObject {
  /// A request head was read, or refused.
  func exchangeAccepted()
  /// Exactly once for each accepted one.
  func exchangeEnded(_ summary: ExchangeSummary)
}
