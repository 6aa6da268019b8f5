// The ways in which a simulated provider can go wrong.

enum Fault: String, CaseIterable, Sendable {
  /// A RST instead of an answer.
  case resetBeforeHead = "reset-before-head"
  /// A FIN instead of an answer.
  case closeBeforeHead = "close-before-head"
  /// Bytes that are no HTTP head, then a FIN.
  case garbageHead = "garbage-head"
  /// The head comes byte by byte, one each `x-sim-gap` (10 ms); then all goes well.
  case dribbleHead = "dribble-head"
  /// A RST inside the body.
  case reset
  /// A FIN inside the body, before its framing says so.
  case close
  /// Silence inside the body, until the client leaves.
  case stall
  /// The framing ends the body properly, but the events that should follow never come.
  case truncate
  /// A chunk whose size is no number, then a FIN.
  case garbageChunk = "garbage-chunk"
  /// The provider's error event, then a proper end.
  case inStreamError = "in-stream-error"
  /// The events over and over, for as long as the client reads.
  case neverEnds = "never-ends"

  /// For the help.
  var meaning: String {
    switch self {
    case .resetBeforeHead: "a RST instead of an answer"
    case .closeBeforeHead: "a FIN instead of an answer"
    case .garbageHead: "bytes that are no HTTP head, then a FIN"
    case .dribbleHead: "the head byte by byte, one each x-sim-gap (10ms); then all goes well"
    case .reset: "a RST inside the body"
    case .close: "a FIN inside the body"
    case .stall: "silence inside the body until the client leaves"
    case .truncate: "a proper end of the body, without the events that should follow"
    case .garbageChunk: "a chunk whose size is no number, then a FIN"
    case .inStreamError: "the provider's error event, then a proper end"
    case .neverEnds: "the events over and over, as long as the client reads"
    }
  }

  /// Whether it strikes after `x-sim-fault-after` events, and the rest of them never come.
  var cutsBody: Bool {
    switch self {
    case .reset, .close, .stall, .truncate, .garbageChunk, .inStreamError: true
    case .resetBeforeHead, .closeBeforeHead, .garbageHead, .dribbleHead, .neverEnds: false
    }
  }
}
