// Plain answers of one kind mostly differ in some texts and numbers alone. What a scanner found in one of
// them is told again for the next, with those values in their places that are others.

internal import Wire

/// All that was found in one answer, and where another like it may differ.
///
/// The invariant: for any body that it reads, the scanner would have found the same in the same order. So a
/// template may be forgotten, or never made, at any time, and no fact changes.
final class BodyTemplate: Sendable {
  /// Holds no reference: ten are told for each answer, and counting references would cost more than
  /// telling them.
  private struct Finding: Sendable {
    let match: JSONMatch
    /// What was captured of it, as a place in `texts`.
    let text: Range<Int>
    /// The pattern's gap that it stands in; -1 for what is the same in every body.
    let gap: Int
  }

  /// What is as long as this may have been cut, or would be by some scanners and not by others.
  fileprivate static let captureLimitBytes = 256

  let dialect: Dialect
  private let pattern: JSONPattern
  private let findings: [Finding]
  private let texts: [UInt8]
  /// What all of them come to, for bodies of which little differs.
  let told: ToldBody?

  /// Makes a template of a whole body; nil if it is too long, or holds what cannot be told again.
  init?(of body: Span<UInt8>, in dialect: Dialect) {
    guard body.count <= JSONPattern.limitBytes,
      let values = JSONPattern.values(of: body, in: 0..<body.count),
      values.count <= JSONPattern.gapLimit,
      let pattern = JSONPattern(body, gaps: values.map { ($0, JSONPattern.uncounted) }),
      let (findings, texts) = Self.findings(in: body, dialect.body, values)
    else { return nil }
    self.dialect = dialect
    self.pattern = pattern
    self.findings = findings
    self.texts = texts
    told = ToldBody(
      findings.map { ($0.match, Array(texts[$0.text]), $0.gap) }, gaps: values.count, dialect)
  }

  private static func findings(
    in body: Span<UInt8>, _ table: JSONPathTable, _ values: [JSONPattern.Value]
  ) -> ([Finding], texts: [UInt8])? {
    var scanner = JSONScanner(table)
    var texts: [UInt8] = []
    var found: [Finding] = []
    var position = 0
    while let match = scanner.next(body, from: &position) {
      switch match.kind {
      case .stringPiece: return nil
      // Its length counts, and with it those of all values in it.
      case .objectEnded, .arrayEnded: if match.count > 0 { return nil }
      default: break
      }
      guard found.count < findingLimit else { return nil }
      let isValue = match.kind == .string || match.kind == .number
      guard isValue, let gap = values.firstIndex(where: { $0.end == position }) else {
        found.append(Finding(match: match, text: 0..<0, gap: -1))
        continue
      }
      let raw = body.extracting(values[gap].range)
      let isWhole = raw.count < captureLimitBytes && !raw.contains(UInt8(ascii: "\\"))
      guard !match.isCaptured || isWhole, match.kind == .string || match.integer != nil
      else { return nil }
      // The pattern has an empty string there, and so has the finding.
      let isKept = JSONPattern.keeps(values[gap])
      let start = texts.count
      if isKept && match.isCaptured { texts.append(copying: raw) }
      found.append(
        Finding(
          match: isKept ? match : match.with(count: 0), text: start..<texts.count, gap: gap))
    }
    return scanner.isComplete ? (found, texts) : nil
  }

  /// Hands over what a scanner would find in `body`, if it is of this kind, and returns whether it is;
  /// otherwise nothing is left of it.
  ///
  /// - Parameter others: for use within the call; empty.
  func read(
    _ body: Span<UInt8>, _ interpreter: inout EventInterpreter, _ memory: borrowing StreamMemory,
    _ others: inout [JSONPattern.Other]
  ) -> Bool {
    guard pattern.matches(body, &others) else { return false }
    if memory.known == 0, told?.tell(others, of: body, &interpreter) ?? false { return true }
    let texts = texts
    var next = 0
    for finding in findings {
      while next < others.count, others[next].gap < finding.gap { next += 1 }
      if next == others.count || others[next].gap != finding.gap {
        interpreter.take(finding.match, texts.span.extracting(finding.text), memory)
      } else if !take(others[next], for: finding.match, body, &interpreter, memory) {
        interpreter.drop()
        return false
      }
    }
    return true
  }

  /// Returns false for a value of which only the scanner knows what it means.
  private func take(
    _ other: JSONPattern.Other, for match: JSONMatch, _ body: Span<UInt8>,
    _ interpreter: inout EventInterpreter, _ memory: borrowing StreamMemory
  ) -> Bool {
    let text = body.extracting(other.range)
    var found = match.with(count: other.scalars)
    if case .number = match.kind {
      guard let integer = text.smallInteger else { return false }
      found = match.with(integer: integer)
    }
    guard match.isCaptured else {
      interpreter.take(found, Span(), memory)
      return true
    }
    guard other.isCapturable else { return false }
    interpreter.take(found, text, memory)
    return true
  }

  private static let findingLimit = 128
}

extension JSONPattern.Other {
  /// Whether a scanner would capture the bytes that stand there.
  var isCapturable: Bool { range.count < BodyTemplate.captureLimitBytes && !isEscaped }
}

extension JSONPattern.Value {
  /// Where a scanner stands when it has read the value.
  fileprivate var end: Int { isString ? range.upperBound + 1 : range.upperBound }
}

extension Span<UInt8> {
  fileprivate func contains(_ byte: UInt8) -> Bool {
    for index in indices where self[index] == byte { return true }
    return false
  }

  /// A whole number of up to 18 digits, and nothing else.
  var smallInteger: Int64? {
    let isNegative = !isEmpty && self[0] == UInt8(ascii: "-")
    let first = isNegative ? 1 : 0
    guard (1...18).contains(count - first) else { return nil }
    var value: Int64 = 0
    for index in first..<count {
      let digit = self[index] &- 0x30
      guard digit < 10 else { return nil }
      value = value * 10 + Int64(digit)
    }
    return isNegative ? -value : value
  }
}
