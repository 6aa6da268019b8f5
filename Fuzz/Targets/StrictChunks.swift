// The second reading's part for chunked bodies, RFC 9112 §7.1: whole lines, no state.

/// A chunked body that is whole and well framed; nil for any other bytes.
struct StrictChunks: Equatable {
  var payload: [UInt8] = []
  var end = 0

  init?(_ bytes: [UInt8]) {
    var at = 0
    var metadata = 0
    while true {
      guard let line = Self.line(bytes, &at), let size = Self.size(line) else { return nil }
      metadata += line.count - line.prefix(while: StrictReader.isHex).count
      if size == 0 { break }
      guard bytes.count - at >= 2, size <= bytes.count - at - 2 else { return nil }
      payload += bytes[at..<at + size]
      at += size
      guard bytes[at] == 13, bytes[at + 1] == 10 else { return nil }
      at += 2
    }
    while let line = Self.line(bytes, &at) {
      if line.isEmpty {
        end = at
        if metadata > 4096 { return nil }
        return
      }
      metadata += line.count + 2
      guard Self.isTrailer(line) else { return nil }
    }
    return nil
  }

  /// Up to the next CRLF, which is passed over; nil where CR or LF stands alone, or none comes.
  private static func line(_ bytes: [UInt8], _ at: inout Int) -> [UInt8]? {
    guard let end = bytes[at...].firstIndex(of: 13), end + 1 < bytes.count, bytes[end + 1] == 10
    else { return nil }
    let line = Array(bytes[at..<end])
    at = end + 2
    return line.contains(10) ? nil : line
  }

  private static func size(_ line: [UInt8]) -> Int? {
    let digits = line.prefix(while: StrictReader.isHex)
    guard (1...16).contains(digits.count),
      let size = Int(StrictReader.text(Array(digits)), radix: 16),
      areExtensions(Array(line[digits.count...]))
    else { return nil }
    return size
  }

  /// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, from left to right.
  private static func areExtensions(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    func skipBlanks() { rest = rest.drop { $0 == 32 || $0 == 9 } }
    func take(_ byte: UInt8) -> Bool {
      guard rest.first == byte else { return false }
      rest = rest.dropFirst()
      return true
    }
    func takeToken() -> Bool {
      let token = rest.prefix { StrictReader.isToken([$0]) }
      rest = rest.dropFirst(token.count)
      return !token.isEmpty
    }
    func takeQuoted() -> Bool {
      guard take(34) else { return false }
      while let byte = rest.popFirst() {
        if byte == 34 { return true }
        guard StrictReader.isText(byte) else { return false }
        if byte == 92 {
          guard let escaped = rest.popFirst(), StrictReader.isText(escaped) else { return false }
        }
      }
      return false
    }
    while !rest.isEmpty {
      skipBlanks()
      guard take(59) else { return false }
      skipBlanks()
      guard takeToken() else { return false }
      let behindName = rest
      skipBlanks()
      guard take(61) else {
        rest = behindName
        continue
      }
      skipBlanks()
      guard takeToken() || takeQuoted() else { return false }
    }
    return true
  }

  private static func isTrailer(_ line: [UInt8]) -> Bool {
    let name = Array(line.prefix { $0 != 58 })
    guard name.count < line.count, StrictReader.isToken(name) else { return false }
    return line[(name.count + 1)...].allSatisfy(StrictReader.isText)
      && !forbidden.contains(StrictReader.text(name).lowercased())
  }

  /// RFC 9110 §6.5.1: framing, routing, request modifiers, authentication, content.
  private static let forbidden: Set<String> = [
    "transfer-encoding", "content-length", "trailer", "te", "connection", "keep-alive",
    "proxy-connection", "upgrade", "host", "expect", "max-forwards", "authorization",
    "proxy-authorization", "content-encoding", "content-type", "content-range",
  ]
}
