// Short requests with a JSON answer, where a proxy's cost per request shows and not per event.

import IO

extension Rig {
  /// Waits for an answer, the target's first. Returns the seconds since its start.
  func awaitFirstAnswer(
    _ subject: Subject, below prefix: String = "", patience: Duration = .seconds(10)
  ) throws(BenchError) -> Double {
    let client = RequestClient(
      to: subject.address, on: loop, keepsAlive: false, below: prefix)
    defer { client.close() }
    client.isStopping = true
    let isAnswered = try run(upTo: patience) { client.answers > 0 || client.failure != nil }
    let seconds = Double(loop.kernel.now().nanoseconds(since: subject.start)) / 1e9
    if let failure = client.failure { throw failure }
    if !isAnswered { throw BenchError("the first request was not answered") }
    _ = try run(upTo: .seconds(1)) { client.isDone }
    return seconds
  }

  func requests(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let result = try measureRequests(subject, sizes, keepsAlive: true)
    var figures: Figures = [.requestRate: result.perSecond]
    if subject.tree != nil { figures[.requestCPU] = result.microsecondsEach }
    return figures
  }

  /// Each request needs a new TLS connection upstream.
  func resumption(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let provider = subject.provider
    provider.closesAfterAnswer = true
    let (handshakes, resumptions) = (provider.handshakes, provider.resumptions)
    let result = try measureRequests(subject, sizes, keepsAlive: true)
    let made = provider.handshakes - handshakes
    return [
      .resumptionCPU: result.microsecondsEach,
      .resumedShare: 100 * Double(provider.resumptions - resumptions) / Double(max(made, 1)),
    ]
  }

  func connections(_ subject: Subject, _ sizes: Sizes) throws(BenchError) -> Figures {
    let result = try measureRequests(subject, sizes, keepsAlive: false)
    var figures: Figures = [.connectionRate: result.perSecond]
    if subject.tree != nil { figures[.connectionCPU] = result.microsecondsEach }
    return figures
  }

  private func measureRequests(
    _ subject: Subject, _ sizes: Sizes, keepsAlive: Bool
  ) throws(BenchError) -> (microsecondsEach: Double, perSecond: Double) {
    let clients = (0..<sizes.requestConnections).map { _ in
      RequestClient(to: subject.address, on: loop, keepsAlive: keepsAlive)
    }
    defer { for client in clients { client.close() } }
    usesRealTime(true, with: subject)
    defer { usesRealTime(false, with: subject) }
    func answers() -> Int { clients.reduce(0) { $0 + $1.answers } }

    try run(for: sizes.warmUp)
    let before = answers()
    let meter = Meter(subject, loop.kernel)
    try run(for: sizes.window)
    let result = try meter.read(answers() - before)

    for client in clients { client.isStopping = true }
    let allDone = try run(upTo: .seconds(10)) { clients.allSatisfy(\.isDone) }
    if let failure = clients.lazy.compactMap(\.failure).first ?? subject.provider.failure {
      throw failure
    }
    if !allDone { throw BenchError("a request was never answered") }
    return result
  }
}
