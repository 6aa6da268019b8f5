// The request headers by which a client directs the simulated provider: one table, from which
// parsing, refusals and the help all come.

/// One `x-sim-…` request header.
enum ScenarioField: String, CaseIterable {
  case replay = "x-sim-replay"
  case events = "x-sim-events"
  case eventBytes = "x-sim-event-bytes"
  case stamp = "x-sim-stamp"
  case echo = "x-sim-echo"
  case status = "x-sim-status"
  case headDelay = "x-sim-head-delay"
  case ttft = "x-sim-ttft"
  case gap = "x-sim-gap"
  case chunking = "x-sim-chunking"
  case framing = "x-sim-framing"
  case encoding = "x-sim-encoding"
  case interim = "x-sim-interim"
  case trailers = "x-sim-trailers"
  case bodyReadDelay = "x-sim-delay-body-read"
  case fault = "x-sim-fault"
  case faultAfter = "x-sim-fault-after"

  /// What may stand in it, as a refusal tells it.
  var allowed: String {
    switch self {
    case .replay: "the name of a recording, without .. in it"
    case .events: "0 (without end) to \(Scenario.mostEvents)"
    case .eventBytes: "1 to \(Scenario.largestEvent)"
    case .stamp, .echo, .trailers: "1, or 0 for no"
    case .status: "200 to 599"
    case .headDelay, .ttft, .gap, .bodyReadDelay: "a whole number with us, ms, s or m, at most 60m"
    case .chunking: "whole, event, byte, random, random:SEED, N-per-write with N from 1 to 4096"
    case .framing: "chunked, length, close"
    case .encoding: "gzip, identity"
    case .interim: "100, 102, 103"
    case .fault: Fault.allCases.map(\.rawValue).joined(separator: ", ")
    case .faultAfter: "0 to \(Scenario.mostEvents)"
    }
  }

  /// What it does, for the help.
  var meaning: String {
    switch self {
    case .replay: "answers with that recording, whatever the path"
    case .events: "generates that many OpenAI chat events, then [DONE]"
    case .eventBytes: "the size of each generated event, blank line included (230)"
    case .stamp: "puts the monotonic time of sending, in nanoseconds, into generated events"
    case .echo: "answers with the request as it was received, head and body, framing included"
    case .status: "answers with that status; from 400 on with the provider's error body"
    case .headDelay: "time from the request's end to the answer's head"
    case .ttft: "time from the request's end to the first event"
    case .gap: "time between events (between pieces with random, writes with N-per-write)"
    case .chunking: "what is one write and one HTTP chunk; N-per-write puts N chunks in a write"
    case .framing: "how the body's end is told (chunked; plain JSON: length; HTTP/1.0: close)"
    case .encoding: "gzip, as stored blocks, one for each event"
    case .interim: "sends such an interim head first"
    case .trailers: "ends a chunked body with a trailer, the CRC-32 of the body"
    case .bodyReadDelay: "leaves the request body unread for that time"
    case .fault: "goes wrong in that way"
    case .faultAfter: "how many events come before the fault (1); a plain JSON body is one event"
    }
  }
}

/// Why a request cannot be answered as its headers ask.
struct ScenarioError: Error, Equatable {
  /// A whole sentence that names the header and what is allowed.
  let message: String

  init(_ message: String) { self.message = message }

  init(_ field: ScenarioField, value: String) {
    message = "\(field.rawValue): '\(value)' is not allowed; allowed: \(field.allowed)"
  }

  init(unknown name: String) {
    let known = ScenarioField.allCases.map(\.rawValue).joined(separator: ", ")
    message = "\(name): no such header; there are: \(known)"
  }
}
