// What each kind of work costs in instructions, as it was when somebody last wrote it down: a file
// beside the sources, so that a slow-down shows in review or fails the check.

/// A text of lines `name instructions`; `#` begins a comment.
struct InstructionBook {
  /// How far a count may lie above what is written.
  static let tolerancePercent = 3.0

  private(set) var counts: [String: Double] = [:]

  init(_ counts: [String: Double]) { self.counts = counts }

  /// Throws for a line that is no entry.
  init(parsing text: String) throws(BenchError) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      guard words.count == 2, let count = Double(words[1]), count > 0 else {
        throw BenchError("the book of instructions has a line that is no entry: \(line)")
      }
      counts[String(words[0])] = count
    }
  }

  /// In the order of `names`.
  func text(_ names: [String]) -> String {
    let head = """
      # Instructions that weir itself executes, the kernel's not among them, counted by callgrind.
      # `make regression` compares with this file; `make regression UPDATE=1` writes it.

      """
    return head
      + names.compactMap { name in counts[name].map { "\(name) \($0.text(digits: 0))\n" } }.joined()
  }

  enum Verdict: Equatable {
    case same, slower, faster, unknown
  }

  func verdict(_ name: String, _ count: Double) -> Verdict {
    guard let written = counts[name] else { return .unknown }
    let change = percent(count, of: written)
    if change > Self.tolerancePercent { return .slower }
    return change < -Self.tolerancePercent ? .faster : .same
  }

  /// `+1.2 %`, or nothing if the name is not in the book.
  func change(_ name: String, _ count: Double) -> String {
    guard let written = counts[name] else { return "" }
    let change = percent(count, of: written)
    return (change >= 0 ? "+" : "") + change.text(digits: 1) + " %"
  }

  private func percent(_ count: Double, of written: Double) -> Double {
    100 * (count - written) / written
  }
}
