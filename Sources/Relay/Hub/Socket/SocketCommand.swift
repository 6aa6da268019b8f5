// What a client says on a hub socket, read from one JSON message. docs/hub.md lists the commands.

internal import Hub
internal import Wire

/// How a client wants a stream's events.
struct StreamView: Equatable {
  enum Format: String, CaseIterable {
    /// Each event's data, and its name.
    case events
    /// Each event's bytes, framing included.
    case raw
    /// The text that a person would see.
    case text
  }

  var format = Format.events
  var pace: Pace?
}

/// Why a command is not obeyed.
struct CommandRefusal: Error {
  let reason: StaticString
  let message: String

  init(_ message: String, reason: StaticString = "invalid_request") {
    self.reason = reason
    self.message = message
  }
}

struct SocketCommand {
  enum Name: String, CaseIterable {
    case hello, start, subscribe, unsubscribe, stop, pause, resume
  }

  typealias Header = (name: String, value: String)

  private(set) var name: Name
  private(set) var stream: StreamID?
  /// The event after which to read on, and how much of the next one's text is there already.
  private(set) var after = 0
  private(set) var offset = 0
  private(set) var method: String?
  private(set) var path: String?
  private(set) var headers: [Header] = []
  private(set) var body: [UInt8]?
  private(set) var bodyIsJSON = false
  private(set) var view = StreamView()

  /// What the client calls the command: a short text of its own, which answers repeat.
  static func id(in document: JSONDocument) -> String? {
    for (name, value) in document.members(of: document.root) where name == "id" {
      return document.string(value).flatMap { $0.utf8.count <= 128 ? $0 : nil }
    }
    return nil
  }

  init(_ document: JSONDocument) throws(CommandRefusal) {
    let members = document.members(of: document.root)
    guard document.root.kind == .object,
      let type = members.first(where: { $0.name == "type" }).flatMap({ document.string($0.value) })
    else { throw CommandRefusal("a command is a JSON object with a type") }
    guard let name = Name(rawValue: type) else {
      let known = Name.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandRefusal(
        "there is no such command; there are \(known)", reason: "unknown_command")
    }
    self.name = name
    var format: StreamView.Format?
    for (key, value) in members {
      switch key {
      case "type", "id": break
      case "stream": stream = try Self.stream(value, document)
      case "after": after = try Self.count(value, document, key)
      case "offset": offset = try Self.count(value, document, key)
      case "method": method = try Self.text(value, document, key)
      case "path": path = try Self.text(value, document, key)
      case "headers": headers = try Self.headers(value, document)
      case "body": setBody(value, document)
      case "format":
        format = StreamView.Format(rawValue: try Self.text(value, document, key))
        guard format != nil else {
          throw CommandRefusal("format is \"events\", \"raw\" or \"text\"")
        }
      case "pacing": view.pace = try Self.pace(value, document)
      default: throw CommandRefusal("a command has no member of the name \(key.prefix(64))")
      }
    }
    view.format = format ?? (view.pace == nil ? .events : .text)
    if view.pace != nil, view.format != .text {
      throw CommandRefusal("pacing is for the format \"text\"")
    }
    try checkNeeds()
  }

  /// One request's body as a command, for routes that take nothing else.
  init(startingWith body: [UInt8], path: String, headers: [Header]) {
    name = .start
    self.path = path
    self.headers = headers
    self.body = body
    bodyIsJSON = true
  }

  private func checkNeeds() throws(CommandRefusal) {
    switch name {
    case .subscribe, .unsubscribe, .stop:
      if stream == nil { throw CommandRefusal("\(name.rawValue) needs a stream") }
    case .start:
      if path == nil { throw CommandRefusal("start needs a path") }
    case .hello, .pause, .resume: break
    }
  }

  private mutating func setBody(_ value: JSONDocument.Value, _ document: JSONDocument) {
    if let text = document.string(value) {
      body = Array(text.utf8)
    } else {
      body = Array(document.bytes[value.range])
      bodyIsJSON = true
    }
  }
}

// MARK: - Members

extension SocketCommand {
  private static func text(
    _ value: JSONDocument.Value, _ document: JSONDocument, _ key: String
  ) throws(CommandRefusal) -> String {
    guard let text = document.string(value) else { throw CommandRefusal("\(key) is a string") }
    return text
  }

  private static func count(
    _ value: JSONDocument.Value, _ document: JSONDocument, _ key: String
  ) throws(CommandRefusal) -> Int {
    guard let count = document.integer(value), count >= 0 else {
      throw CommandRefusal("\(key) is a whole number, 0 or more")
    }
    return count
  }

  private static func stream(
    _ value: JSONDocument.Value, _ document: JSONDocument
  ) throws(CommandRefusal) -> StreamID {
    let name = Array(try text(value, document, "stream").utf8)
    guard let id = StreamID(name.span) else {
      throw CommandRefusal("there is no such stream", reason: "unknown")
    }
    return id
  }

  private static func headers(
    _ value: JSONDocument.Value, _ document: JSONDocument
  ) throws(CommandRefusal) -> [Header] {
    guard value.kind == .object else { throw CommandRefusal("headers are an object of strings") }
    var headers: [Header] = []
    for (name, value) in document.members(of: value) {
      guard let text = document.string(value) else {
        throw CommandRefusal("headers are an object of strings")
      }
      headers.append((name, text))
    }
    return headers
  }

  private static func pace(
    _ value: JSONDocument.Value, _ document: JSONDocument
  ) throws(CommandRefusal) -> Pace? {
    if value.kind == .null { return nil }
    guard value.kind == .object else { throw CommandRefusal("pacing is an object") }
    var pace = Pace(chunk: .adaptive, delay: 0)
    var isAdaptive = false
    for (key, value) in document.members(of: value) {
      switch key {
      case "chunk_chars": pace.chunk = .characters(try count(value, document, key, in: 1...10_000))
      case "delay_ms":
        pace.delay = UInt64(try count(value, document, key, in: 0...60_000)) * 1_000_000
      case "adaptive":
        guard let flag = document.bool(value) else {
          throw CommandRefusal("adaptive is true or false")
        }
        isAdaptive = flag
      default: throw CommandRefusal("pacing has no member of the name \(key.prefix(64))")
      }
    }
    if isAdaptive { pace.chunk = .adaptive }
    return pace
  }

  private static func count(
    _ value: JSONDocument.Value, _ document: JSONDocument, _ key: String, in range: ClosedRange<Int>
  ) throws(CommandRefusal) -> Int {
    let count = try count(value, document, key)
    guard range.contains(count) else {
      throw CommandRefusal("\(key) is \(range.lowerBound) to \(range.upperBound)")
    }
    return count
  }
}
