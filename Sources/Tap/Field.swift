// What a value means that was found in an event, whatever its dialect calls it.

internal import Wire

/// The meanings that a dialect's paths can have. The raw value is the path's number in its table.
enum Field: UInt8 {
  // Generated output: strings count their characters, objects their length as compact JSON.
  case text = 1
  case reasoning
  /// Reasoning that repeats, or replaces, what stands at a `reasoning` path: the longer one counts.
  case reasoningAlternate
  case refusal
  case media
  case transcript
  case toolArguments
  /// Output whose kind the event's type decides.
  case delta
  /// A tool call's whole arguments, repeated when they are complete.
  case finalArguments

  // What kind of event this is.
  case eventType
  /// The type of the item or block that the event opens.
  case itemType
  case outputIndex

  // Groups whose members may come in any order.
  case choice
  case choiceIndex
  case toolCall
  case toolIndex
  case toolName
  /// An object or a name that stands for a tool call by itself.
  case openedToolCall
  /// A part whose text is reasoning if `isThought` is true in it, and nothing if `isSpecial` is.
  case part
  case isThought
  case isSpecial

  // The answer as a whole.
  case model
  case responseID
  case finishReason
  /// A reason that is more precise than what stands at `finishReason`.
  case finishDetail
  case blockReason

  // Usage.
  case inputTokens
  case outputTokens
  case cachedTokens
  case cacheWriteTokens
  case reasoningTokens
  case totalTokens

  // Errors: an object or a text at `error`, its members, and members beside it.
  case error
  case errorMessage
  case errorKind
  case errorCode
  case outerMessage
  case outerKind
  case outerCode

  // llama.cpp's older way to say why it stopped.
  case stoppedByEnd
  case stoppedByWord
  case stoppedByLimit

  // What only one provider sends.
  case marksOpenRouter
  case marksGroq
  case marksAzure
  case marksLlamaCpp
  case marksPerplexity
  case marksVLLM

  /// The Base64 text that Bedrock wraps a model's own event in.
  case wrappedBytes

  // Members of a request body.
  case requestedModel
  case requestedStream

  /// The first of the numbers of a dialect's terminals: a value there ends the stream.
  static let firstTerminal: UInt8 = 100
  /// The first of the numbers by which an unknown stream is recognised, one for each dialect.
  static let firstSignature: UInt8 = 150

  /// How a scanner must treat a value of this meaning.
  var options: JSONPathOptions {
    switch self {
    case .toolArguments: .measured
    case .eventType, .itemType, .toolName, .model, .responseID, .finishReason, .finishDetail,
      .blockReason, .errorKind, .errorCode, .outerKind, .outerCode, .openedToolCall,
      .requestedModel:
      .captured
    case .error, .errorMessage, .outerMessage: [.captured, .long]
    case .choice, .toolCall, .part: .scoped
    case .wrappedBytes: .lent
    default: []
    }
  }
}
