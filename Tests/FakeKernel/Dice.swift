// The one source of chance in a fake world. The same seed gives the same draws, so that a failure
// found among thousands of seeds happens again.

internal import IO

/// Steele, Lea and Flood's SplitMix64: one word of state, and any seed is a good one.
struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  /// True with this probability. Certainties draw nothing.
  mutating func chance(_ probability: Double) -> Bool {
    guard probability > 0 else { return false }
    return Double(next() >> 11) * 0x1p-53 < probability
  }

  mutating func number(in range: ClosedRange<Int>) -> Int {
    range.lowerBound == range.upperBound ? range.lowerBound : Int.random(in: range, using: &self)
  }

  /// A whole number of nanoseconds within `range`.
  mutating func duration(in range: ClosedRange<Duration>) -> Duration {
    let low = Int(range.lowerBound.wholeNanoseconds)
    let high = Int(range.upperBound.wholeNanoseconds)
    return .nanoseconds(number(in: low...high))
  }
}
