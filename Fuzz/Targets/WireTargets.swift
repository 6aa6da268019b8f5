// The other grammars of Wire: nothing read beyond the bytes, the same found however they are cut,
// and, where a plain second reading is short, the same as that finds.

internal import Wire

// MARK: - Server-sent events

private struct Events: ~Copyable {
  var parser = EventParser()
  var text: [String] = []

  /// Pieces of one value become one entry, wherever they were cut.
  mutating func add(_ kind: String, _ piece: String) {
    if piece.isEmpty { return }
    if let last = text.last, last.hasPrefix(kind + ":") {
      text[text.count - 1] += piece
    } else {
      text.append(kind + ":" + piece)
    }
  }

  mutating func take(_ bytes: Span<UInt8>) {
    var at = 0
    while let token = parser.next(bytes, from: &at) {
      switch token {
      case .data(let range): add("data", latin(bytes, range))
      case .dataLineBreak: add("data", "\n")
      case .event:
        text.append("event " + latin(parser.name))
        text.append("id " + latin(parser.lastEventID))
      case .comment: text.append("comment")
      case .errorField(let range): add("error", latin(bytes, range))
      case .errorFieldEnd: text.append("error end")
      case .strayLine(let range): add("stray", latin(bytes, range))
      case .strayLineEnd: text.append("stray end")
      }
    }
  }
}

func latin(_ bytes: [UInt8]) -> String { StrictReader.text(bytes) }

func latin(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
  StrictReader.text(range.map { bytes[$0] })
}

/// The data and names of a stream's events, by WHATWG HTML §9.2.6 read as it is printed.
private func plainEvents(_ bytes: [UInt8]) -> [[String]] {
  var rest = bytes[...]
  if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
  var lines: [[UInt8]] = [[]]
  var at = rest.startIndex
  while at < rest.endIndex {
    let byte = rest[at]
    at += 1
    guard byte == 13 || byte == 10 else {
      lines[lines.count - 1].append(byte)
      continue
    }
    if byte == 13, at < rest.endIndex, rest[at] == 10 { at += 1 }
    lines.append([])
  }
  var found: [[String]] = []
  var data: [UInt8]?
  var name: [UInt8] = []
  for line in lines.dropLast() {
    if line.isEmpty {
      if let data { found.append([latin(Array(name.prefix(128))), latin(data)]) }
      (data, name) = (nil, [])
      continue
    }
    let colon = line.firstIndex(of: 58) ?? line.count
    var value = line.dropFirst(colon + 1)
    if value.first == 32 { value = value.dropFirst() }
    switch latin(Array(line[..<colon])) {
    case "data": data = data.map { $0 + [10] + value } ?? Array(value)
    case "event": name = Array(value)
    default: break
    }
  }
  return found
}

func fuzzServerSentEvents(_ input: UnsafeRawBufferPointer) {
  func read(_ sizes: [Int]) -> [String] {
    var events = Events()
    Pieces.feed(input, in: sizes) { events.take($0) }
    return events.text
  }
  let whole = read([input.count])
  for sizes in Pieces.ways(of: input) {
    expectEqual(read(sizes), whole, "events depend on how they are cut, \(sizes.prefix(40))")
  }
  var found: [[String]] = []
  var data = ""
  for entry in whole {
    if entry.hasPrefix("data:") { data += entry.dropFirst(5) }
    guard entry.hasPrefix("event ") else { continue }
    found.append([String(entry.dropFirst(6)), data])
    data = ""
  }
  expectEqual(found, plainEvents(Array(input)), "events are not what the standard says")
}

// MARK: - JSON

private let table = JSONPathTable([
  .init("error", field: 1), .init("error.message", field: 2, options: .captured),
  .init("choices[].delta.content", field: 3), .init("usage.prompt_tokens", field: 4),
  .init("model", field: 5, options: .captured), .init("choices[].index", field: 6),
  .init("done", field: 7), .init("list[][]", field: 8),
])

private struct Matches: ~Copyable {
  var scanner: JSONScanner
  var text: [String] = []

  mutating func take(_ bytes: Span<UInt8>) {
    var at = 0
    while let match = scanner.next(bytes, from: &at) {
      let captured = match.isCaptured ? latin(scanner.captured) : ""
      if match.kind == .stringPiece { continue }
      text.append(
        "\(match.field) \(match.kind) \(match.count) \(match.integer ?? -1) \(captured)")
    }
  }

  var summary: [String] { text + ["complete \(scanner.isComplete) failed \(scanner.isFailed)"] }
}

private func fuzzJSON(_ input: UnsafeRawBufferPointer, _ style: JSONScanner.Style) {
  func read(_ sizes: [Int]) -> [String] {
    var matches = Matches(scanner: JSONScanner(table, style: style))
    Pieces.feed(input, in: sizes) { matches.take($0) }
    return matches.summary
  }
  let whole = read([input.count])
  for sizes in Pieces.ways(of: input) {
    expectEqual(read(sizes), whole, "JSON depends on how it is cut, \(sizes.prefix(40))")
  }
}

