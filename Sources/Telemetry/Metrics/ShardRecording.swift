// What the end of an exchange adds to each family.

extension MetricsShard {
  /// Counts an exchange that has ended. It must have been `accepted` before, on whichever loop.
  package func record(_ record: ExchangeRecord) {
    let route = routeChild(record.route)
    let child = exchange(of: record)
    subtract(1, from: .requestsActive, of: route)
    countEnd(record, child)
    observeTimes(record, child)
    observeGeneration(record, route, child)
    countContent(record, child)
    countTokens(record, child)
  }

  private func countEnd(_ record: ExchangeRecord, _ child: ExchangeChild) {
    let code = Label.Code(status: record.status ?? 0)
    let place = (record.isStream ? Label.Code.allCases.count : 0) + code.ordinal
    add(
      1, to: .requests, of: child.tenant,
      at: place * Label.Outcome.allCases.count + record.outcome.ordinal)
    if let origin = record.origin, let errorType = record.errorType {
      add(
        1, to: .errors, of: child.tenant,
        at: origin.ordinal * Label.ErrorType.allCases.count + errorType.ordinal)
    }
  }

  private func observeTimes(_ record: ExchangeRecord, _ child: ExchangeChild) {
    var exemplar: (traceID: String, unixNanoseconds: UInt64)?
    if record.isTraceSampled, let traceID = record.traceID {
      exemplar = (traceID, record.endedAt)
    }
    observe(
      record.duration, in: .requestDuration, of: child.common, at: record.isStream ? 1 : 0,
      exemplar: exemplar)
    if let time = record.firstToken {
      observe(time, in: .timeToFirstToken, of: child.tenant, exemplar: exemplar)
    }
    observe(record.firstVisibleToken, .timeToFirstVisibleToken, child)
    observe(record.clientFirstToken, .clientTimeToFirstToken, child)
    observe(record.firstChunk, .timeToFirstChunk, child)
    observe(record.header, .upstreamResponseHeader, child)
  }

  private func observeGeneration(
    _ record: ExchangeRecord, _ route: MetricChild, _ child: ExchangeChild
  ) {
    observe(record.timePerOutputToken, .timePerOutputToken, child)
    observe(record.milliTokensPerSecond, .outputTokensPerSecond, child)
    if let gap = record.longestGap { observe(gap, in: .streamMaxGap, of: route) }
  }

  private func countContent(_ record: ExchangeRecord, _ child: ExchangeChild) {
    if record.isStream {
      for kind in Label.EventKind.allCases {
        add(record.events[kind], to: .events, of: child.common, at: kind.ordinal)
      }
    }
    guard record.finishReasons.first != nil else { return }
    for reason in Label.FinishReason.allCases {
      let count = record.finishReasons.count(of: reason)
      if count > 0 { add(count, to: .finishReasons, of: child.common, at: reason.ordinal) }
    }
  }

  private func countTokens(_ record: ExchangeRecord, _ child: ExchangeChild) {
    if let source = record.usageSource {
      add(1, to: .usageReports, of: child.common, at: source.ordinal)
    }
    let (input, output) = (record.usage.total(.input), record.usage.total(.output))
    guard input != nil || output != nil else { return }
    // Each named, not found in a loop: its place is a constant then.
    count(record.usage.uncached, .uncached, child)
    count(record.usage.cacheRead, .cacheRead, child)
    count(record.usage.cacheWrite, .cacheWrite, child)
    count(record.usage.response, .response, child)
    count(record.usage.reasoning, .reasoning, child)
    observe(input, of: .input, child)
    observe(output, of: .output, child)
    if let cost = record.costPicoUSD { add(cost, to: .cost, of: child.tenant) }
  }

  @inline(__always)
  private func count(_ tokens: UInt64?, _ kind: Label.TokenKind, _ child: ExchangeChild) {
    guard let tokens else { return }
    let place = kind.direction.ordinal * Label.TokenKind.allCases.count + kind.ordinal
    add(tokens, to: .tokens, of: child.tenant, at: place)
  }

  private func observe(
    _ total: UInt64?, of direction: Label.TokenDirection, _ child: ExchangeChild
  ) {
    guard let total else { return }
    observe(total, in: .requestTokens, of: child.common, at: direction.ordinal)
  }

  private func observe(_ value: UInt64?, _ id: MetricID, _ child: ExchangeChild) {
    if let value { observe(value, in: id, of: child.common) }
  }
}
