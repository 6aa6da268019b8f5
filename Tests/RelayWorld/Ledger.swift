// What the relays told their observer, and whether it adds up at every moment.

package import Relay
internal import Tap

/// One for all loops of a world, which run on one thread.
package final class Ledger: RelayObserver {
  package private(set) var acceptedCount = 0
  package private(set) var summaries: [ExchangeSummary] = []
  /// What never may happen, in words.
  package private(set) var faults: [String] = []

  package func exchangeAccepted() { acceptedCount += 1 }

  package func exchangeEnded(_ summary: ExchangeSummary) {
    summaries.append(summary)
    if summaries.count > acceptedCount { faults.append("more exchanges ended than began") }
    if summary.end < summary.start { faults.append("an exchange ended before it began") }
    let verdict = summary.verdict
    if (verdict.outcome == .completed) != (verdict.errorType == nil) {
      faults.append("\(verdict.outcome) with error type \(verdict.errorType as Any)")
    }
    if (verdict.errorType == nil) != (verdict.origin == nil) {
      faults.append("\(verdict.outcome) with origin \(verdict.origin as Any)")
    }
  }

  /// `outcome error_type origin status` of each exchange, in the order of their ends; `-` is none.
  package var endings: [String] {
    summaries.map { summary in
      let verdict = summary.verdict
      let status = summary.status.map(String.init) ?? "-"
      return [
        verdict.outcome.rawValue, verdict.errorType?.rawValue ?? "-",
        verdict.origin?.rawValue ?? "-", status,
      ].joined(separator: " ")
    }
  }
}
