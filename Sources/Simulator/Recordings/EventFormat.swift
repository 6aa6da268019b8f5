// Where events end in a recorded body. It need not be strict: a cut in the wrong place still
// sends the right bytes.

enum EventFormat: Equatable, Sendable {
  case serverSentEvents, lines, awsEventStream, jsonArray, plain

  init(contentType: String, isStream: Bool) {
    let type = contentType.prefix { $0 != ";" }.lowercased()
    self =
      switch type {
      case "text/event-stream": .serverSentEvents
      case "application/x-ndjson", "application/stream+json", "application/jsonl": .lines
      case "application/vnd.amazon.eventstream": .awsEventStream
      case "application/json" where isStream: .jsonArray
      default: .plain
      }
  }

  /// The end of each event, ascending; the last is `body.count`. Empty for an empty body.
  func ends(in body: [UInt8]) -> [Int] {
    var ends: [Int] =
      switch self {
      case .serverSentEvents: Self.blankLines(in: body)
      case .lines: body.indices.filter { body[$0] == lineFeed }.map { $0 + 1 }
      case .awsEventStream: Self.messages(in: body)
      case .jsonArray: Self.elements(in: body)
      case .plain: []
      }
    if let last = ends.last ?? (body.isEmpty ? nil : 0), last < body.count {
      ends.append(body.count)
    }
    return ends
  }

  /// Behind each empty line that stands behind a line which is none (WHATWG HTML §9.2.6).
  private static func blankLines(in body: [UInt8]) -> [Int] {
    var ends: [Int] = []
    var lineStart = 0
    var hasContent = false
    var at = 0
    while at < body.count {
      let byte = body[at]
      at += 1
      guard byte == lineFeed || byte == carriageReturn else { continue }
      let isBlank = at - 1 == lineStart
      if byte == carriageReturn, at < body.count, body[at] == lineFeed { at += 1 }
      lineStart = at
      if isBlank && hasContent { ends.append(at) }
      hasContent = !isBlank
    }
    return ends
  }

  /// AWS event-stream messages begin with their length: four bytes, the highest first.
  private static func messages(in body: [UInt8]) -> [Int] {
    var ends: [Int] = []
    var at = 0
    while at + 4 <= body.count {
      let length = body[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length >= 16, length <= body.count - at else { break }
      at += length
      ends.append(at)
    }
    return ends
  }

  /// Behind each element of a JSON array, so that its comma begins the next event.
  private static func elements(in body: [UInt8]) -> [Int] {
    var ends: [Int] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    for (index, byte) in body.enumerated() {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 1 { ends.append(index + 1) }
      default: break
      }
    }
    return ends
  }
}

private let lineFeed: UInt8 = 0x0A
private let carriageReturn: UInt8 = 0x0D
