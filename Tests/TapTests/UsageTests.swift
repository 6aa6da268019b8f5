// Goal: reported tokens partition as each provider means them. Method: small reports with the sums
// worked out by hand.

import Tap
import Testing

@Suite("Token usage")
struct UsageTests {
  private func usage(
    _ input: Int64?, _ output: Int64?, cached: Int64? = nil, write: Int64? = nil,
    reasoning: Int64? = nil, total: Int64? = nil
  ) -> TokenUsage {
    var usage = TokenUsage()
    usage.input = input
    usage.output = output
    usage.cachedInput = cached
    usage.cacheWriteInput = write
    usage.reasoning = reasoning
    usage.total = total
    return usage
  }

  private func parts(_ partition: TokenPartition) -> [Int64] {
    [
      partition.uncached, partition.cacheRead, partition.cacheWrite, partition.response,
      partition.reasoning,
    ]
  }

  @Test("OpenAI's counts include cached and reasoning tokens")
  func inclusive() {
    let partition = TokenPartition(
      usage(100, 50, cached: 30, reasoning: 20, total: 150), rule: .inclusive)
    #expect(parts(partition) == [70, 30, 0, 30, 20])
    #expect(partition.input == 100 && partition.output == 50)
  }

  @Test("xAI's total shows that reasoning comes on top")
  func added() {
    let partition = TokenPartition(
      usage(100, 50, reasoning: 20, total: 170), rule: .inclusive)
    #expect(parts(partition) == [100, 0, 0, 50, 20])
  }

  @Test("Anthropic's input excludes what the cache served and took")
  func exclusive() {
    let partition = TokenPartition(
      usage(10, 50, cached: 30, write: 40, reasoning: 5), rule: .exclusiveInput)
    #expect(parts(partition) == [10, 30, 40, 45, 5])
    #expect(partition.input == 80)
  }

  @Test("Gemini's output excludes its thoughts")
  func thoughts() {
    let partition = TokenPartition(
      usage(10, 50, cached: 4, reasoning: 20), rule: .exclusiveOutput)
    #expect(parts(partition) == [6, 4, 0, 50, 20])
  }

  @Test("a kind that would be negative is nothing, and is counted")
  func negative() {
    let partition = TokenPartition(usage(10, 5, cached: 30, reasoning: 9), rule: .inclusive)
    #expect(parts(partition) == [0, 30, 0, 0, 9])
    #expect(partition.negatives == 2)
    #expect(TokenPartition(usage(nil, nil), rule: .inclusive).negatives == 0)
  }

  @Test("later reports replace earlier ones, and nulls replace nothing")
  func cumulative() {
    let facts = Replay().facts(
      """
      data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}

      data: {"choices":[],"usage":null}

      data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}

      data: [DONE]


      """)
    #expect(facts.usage.input == 5 && facts.usage.output == 3)
    #expect(facts.usageSource == .reported)
  }

  @Test("without the stream's end a report is partial, without a report it is missing")
  func sources() {
    let report = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5}}\n\n"
    #expect(Replay().facts(report).usageSource == .partial)
    #expect(Replay().facts("data: [DONE]\n\n").usageSource == .missing)
  }
}
