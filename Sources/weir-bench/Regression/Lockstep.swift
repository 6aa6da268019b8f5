// Work whose every step waits for the one before, so that each read of weir's finds the same bytes
// however slow the machine is, and only weir's own instructions tell one run from another.

import IO

enum Lockstep: String, CaseIterable {
  /// An event of 32 that come in one read.
  case bulkEvent = "event-of-32"
  /// An event that comes by itself.
  case singleEvent = "event-alone"
  /// A short request with a JSON answer, on kept-alive connections.
  case request = "request"
  /// The same on a connection of its own.
  case connection = "request-on-new-connection"
  case bulkEventOverTLS = "event-of-32-over-tls"
  case singleEventOverTLS = "event-alone-over-tls"
  /// A request for which a TLS session upstream is resumed.
  case resumption = "request-with-tls-resumption"

  var isOverTLS: Bool {
    switch self {
    case .bulkEvent, .singleEvent, .request, .connection: false
    case .bulkEventOverTLS, .singleEventOverTLS, .resumption: true
    }
  }

  /// Units in one step.
  private var batch: Int {
    switch self {
    case .bulkEvent, .bulkEventOverTLS: FloodPump.eventsPerWrite
    case .singleEvent, .singleEventOverTLS, .request, .connection, .resumption: 1
    }
  }

  /// Two run lengths, in steps: their difference is without start and end.
  var steps: (short: Int, long: Int) { self == .resumption ? (10, 60) : (100, 600) }

  /// The units by which the two lengths differ.
  var units: Int { (steps.long - steps.short) * batch }

  func run(_ steps: Int, on rig: Rig, _ subject: Subject) throws(BenchError) {
    switch self {
    case .bulkEvent, .singleEvent, .bulkEventOverTLS, .singleEventOverTLS:
      try rig.streamInLockstep(subject, steps: steps, batch: batch)
    case .request:
      try rig.requestInLockstep(subject, steps: steps, keepsAlive: true)
    case .connection:
      try rig.requestInLockstep(subject, steps: steps, keepsAlive: false)
    case .resumption:
      subject.provider.closesAfterAnswer = true
      try rig.requestInLockstep(subject, steps: steps, keepsAlive: true)
    }
  }
}

extension Rig {
  fileprivate func streamInLockstep(
    _ subject: Subject, steps: Int, batch: Int
  ) throws(BenchError) {
    let load = StreamLoad(self, subject, count: 1, isStamped: false)
    defer { load.close() }
    try load.open()
    for _ in 0..<steps {
      guard load.records[0].sendBatch(of: batch) else { throw BenchError("a write had to wait") }
      try load.settle(patience: .seconds(120))
    }
    try load.finish()
  }

  fileprivate func requestInLockstep(
    _ subject: Subject, steps: Int, keepsAlive: Bool
  ) throws(BenchError) {
    let client = RequestClient(to: subject.address, on: loop, keepsAlive: keepsAlive)
    defer { client.close() }
    client.mostAnswers = steps
    let isDone = try run(upTo: .seconds(120)) { client.isDone || client.failure != nil }
    if let failure = client.failure ?? subject.provider.failure { throw failure }
    guard isDone else {
      throw BenchError("only \(client.answers) of \(steps) requests were answered")
    }
  }
}
