// A second reading of chunked bodies, for the tests to hold against the real one: the whole body at
// once, by recursive descent over the grammar as RFC 9112 §7.1 prints it, with no state kept.

internal import TestSupport

/// A whole chunked body as the grammar has it; nil where the bytes are not one, or not yet.
struct ChunkedBody: Equatable {
  var payload: [UInt8] = []
  /// The offset after the body's final CRLF.
  var end = 0

  init(payload: [UInt8], end: Int) {
    (self.payload, self.end) = (payload, end)
  }

  init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    var metadata = 0
    while true {
      guard let line = Self.line(&rest), let size = Self.size(line, &metadata) else { return nil }
      if size == 0 { break }
      guard rest.count >= size else { return nil }
      payload += rest.prefix(size)
      rest = rest.dropFirst(size)
      guard rest.starts(with: [13, 10]) else { return nil }
      rest = rest.dropFirst(2)
    }
    while let line = Self.line(&rest) {
      if line.isEmpty {
        end = rest.startIndex
        if metadata > 4096 { return nil }
        return
      }
      metadata += line.count + 2
      guard Self.isTrailer(line) else { return nil }
    }
    return nil
  }

  /// What stands before the next CRLF, which is taken too; nil without one.
  private static func line(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var at = rest.startIndex
    while at + 1 < rest.endIndex {
      if rest[at] == 13, rest[at + 1] == 10 {
        let line = rest[..<at]
        rest = rest[(at + 2)...]
        return line.contains(13) || line.contains(10) ? nil : line
      }
      at += 1
    }
    return nil
  }

  private static func size(_ line: ArraySlice<UInt8>, _ metadata: inout Int) -> Int? {
    let text = String(decoding: line, as: Unicode.ASCII.self)
    let digits = text.prefix { $0.isASCII && $0.isHexDigit }
    guard (1...16).contains(digits.utf8.count), let size = Int(digits, radix: 16) else {
      return nil
    }
    let extensions = line.dropFirst(digits.utf8.count)
    metadata += extensions.count
    return isExtensions(extensions) ? size : nil
  }

  private static func isExtensions(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    while !rest.isEmpty {
      rest = rest.drop(while: isBlank)
      guard rest.popFirst() == UInt8(ascii: ";") else { return false }
      rest = rest.drop(while: isBlank)
      guard let name = rest.first, isToken(name) else { return false }
      rest = rest.drop(while: isToken)
      let behind = rest.drop(while: isBlank)
      guard behind.first == UInt8(ascii: "=") else { continue }
      rest = behind.dropFirst().drop(while: isBlank)
      guard removeValue(&rest) else { return false }
    }
    return true
  }

  private static func removeValue(_ rest: inout ArraySlice<UInt8>) -> Bool {
    guard let first = rest.first else { return false }
    if isToken(first) {
      rest = rest.drop(while: isToken)
      return true
    }
    guard rest.popFirst() == UInt8(ascii: "\"") else { return false }
    while let octet = rest.popFirst() {
      if octet == UInt8(ascii: "\"") { return true }
      if octet == UInt8(ascii: "\\") {
        guard let escaped = rest.popFirst(), isText(escaped) else { return false }
      } else if !isText(octet) {
        return false
      }
    }
    return false
  }

  private static func isTrailer(_ line: ArraySlice<UInt8>) -> Bool {
    let name = line.prefix(while: isToken)
    let rest = line.dropFirst(name.count)
    guard !name.isEmpty, rest.first == UInt8(ascii: ":") else { return false }
    let forbidden = ["host", "te", "content-length", "transfer-encoding", "connection"]
    guard !forbidden.contains(String(decoding: name, as: UTF8.self).lowercased()) else {
      return false
    }
    return rest.dropFirst().allSatisfy(isText)
  }

  private static func isBlank(_ octet: UInt8) -> Bool { octet == 9 || octet == 32 }
  private static func isText(_ octet: UInt8) -> Bool {
    octet == 9 || (octet >= 32 && octet != 127)
  }
  private static func isToken(_ octet: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(octet))
    return octet < 128
      && (character.isLetter || character.isNumber || "!#$%&'*+-.^_`|~".contains(character))
  }
}

extension ChunkedBody {
  /// A random valid body: chunks of all sizes with extensions, trailers, and bytes that follow it.
  static func random(using random: inout SeededRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      let payload = random.bytes(Int.random(in: 1...40, using: &random))
      let zeros = String(repeating: "0", count: Int.random(in: 0...3, using: &random))
      bytes +=
        (zeros + String(payload.count, radix: 16, uppercase: Bool.random(using: &random))).utf8
      bytes += (extensions.randomElement(using: &random) ?? "").utf8
      bytes += [13, 10] + payload + [13, 10]
    }
    bytes += "0\(extensions.randomElement(using: &random) ?? "")\r\n".utf8
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      bytes += "\(trailers.randomElement(using: &random) ?? "A: b")\r\n".utf8
    }
    return bytes + [13, 10] + random.bytes(Int.random(in: 0...4, using: &random))
  }

  private static let extensions = ["", "", "", ";a", ";a=b", " ; a = \"b;\\\"c\" ;d", "\t;x=y;z"]
  private static let trailers = ["A: b", "X-Checksum:", "x: \t\"y\" "]
}