func fuzzJSON(_ input: UnsafeRawBufferPointer) { fuzzJSON(input, .document) }
func fuzzJSONElements(_ input: UnsafeRawBufferPointer) { fuzzJSON(input, .elements) }

// MARK: - AWS event streams

private struct Messages {
  var parser = EventStreamParser()
  var text: [String] = []
  var payload: [UInt8] = []
  var isOver = false

  mutating func take(_ bytes: Span<UInt8>) {
    var at = 0
    while !isOver {
      do throws(EventStreamError) {
        switch try parser.next(bytes, &at) {
        case .needMore: return
        case .message: text.append("message")
        case .payload(let range): for index in range { payload.append(bytes[index]) }
        case .messageEnd(let isIntact):
          text.append("\(latin(payload)) \(isIntact)")
          payload = []
        }
      } catch {
        text.append("\(error)")
        isOver = true
      }
    }
  }
}

func fuzzEventStream(_ input: UnsafeRawBufferPointer) {
  agreed(
    input, "event stream messages depend on how they are cut", start: { Messages() },
    feed: { $0.take($1) }, found: { $0.text + [latin($0.payload)] })
}

// MARK: - Inflate

private final class Inflated {
  let inflate: Inflate
  var output: [UInt8] = []
  var error: InflateError?

  init(_ format: Inflate.Format) { inflate = Inflate(format, expansionLimit: 64) }

  func take(_ bytes: Span<UInt8>) {
    guard error == nil else { return }
    do throws(InflateError) {
      try inflate.push(bytes) { piece in
        // A bomb is the limit's business; keeping it is not ours.
        for at in piece.indices where output.count < 1 << 16 { output.append(piece[at]) }
      }
    } catch {
      self.error = error
    }
  }

  var found: [String] {
    // Where a limit on growth is met depends on how much has been pushed by then.
    if error == .expansion { return ["expansion"] }
    return [latin(output), "\(error as Any)", "\(inflate.isComplete)"]
  }
}

private func fuzzInflate(_ input: UnsafeRawBufferPointer, _ format: Inflate.Format) {
  func read(_ sizes: [Int]) -> [String] {
    let inflated = Inflated(format)
    Pieces.feed(input, in: sizes) { inflated.take($0) }
    return inflated.found
  }
  let whole = read([input.count])
  for sizes in Pieces.ways(of: input) {
    let other = read(sizes)
    if whole == ["expansion"] || other == ["expansion"] { continue }
    expectEqual(other, whole, "inflating depends on how the input is cut, \(sizes.prefix(40))")
  }
}

func fuzzInflate(_ input: UnsafeRawBufferPointer) { fuzzInflate(input, .zlibOrRaw) }
func fuzzGzip(_ input: UnsafeRawBufferPointer) { fuzzInflate(input, .gzip) }

// MARK: - WebSocket

private struct Frames {
  var parser: FrameParser
  var text: [String] = []
  var payload = 0
  var isOver = false

  mutating func take(_ bytes: Span<UInt8>) {
    var at = 0
    while !isOver {
      do throws(FrameError) {
        switch try parser.next(bytes, &at) {
        case .needMore: return
        case .frame(let head): text.append("\(head.opcode) \(head.isFinal) \(head.payloadLength)")
        case .payload(let range, _): payload += range.count
        case .frameEnd(let endsMessage):
          text.append("end \(payload) \(endsMessage)")
          payload = 0
        }
      } catch {
        text.append("\(error)")
        isOver = true
      }
    }
  }
}

func fuzzWebSocket(_ input: UnsafeRawBufferPointer) {
  for sender in [FrameParser.Sender.client, .server] {
    agreed(
      input, "frames depend on how they are cut",
      start: {
        Frames(parser: FrameParser(from: sender, allowsCompression: true, messageLimit: 4096))
      },
      feed: { $0.take($1) }, found: { $0.text + ["\($0.payload)"] })
  }
}

// MARK: - Base64

private struct Decoding {
  var decoder = Base64Decoder()
  var output: [UInt8] = []
  var hasFailed = false

  mutating func take(_ bytes: Span<UInt8>) {
    guard !hasFailed else { return }
    do throws(Base64Decoder.Failure) {
      try decoder.decode(bytes, into: &output)
    } catch {
      hasFailed = true
    }
  }

  mutating func end() -> [UInt8]? {
    guard !hasFailed else { return nil }
    do throws(Base64Decoder.Failure) {
      try decoder.finish(into: &output)
    } catch {
      return nil
    }
    return output
  }
}

func fuzzBase64(_ input: UnsafeRawBufferPointer) {
  let found = agreed(
    input, "Base64 depends on how it is cut", start: { Decoding() }, feed: { $0.take($1) },
    found: { $0.end() })
  guard let found else { return }
  // No two texts stand for the same bytes, padding apart.
  let again = Base64Encoder.encode(found.span)
  let stripped = Array(input).filter { $0 != UInt8(ascii: "=") }
  expectEqual(Array(again).filter { $0 != UInt8(ascii: "=") }, stripped, "Base64 is not canonical")
}
