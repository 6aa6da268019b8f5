// What a simulated provider says is left of its rate limits, in the fields of the providers that say so.
// It says it and does nothing about it: a 429 comes where a scenario asks for one.

internal import IO
internal import Wire

/// What is left of a minute's allowance, which is given anew each minute.
struct RateBucket {
  let limit: Int
  private var left: Int
  private var began: Instant?
  private static let window = Duration.seconds(60)

  init(_ limit: Int) {
    self.limit = limit
    left = limit
  }

  /// Takes `amount` and returns what remains, 0 at least.
  mutating func take(_ amount: Int, at now: Instant) -> Int {
    if began.map({ now >= $0 + Self.window }) ?? true { (began, left) = (now, limit) }
    left = max(0, left - amount)
    return left
  }
}

/// The limits of one provider, shared by all its APIs.
struct RateLimits {
  private var requests = RateBucket(600)
  private var inputTokens = RateBucket(200_000)
  private var outputTokens = RateBucket(80_000)
  /// As providers do, it takes an estimate when the request comes and puts nothing back.
  private static let outputEstimate = 100
  private static let bytesPerToken = 4

  /// What is left once a request has been counted.
  struct Left {
    fileprivate let requests, inputTokens, outputTokens: (limit: Int, left: Int)
  }

  mutating func count(bodyBytes: Int, at now: Instant) -> Left {
    let input = (bodyBytes + Self.bytesPerToken - 1) / Self.bytesPerToken
    return Left(
      requests: (requests.limit, requests.take(1, at: now)),
      inputTokens: (inputTokens.limit, inputTokens.take(input, at: now)),
      outputTokens: (outputTokens.limit, outputTokens.take(Self.outputEstimate, at: now)))
  }
}

extension RateLimits.Left {
  private var tokens: (limit: Int, left: Int) {
    (inputTokens.limit + outputTokens.limit, inputTokens.left + outputTokens.left)
  }

  /// OpenAI and Anthropic say it with each answer, under names of their own; Gemini and Ollama do not.
  func write(of api: ProviderAPI, to writer: inout HeadWriter) {
    switch api {
    case .chatCompletions, .responses:
      writer.field("x-ratelimit-limit-requests", requests.limit)
      writer.field("x-ratelimit-remaining-requests", requests.left)
      writer.field("x-ratelimit-limit-tokens", tokens.limit)
      writer.field("x-ratelimit-remaining-tokens", tokens.left)
    case .messages:
      writer.field("anthropic-ratelimit-requests-limit", requests.limit)
      writer.field("anthropic-ratelimit-requests-remaining", requests.left)
      writer.field("anthropic-ratelimit-tokens-limit", tokens.limit)
      writer.field("anthropic-ratelimit-tokens-remaining", tokens.left)
      writer.field("anthropic-ratelimit-input-tokens-limit", inputTokens.limit)
      writer.field("anthropic-ratelimit-input-tokens-remaining", inputTokens.left)
      writer.field("anthropic-ratelimit-output-tokens-limit", outputTokens.limit)
      writer.field("anthropic-ratelimit-output-tokens-remaining", outputTokens.left)
    case .geminiStream, .geminiPlain, .ollamaChat: break
    }
  }
}
