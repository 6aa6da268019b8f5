// The side path and the books name the same closed sets, and each room has its own copy: here one is
// turned into the other, without a comparison of words for each exchange.

/// What each case of a closed set is called in another; by words, once, when it is made.
struct LabelTable<Own, Other>: Sendable
where Own: CaseIterable & RawRepresentable<String>, Other: RawRepresentable<String> & Sendable {
  private let others: [Other]

  init() {
    precondition(MemoryLayout<Own>.size == 1, "a closed set is an enum of two cases or more")
    others = Own.allCases.map { Other(rawValue: $0.rawValue)! }
  }

  subscript(own: Own) -> Other {
    // An enum without payloads is its case's number in memory (Swift ABI, "Fragile Enum Layout").
    others[Int(unsafeBitCast(own, to: UInt8.self))]
  }
}
