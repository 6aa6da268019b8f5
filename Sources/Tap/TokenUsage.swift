// Tokens as providers report them, and as they partition into kinds that can be added up.

/// The numbers of a usage report as they came; nil where none was reported.
package struct TokenUsage: Equatable, Sendable {
  @Reported package var input: Int64?
  @Reported package var output: Int64?
  @Reported package var cachedInput: Int64?
  @Reported package var cacheWriteInput: Int64?
  @Reported package var reasoning: Int64?
  /// The sum as reported; it tells whether a provider's output includes its reasoning.
  @Reported package var total: Int64?

  package init() {}

  /// Nothing that counts was reported.
  package var isEmpty: Bool {
    input == nil && output == nil && cachedInput == nil && cacheWriteInput == nil
      && reasoning == nil
  }

  /// Reports are cumulative: what a later one says replaces what an earlier one said.
  mutating func replace(with later: TokenUsage, keepingMaximum: Bool) {
    func merged(_ old: Int64?, _ new: Int64?) -> Int64? {
      guard let new else { return old }
      return keepingMaximum ? max(old ?? 0, new) : new
    }
    input = merged(input, later.input)
    output = merged(output, later.output)
    cachedInput = merged(cachedInput, later.cachedInput)
    cacheWriteInput = merged(cacheWriteInput, later.cacheWriteInput)
    reasoning = merged(reasoning, later.reasoning)
    total = merged(total, later.total)
  }
}

/// A number that was perhaps not reported, in half the room of an optional: every open stream has
/// six.
@propertyWrapper
package struct Reported: Equatable, Sendable {
  private var number = Int64.min

  package init() {}

  package var wrappedValue: Int64? {
    get { number == .min ? nil : number }
    set { number = newValue ?? .min }
  }
}

/// What a provider's counts include.
package enum UsageRule: Sendable {
  /// Input includes what the cache served; output includes reasoning (OpenAI), unless the reported
  /// total says that it was added (xAI).
  case inclusive
  /// Input excludes what the cache served and took; output includes reasoning (Anthropic).
  case exclusiveInput
  /// Input includes what the cache served; output excludes reasoning (Gemini).
  case exclusiveOutput
}

/// Reported tokens in kinds that partition their direction.
package struct TokenPartition: Equatable, Sendable {
  package var uncached: Int64 = 0
  package var cacheRead: Int64 = 0
  package var cacheWrite: Int64 = 0
  package var response: Int64 = 0
  package var reasoning: Int64 = 0
  /// Kinds that would have come out negative and were set to 0.
  package var negatives = 0

  /// - Parameter rule: what the dialect's counts include.
  package init(_ usage: TokenUsage, rule: UsageRule) {
    cacheRead = clamped(usage.cachedInput ?? 0)
    cacheWrite = clamped(usage.cacheWriteInput ?? 0)
    reasoning = clamped(usage.reasoning ?? 0)
    let input = usage.input ?? 0
    let output = usage.output ?? 0
    switch rule {
    case .exclusiveInput: uncached = clamped(input)
    case .inclusive, .exclusiveOutput:
      uncached = usage.input == nil ? 0 : clamped(input &- cacheRead &- cacheWrite)
    }
    if rule == .exclusiveOutput || Self.addsReasoning(usage) {
      response = clamped(output)
    } else {
      response = usage.output == nil ? 0 : clamped(output &- reasoning)
    }
  }

  package var input: Int64 { uncached &+ cacheRead &+ cacheWrite }
  package var output: Int64 { response &+ reasoning }

  private mutating func clamped(_ count: Int64) -> Int64 {
    if count < 0 { negatives += 1 }
    return max(0, count)
  }

  /// xAI counts reasoning beside completion tokens, and only its total shows it.
  private static func addsReasoning(_ usage: TokenUsage) -> Bool {
    guard let total = usage.total, let reasoning = usage.reasoning, reasoning > 0 else {
      return false
    }
    return total == (usage.input ?? 0) &+ (usage.output ?? 0) &+ reasoning
  }
}

/// Where a stream's usage came from.
package enum UsageSource: String, CaseIterable, Sendable {
  /// Usage and the stream's terminal were both seen.
  case reported
  /// Usage was seen, the terminal was not.
  case partial
  case missing
}
