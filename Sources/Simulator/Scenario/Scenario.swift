// What one request asks of the simulated provider, read from its headers.

internal import Wire

/// How a body is cut into writes and HTTP chunks.
enum Chunking: Equatable, Sendable {
  /// As few as there can be, of up to 64 KiB each.
  case whole
  case event
  case byte
  /// Pieces of 1 to 128 bytes, without regard to events; equal seeds cut equally.
  case random(seed: UInt64)
  /// A chunk for each event, and one write for that many of them.
  case perWrite(Int)
}

/// How the end of an answer's body is told.
enum AnswerFraming: String, Sendable {
  case chunked, length, close
}

struct Scenario: Equatable, Sendable {
  static let mostEvents = 1_000_000_000
  static let largestEvent = 16 << 20
  static let longestDelay = Duration.seconds(3600)

  var replay: String?
  /// Generated events; 0 goes on without end. Nil for a recording.
  var events: Int?
  var eventBytes: Int?
  var stamps = false
  var echoes = false
  var status: Int?
  var headDelay = Duration.zero
  var ttft = Duration.zero
  var gap = Duration.zero
  var chunking = Chunking.event
  var framing: AnswerFraming?
  var compresses = false
  var interim: Int?
  var sendsTrailers = false
  var bodyReadDelay = Duration.zero
  var fault: Fault?
  var faultAfter: Int?

  init() {}
}

// MARK: - Reading the headers

extension Scenario {
  /// Reads all headers that begin with `x-sim-`; refuses unknown ones, repeated ones, values out
  /// of range, and those that contradict each other.
  init(of head: RequestHead) throws(ScenarioError) {
    var seen: Set<String> = []
    for field in head.headers.fields where Self.isScenario(field, in: head.headers) {
      let name = head.headers.string(field.name).lowercased()
      guard let known = ScenarioField(rawValue: name) else { throw ScenarioError(unknown: name) }
      guard seen.insert(name).inserted else { throw ScenarioError("\(name): given twice") }
      try set(known, to: head.headers.string(field.value))
    }
    try checkCombination()
  }

  private static func isScenario(_ field: HeaderFields.Field, in headers: HeaderFields) -> Bool {
    let prefix = field.name.prefix(6)
    return prefix.count == 6 && headers.value(prefix, equalsIgnoringCase: "x-sim-")
  }

  private mutating func set(
    _ field: ScenarioField, to value: String
  ) throws(ScenarioError) {
    let value = ScenarioValue(field: field, text: value)
    switch field {
    case .replay: replay = try value.recordingName()
    case .events: events = try value.number(in: 0...Self.mostEvents)
    case .eventBytes: eventBytes = try value.number(in: 1...Self.largestEvent)
    case .stamp: stamps = try value.flag()
    case .echo: echoes = try value.flag()
    case .status: status = try value.number(in: 200...599)
    case .headDelay: headDelay = try value.duration()
    case .ttft: ttft = try value.duration()
    case .gap: gap = try value.duration()
    case .chunking: chunking = try value.chunking()
    case .framing: framing = try value.choice(AnswerFraming.init)
    case .encoding: compresses = try value.choice { ["identity": false, "gzip": true][$0] }
    case .interim: interim = try value.choice { ["100": 100, "102": 102, "103": 103][$0] }
    case .trailers: sendsTrailers = try value.flag()
    case .bodyReadDelay: bodyReadDelay = try value.duration()
    case .fault: fault = try value.choice(Fault.init)
    case .faultAfter: faultAfter = try value.number(in: 0...Self.mostEvents)
    }
  }

  private func checkCombination() throws(ScenarioError) {
    if events == nil && (stamps || eventBytes != nil) {
      throw ScenarioError("x-sim-stamp and x-sim-event-bytes need x-sim-events")
    }
    if [events != nil, replay != nil, echoes].count(where: { $0 }) > 1 {
      throw ScenarioError("of x-sim-events, x-sim-replay and x-sim-echo only one can be answered")
    }
    if faultAfter != nil && !(fault?.cutsBody ?? false) {
      let faults = Fault.allCases.filter(\.cutsBody).map(\.rawValue).joined(separator: ", ")
      throw ScenarioError("x-sim-fault-after needs an x-sim-fault inside the body: \(faults)")
    }
    if framing == .length && isEndless {
      throw ScenarioError("x-sim-framing: a body without end has no length")
    }
    if let framing, framing != .chunked, sendsTrailers || fault == .garbageChunk {
      throw ScenarioError("x-sim-framing: trailers and garbage-chunk need chunked")
    }
  }

  var isEndless: Bool { fault == .neverEnds || events == 0 }
}
