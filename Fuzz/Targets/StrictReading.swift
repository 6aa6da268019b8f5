// A second reading of HTTP/1.1, to hold against weir's: the whole message at once, line by line,
// written from RFC 9112 and the choices that ARCHITECTURE.md and the contract name, and from none
// of weir's code. It is slow and plain on purpose.

/// What a strict reader makes of bytes that should begin with a head.
enum StrictHead: Equatable {
  /// No reading, or none that every reader would share.
  case refused
  /// More must come.
  case incomplete
  case whole(StrictMessage, end: Int)
}

struct StrictMessage: Equatable {
  /// The start line's three parts.
  var start: [String]
  var fields: [[String]]
  var framing: StrictFraming
  var persists: Bool
}

enum StrictFraming: Equatable {
  case none, length(UInt64), chunked, untilClose
}

struct StrictReader {
  let limit: Int
  /// Requests: one blank line may stand in front.
  let isRequest: Bool
  var answersHEAD = false

  func read(_ input: [UInt8]) -> StrictHead {
    var skipped = 0
    if isRequest {
      if input == [13] { return .incomplete }
      if input.starts(with: [13, 10]) { skipped = 2 }
    }
    let bytes = Array(input.dropFirst(skipped))
    if bytes.first == 13 { return .refused }
    guard let end = Self.endOfHead(bytes.prefix(limit)) else {
      return Self.isBroken(bytes.prefix(limit)) || bytes.count >= limit ? .refused : .incomplete
    }
    let head = Array(bytes.prefix(end))
    if Self.isBroken(head[...]) { return .refused }
    let lines = Self.lines(head)
    guard let message = isRequest ? request(lines) : response(lines) else { return .refused }
    return .whole(message, end: skipped + end)
  }

