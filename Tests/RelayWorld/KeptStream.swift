// A stream of events as a seed draws it, and what of it may be read by whoever asks for what follows
// any of its events.

internal import TestSupport

struct KeptStream {
  enum Format {
    /// Chat completions of OpenAI's.
    case serverSentEvents
    /// Chat of Ollama's, a line for each event.
    case lines
  }

  let number: Int
  let format: Format
  /// Each with what stands between it and the one before: comments, blank lines.
  private(set) var events: [[UInt8]] = []
  /// What an EventSource would hand out of each.
  private(set) var contents: [String] = []
  /// Behind the last event.
  private(set) var tail: [UInt8] = []

  var payload: [UInt8] { bytes(after: 0) }

  func bytes(after event: Int) -> [UInt8] { events.dropFirst(event).flatMap { $0 } + tail }

  /// Tells the exchange's entry in the books.
  var model: String { "m-\(number)" }
  var inputTokens: UInt64 { UInt64(number + 1) }
  var outputTokens: UInt64 { UInt64(events.count) }

  var contentType: String {
    format == .lines ? "application/x-ndjson" : "text/event-stream; charset=utf-8"
  }
}

// MARK: - Drawing

extension KeptStream {
  init(_ number: Int, _ random: inout SeededRandom) {
    self.number = number
    format = random.chance(0.75) ? .serverSentEvents : .lines
    let lineEnd =
      format == .lines ? "\n" : ["\n", "\n", "\r\n", "\r"].randomElement(using: &random)!
    let count = Int.random(in: 1...(random.chance(0.1) ? 150 : 25), using: &random)
    for index in 1...count {
      let text = String(repeating: "x", count: Self.textSize(&random))
      append(content(text, isLast: index == count, of: count), lineEnd, &random)
    }
    if format == .serverSentEvents { append("[DONE]", lineEnd, &random) }
    if random.chance(0.2) {
      tail = Array((format == .lines ? lineEnd : ": bye\(lineEnd)\(lineEnd)").utf8)
    }
  }

  private static func textSize(_ random: inout SeededRandom) -> Int {
    if random.chance(0.03) { return Int.random(in: 0...9000, using: &random) }
    return Int.random(in: 0...60, using: &random)
  }

  private func content(_ text: String, isLast: Bool, of count: Int) -> String {
    switch format {
    case .serverSentEvents:
      let usage =
        isLast
        ? ",\"usage\":{\"prompt_tokens\":\(inputTokens),\"completion_tokens\":\(count + 1)}" : ""
      return "{\"object\":\"chat.completion.chunk\",\"model\":\"\(model)\","
        + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(text)\"}}]\(usage)}"
    case .lines:
      let usage =
        isLast
        ? "true,\"done_reason\":\"stop\",\"prompt_eval_count\":\(inputTokens),\"eval_count\":\(count)"
        : "false"
      return "{\"model\":\"\(model)\",\"created_at\":\"now\","
        + "\"message\":{\"role\":\"assistant\",\"content\":\"\(text)\"},\"done\":\(usage)}"
    }
  }

  private mutating func append(
    _ content: String, _ lineEnd: String, _ random: inout SeededRandom
  ) {
    contents.append(content)
    switch format {
    case .serverSentEvents:
      let comment = random.chance(0.1) ? ": ping\(lineEnd)\(lineEnd)" : ""
      let theirs = random.chance(0.1) ? "id: theirs\(lineEnd)" : ""
      events.append(
        Array("\(comment)\(theirs)data: \(content)\(lineEnd)\(lineEnd)".utf8))
    case .lines:
      events.append(Array("\(random.chance(0.1) ? "\n" : "")\(content)\n".utf8))
    }
  }
}

// MARK: - Reading

extension KeptStream {
  /// What bytes that somebody got are of the stream.
  struct Reading: Equatable {
    /// The last event of which they have all.
    var lastEvent: Int
    /// Nothing follows them.
    var isAll: Bool
    /// Events were left out, and the reader was told.
    var hasGaps = false
  }

  /// How `bytes` follow event `event`; nil if they do not. `numbered`: with weir's ids.
  func reading(_ bytes: [UInt8], after event: Int, numbered: Bool) -> Reading? {
    var (rest, reading) = (bytes[...], Reading(lastEvent: event, isAll: false))
    // Nothing follows an event that never comes.
    guard event <= events.count else {
      reading.isAll = true
      return bytes.isEmpty ? reading : nil
    }
    while true {
      if reading.lastEvent == events.count {
        reading.isAll = rest.elementsEqual(tail)
        return tail.starts(with: rest) ? reading : nil
      }
      if rest.isEmpty { return reading }
      if rest.starts(with: Self.gap) {
        guard let (last, length) = gap(rest, after: reading.lastEvent) else { return nil }
        // Cut inside it.
        if length == 0 { return reading }
        reading.hasGaps = true
        (reading.lastEvent, rest) = (last, rest.dropFirst(length))
        continue
      }
      let next = wire(of: reading.lastEvent + 1, numbered: numbered)
      guard rest.starts(with: next) else {
        return next.starts(with: rest) || Self.gap.starts(with: rest) ? reading : nil
      }
      reading.lastEvent += 1
      rest = rest.dropFirst(next.count)
    }
  }

  private func wire(of event: Int, numbered: Bool) -> [UInt8] {
    let bytes = events[event - 1]
    guard numbered, format == .serverSentEvents else { return bytes }
    let blank = bytes.suffix(2) == [13, 10] ? 2 : 1
    return bytes.dropLast(blank) + Array("id: \(event)\n".utf8) + bytes.suffix(blank)
  }

  private static let gap = Array("event: weir.gap\n".utf8)

  /// The last event that a gap leaves out, and the length of its text, 0 if that is cut.
  private func gap(_ bytes: ArraySlice<UInt8>, after event: Int) -> (last: Int, length: Int)? {
    let text = String(decoding: bytes.prefix(100), as: UTF8.self)
    guard let end = text.firstRange(of: "\n\n") else { return (0, 0) }
    let own = text[..<end.lowerBound]
    let begins = "event: weir.gap\ndata: {\"first\":\(event + 1),\"last\":"
    guard own.hasPrefix(begins), own.hasSuffix("}"),
      let last = Int(own.dropFirst(begins.count).dropLast()), last > event, last <= events.count
    else { return nil }
    return (last, own.utf8.count + 2)
  }
}
