// What tokens cost, where the settings say it.

package import Telemetry

/// US dollars for a million tokens of each kind.
package struct ModelPrice: Sendable {
  package var input: Double
  package var cachedInput: Double
  package var cacheWriteInput: Double
  package var output: Double

  package init(input: Double, cachedInput: Double, cacheWriteInput: Double, output: Double) {
    self.input = input
    self.cachedInput = cachedInput
    self.cacheWriteInput = cacheWriteInput
    self.output = output
  }

  /// In 10^-12 dollars; a million tokens at one dollar are 10^12 of them.
  package func cost(of usage: TokenUsage) -> UInt64 {
    let output = (usage.response ?? 0) &+ (usage.reasoning ?? 0)
    let dollarsPerMillion =
      Double(usage.uncached ?? 0) * input + Double(usage.cacheRead ?? 0) * cachedInput
      + Double(usage.cacheWrite ?? 0) * cacheWriteInput + Double(output) * self.output
    return UInt64(min(max(dollarsPerMillion * 1e6, 0), 1e18).rounded())
  }
}