  private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (4...bytes.count).first { Array(bytes[($0 - 4)..<$0]) == [13, 10, 13, 10] }
  }

  /// §2.2: neither CR nor LF stands without the other; NUL never stands anywhere.
  private static func isBroken(_ bytes: ArraySlice<UInt8>) -> Bool {
    for (at, byte) in bytes.enumerated() {
      switch byte {
      case 0: return true
      case 10 where at == 0 || bytes[at - 1] != 13: return true
      case 13 where at + 1 < bytes.count && bytes[at + 1] != 10: return true
      default: continue
      }
    }
    return false
  }

  private static func lines(_ head: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    for byte in head where byte != 13 {
      if byte == 10 { lines.append([]) } else { lines[lines.count - 1].append(byte) }
    }
    return lines.dropLast(2)
  }

  // MARK: Requests

  private func request(_ lines: [[UInt8]]) -> StrictMessage? {
    let parts = lines[0].split(separator: 32, omittingEmptySubsequences: false).map(Array.init)
    guard parts.count == 3, Self.isToken(parts[0]), let version = Self.version(parts[2]),
      Self.isTarget(parts[1], method: Self.text(parts[0])),
      let fields = Self.fields(lines.dropFirst())
    else { return nil }
    let hosts = Self.values("host", fields)
    guard hosts.count == 1 || (hosts.isEmpty && version == "1.0") else { return nil }
    guard hosts.allSatisfy({ Self.isHost(Array($0.unicodeScalars.map { UInt8($0.value) })) }) else {
      return nil
    }
    let framing: StrictFraming
    switch Self.announced(fields, version) {
    case .refused: return nil
    case .nothing: framing = .none
    case .framing(let announced): framing = announced
    }
    return StrictMessage(
      start: parts.map(Self.text), fields: fields, framing: framing,
      persists: Self.persists(fields, version))
  }

  /// §3.2, but for the authority form: no CONNECT.
  private static func isTarget(_ target: [UInt8], method: String) -> Bool {
    guard !target.isEmpty, method != "CONNECT",
      target.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 35 })
    else { return false }
    let text = text(target)
    if text.hasPrefix("/") { return true }
    if text == "*" { return method == "OPTIONS" }
    let lower = text.lowercased()
    guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else { return false }
    let authority = target.dropFirst(scheme.utf8.count).prefix { $0 != 47 && $0 != 63 }
    return isHost(Array(authority))
  }

  /// RFC 3986 §3.2.2 and §3.2.3: a host that is not empty, perhaps a port.
  private static func isHost(_ text: [UInt8]) -> Bool {
    var host = text
    if let colon = text.lastIndex(of: 58), text[(colon + 1)...].allSatisfy(isDigit),
      text.first != 91 || text[..<colon].last == 93
    {
      host = Array(text[..<colon])
    }
    if host.first == 91 {
      let inner = host.dropFirst().dropLast()
      return host.count > 2 && host.last == 93
        && inner.allSatisfy { isHex($0) || $0 == 58 || $0 == 46 }
    }
    var at = 0
    while at < host.count {
      if host[at] == 37 {
        guard at + 2 < host.count, isHex(host[at + 1]), isHex(host[at + 2]) else { return false }
        at += 3
      } else {
        let isPlain = isLetter(host[at]) || isDigit(host[at])
        guard isPlain || "-._~!$&'()*+,;=".utf8.contains(host[at]) else { return false }
        at += 1
      }
    }
    return !host.isEmpty
  }

  // MARK: Responses

  private func response(_ lines: [[UInt8]]) -> StrictMessage? {
    let line = lines[0]
    guard line.count >= 12, let version = Self.version(Array(line[..<8])), line[8] == 32,
      line[9...11].allSatisfy(Self.isDigit), line[9] != 48,
      line.count == 12 || line[12] == 32, line.dropFirst(13).allSatisfy(Self.isText),
      let fields = Self.fields(lines.dropFirst())
    else { return nil }
    let status = Self.text(Array(line[9...11]))
    let isBodiless = status < "200" || status == "204"
    var framing = StrictFraming.untilClose
    switch Self.announced(fields, version) {
    case .refused: return nil
    case .nothing: break
    case .framing(let announced):
      if isBodiless && announced != .length(0) { return nil }
      framing = announced
    }
    if isBodiless || answersHEAD || status == "304" { framing = .none }
    return StrictMessage(
      start: ["HTTP/\(version)", status, Self.text(Array(line.dropFirst(13)))], fields: fields,
      framing: framing, persists: framing != .untilClose && Self.persists(fields, version))
  }

  // MARK: Both

  private static func version(_ text: [UInt8]) -> String? {
    ["1.0", "1.1"].first { Array("HTTP/\($0)".utf8) == text }
  }

  /// §5: a name that is a token, a colon at once, a value of visible characters and blanks.
  private static func fields(_ lines: ArraySlice<[UInt8]>) -> [[String]]? {
    var fields: [[String]] = []
    for line in lines {
      let name = Array(line.prefix { $0 != 58 })
      guard name.count < line.count, isToken(name) else { return nil }
      var value = line[(name.count + 1)...]
      guard value.allSatisfy(isText) else { return nil }
      while let first = value.first, first == 32 || first == 9 { value.removeFirst() }
      while let last = value.last, last == 32 || last == 9 { value.removeLast() }
      fields.append([text(name), text(Array(value))])
    }
    return fields
  }

  private static func values(_ name: String, _ fields: [[String]]) -> [String] {
    fields.filter { $0[0].lowercased() == name }.map { $0[1] }
  }

  private enum Announcement {
    case refused, nothing
    case framing(StrictFraming)
  }

  /// §6: what the fields say of the body.
  private static func announced(_ fields: [[String]], _ version: String) -> Announcement {
    let lengths = values("content-length", fields)
    let codings = values("transfer-encoding", fields)
    guard lengths.count + codings.count <= 1 else { return .refused }
    if let coding = codings.first {
      let isChunked = coding.lowercased() == "chunked" && version == "1.1"
      return isChunked ? .framing(.chunked) : .refused
    }
    guard let length = lengths.first else { return .nothing }
    let isNumber = (1...18).contains(length.utf8.count) && length.utf8.allSatisfy(isDigit)
    return isNumber ? .framing(.length(UInt64(length)!)) : .refused
  }

  private static func persists(_ fields: [[String]], _ version: String) -> Bool {
    let options = values("connection", fields).flatMap { $0.split(separator: ",") }
      .map { $0.drop { $0 == " " || $0 == "\t" } }
      .map { String($0.reversed().drop { $0 == " " || $0 == "\t" }.reversed()).lowercased() }
    if options.contains("close") { return false }
    return version == "1.1" || options.contains("keep-alive")
  }

  // MARK: Octets

  /// Each byte as one character, so that no two texts of different bytes are equal.
  static func text(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(Unicode.Scalar(byte)) }
    return text
  }

  static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte)
  }
  static func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || (65...70).contains(byte) || (97...102).contains(byte)
  }
  static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 32 && byte != 127) }
  static func isToken(_ bytes: [UInt8]) -> Bool {
    !bytes.isEmpty
      && bytes.allSatisfy { isLetter($0) || isDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
  }
}
