// Why the choices of an answer ended, without an array for the one choice that there nearly always is.

package struct FinishReasons: Sendable {
  /// That of the first choice.
  package private(set) var first: Label.FinishReason?
  private var counts = InlineArray<8, UInt16>(repeating: 0)

  package init() {}

  /// Notes the reason of one more choice, in the order of choices.
  package mutating func note(_ reason: Label.FinishReason) {
    if first == nil { first = reason }
    counts[reason.ordinal] &+= 1
  }

  /// How many choices ended for that reason.
  func count(of reason: Label.FinishReason) -> UInt64 { UInt64(counts[reason.ordinal]) }
}
