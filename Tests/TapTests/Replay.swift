// Runs a stream tap over bodies written in the tests.

import Tap

/// A body, its head, and how to run the tap over it.
struct Replay {
  var path = "/v1/chat/completions"
  var contentType = "text/event-stream"
  var contentEncoding = ""
  var status = 200
  var dialect: DialectName?

  var request: TapRequest {
    TapRequest(
      path: Array(path.utf8), contentType: Array(contentType.utf8),
      contentEncoding: Array(contentEncoding.utf8), status: status, dialect: dialect)
  }

  func makeTap() -> StreamTap { StreamTap(request) }

  /// The facts of a body that comes in one read.
  func facts(_ body: String) -> StreamFacts { facts(Array(body.utf8)) }

  func facts(_ body: [UInt8]) -> StreamFacts {
    let tap = makeTap()
    tap.observe(body.span, at: 0)
    tap.end()
    return tap.facts
  }

  /// The facts of a body that comes byte by byte.
  func factsByByte(_ body: String) -> StreamFacts {
    let tap = makeTap()
    for byte in body.utf8 { tap.observe([byte].span, at: 0) }
    tap.end()
    return tap.facts
  }
}

extension [UInt8] {
  var text: String { String(decoding: self, as: UTF8.self) }
}

extension StreamFacts {
  /// Every fact, in a form that compares.
  var everything: String {
    let counts = [
      eventSizes, kinds.indices.map { kinds[$0] },
      observerErrors.indices.map { Int(observerErrors[$0]) },
    ]
    return "\(self) \(counts)"
  }

  /// All that a stream brought, as one line of text.
  var summary: String {
    var parts = ["\(dialect.rawValue) \(events) events \(contentEvents) content"]
    let counts = [
      ("text", textChars), ("reasoning", reasoningChars), ("tools", toolCalls),
      ("arguments", toolCallChars), ("refusal", refusalChars), ("media", mediaChars),
      ("transcript", transcriptChars),
    ]
    for (name, count) in counts where count > 0 { parts.append("\(name) \(count)") }
    if !model.isEmpty { parts.append("model \(model.text)") }
    if !finishReasons.isEmpty {
      parts.append("finish " + finishReasons.map(\.raw.text).joined(separator: "+"))
    }
    if !usage.isEmpty { parts.append("usage \(usage.input ?? -1)/\(usage.output ?? -1)") }
    parts.append("end \(terminal.text) \(end.outcome)")
    if let errorType { parts.append("as \(errorType.rawValue)") }
    return parts.joined(separator: ", ")
  }
}
