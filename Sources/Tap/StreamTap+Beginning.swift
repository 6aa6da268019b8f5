// How a tap begins: on one body, and then perhaps on the next.

internal import Wire

extension StreamTap {
  /// Takes from the head of a body what it says. All else is as in a tap that has been made just now.
  func begin(_ request: borrowing TapRequest) {
    if let provider = request.provider {
      facts.provider = provider
    } else if path.isAzure {
      facts.provider = .azureOpenAI
    }
    if path.isEmbeddings { facts.operation = .embeddings }
    facts.isStream = status < 300 && isEvents
    if case .eventStream = framing { messages = MessageFraming() }
    if case .opaque = framing { isObserving = false }
    startDecoding(request.coding)
  }

  private var isEvents: Bool {
    switch framing {
    case .serverSentEvents, .lines, .eventStream, .jsonArray, .messages: true
    case .json, .text, .opaque: false
    }
  }

  private func startDecoding(_ coding: ContentCoding) {
    switch coding {
    case .identity: break
    case .gzip: inflate = Inflate(.gzip, expansionLimit: Self.expansionLimit)
    case .deflate: inflate = Inflate(.zlibOrRaw, expansionLimit: Self.expansionLimit)
    case .other: if isObserving { giveUp(.badEncoding) }
    }
  }

  /// JSON of tokens shrinks perhaps twentyfold; what grows more than this is made to cost time.
  private static let expansionLimit: UInt64 = 400

  // MARK: - The next body

  /// Whether `renew` is possible: after a plain body, which has touched nothing that events need, and by a path
  /// that may be kept.
  package var isRenewable: Bool {
    switch framing {
    case .json, .text: !isObserving && !path.hasQuery
    default: false
    }
  }

  /// Makes a renewable tap, that nobody else holds, one for another body: as if it had just been made,
  /// at a third of the cost. Whoever calls this has heard all that it had to say.
  package func renew(_ request: borrowing TapRequest) {
    if !path.holds(for: request) { path = supplies.read(request) }
    if memory.dialect !== path.dialect { memory.use(path.dialect) }
    memory.renew()
    facts.label(by: path.dialect)
    facts.renew()
    (status, messageLimitBytes) = (request.status, request.messageLimitBytes)
    framing = request.framing
    (isObserving, hasGivenUp, expectedEvents) = (true, false, 0)
    eventBytes = 0
    if !rawText.isEmpty { rawText = [] }
    (now, contentInRead, gap, blockedNanoseconds) = (0, false, nil, 0)
    begin(request)
  }
}
