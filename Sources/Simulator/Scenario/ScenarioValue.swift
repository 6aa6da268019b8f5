// One header's text, read as what its header wants.

struct ScenarioValue {
  let field: ScenarioField
  let text: String

  private var refusal: ScenarioError { ScenarioError(field, value: text) }

  func flag() throws(ScenarioError) -> Bool {
    switch text {
    case "1": return true
    case "0": return false
    default: throw refusal
    }
  }

  func number(in range: ClosedRange<Int>) throws(ScenarioError) -> Int {
    guard let number = Int(digits: text), range.contains(number) else { throw refusal }
    return number
  }

  func choice<Value>(_ value: (String) -> Value?) throws(ScenarioError) -> Value {
    guard let value = value(text) else { throw refusal }
    return value
  }

  /// A whole number with a unit, such as `200ms`.
  func duration() throws(ScenarioError) -> Duration {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits: digits), number <= 3_600_000_000 else { throw refusal }
    let duration: Duration
    switch text.dropFirst(digits.count) {
    case "us": duration = .microseconds(number)
    case "ms": duration = .milliseconds(number)
    case "s": duration = .seconds(number)
    case "m": duration = .seconds(number * 60)
    default: throw refusal
    }
    guard duration <= Scenario.longestDelay else { throw refusal }
    return duration
  }

  /// Names lead to files, and are not to lead out of their folder.
  func recordingName() throws(ScenarioError) -> String {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard !text.isEmpty, !parts.contains(".."), !parts.contains("") else { throw refusal }
    return text
  }

  func chunking() throws(ScenarioError) -> Chunking {
    switch text {
    case "whole": return .whole
    case "event": return .event
    case "byte": return .byte
    case "random": return .random(seed: 1)
    default: break
    }
    if text.hasPrefix("random:"), let seed = Int(digits: text.dropFirst(7)) {
      return .random(seed: UInt64(seed))
    }
    if text.hasSuffix("-per-write"), let count = Int(digits: text.dropLast(10)),
      (1...4096).contains(count)
    {
      return .perWrite(count)
    }
    throw refusal
  }
}

extension Int {
  /// ASCII digits alone: no sign, no white space.
  fileprivate init?(digits: some StringProtocol) {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    self.init(digits)
  }
}
