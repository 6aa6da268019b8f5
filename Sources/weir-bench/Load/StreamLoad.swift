// Many streams through one proxy: opened a few at a time, counted together.

import IO

final class StreamLoad: StreamClientOwner {
  let records: [StreamRecord]
  /// Streams that run all the time; those behind them are somebody's own affair.
  let steadyCount: Int
  private(set) var started = 0
  private(set) var ended = 0
  /// Whole events received, of all streams.
  private(set) var events = 0
  private(set) var failures = 0
  private(set) var firstFailure: BenchError?
  private var latencies = Latencies()
  private var samplesLatency = false
  private var opensByItself = false
  /// Called when events have come.
  var received: () -> Void = {}

  private let rig: Rig
  private let provider: Provider
  private let address: SocketAddress
  private var clients: [StreamClient] = []
  private static let mostUnanswered = 128

  init(_ rig: Rig, _ subject: Subject, count: Int, isStamped: Bool, besides others: Int = 0) {
    self.rig = rig
    provider = subject.provider
    address = subject.address
    steadyCount = count
    records = (0..<count + others).map {
      StreamRecord(number: $0, pattern: rig.pattern, isStamped: isStamped)
    }
    provider.records = records
  }

  /// Opens all streams; on return every one has its response head.
  func open() throws(BenchError) {
    opensByItself = true
    openMore()
    let all = try rig.run(upTo: .seconds(60)) { started == records.count || firstFailure != nil }
    try check()
    if !all { throw BenchError("only \(started) of \(records.count) streams began") }
  }

  /// Opens one more stream; returns whether there was one left.
  func openOne() -> Bool {
    guard clients.count < records.count else { return false }
    let record = records[clients.count]
    clients.append(StreamClient(record, to: address, on: rig.loop, owner: self))
    return true
  }

  private func openMore() {
    guard opensByItself else { return }
    while clients.count < min(records.count, started + Self.mostUnanswered) {
      let record = records[clients.count]
      clients.append(StreamClient(record, to: address, on: rig.loop, owner: self))
    }
  }

  func check() throws(BenchError) {
    guard let failure = firstFailure ?? provider.failure else { return }
    throw BenchError("\(failure)" + (failures > 1 ? " (\(failures) streams failed)" : ""))
  }

  /// Waits until the clients have all events that were sent.
  func settle(patience: Duration = .seconds(20)) throws(BenchError) {
    let sent = records.reduce(0) { $0 + $1.sentEvents }
    let all = try rig.run(upTo: patience) { events == sent || firstFailure != nil }
    try check()
    if !all { throw BenchError("\(sent - events) events of \(sent) never came") }
  }

  /// Ends all streams properly; throws unless each is complete.
  func finish() throws(BenchError) {
    for record in records where !record.isFinished { record.finish() }
    let all = try rig.run(upTo: .seconds(20)) { ended == records.count || firstFailure != nil }
    try check()
    if !all { throw BenchError("\(records.count - ended) streams did not end") }
  }

  func startSampling() {
    latencies.removeAll()
    samplesLatency = true
  }

  /// The latencies since `startSampling`.
  func stopSampling() -> Latencies {
    samplesLatency = false
    return latencies
  }

  /// Closes what is open, whatever its state.
  func close() {
    for client in clients { client.close() }
    clients = []
  }
}

// MARK: - StreamClientOwner

extension StreamLoad {
  func clientStarted(_ client: StreamClient) {
    started += 1
    openMore()
  }

  func client(_ client: StreamClient, received count: Int) {
    events += count
    client.record.receivedEvents += count
    received()
    guard samplesLatency else { return }
    let now = rig.loop.kernel.now().nanoseconds
    for event in (client.events - count)..<client.events {
      let sent = client.record.stamp(of: event)
      latencies.append(now > sent ? now - sent : 0)
    }
  }

  func clientEnded(_ client: StreamClient) { ended += 1 }

  func client(_ client: StreamClient, failed failure: BenchError) {
    failures += 1
    firstFailure = firstFailure ?? failure
  }
}
