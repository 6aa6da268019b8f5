// Reads the index of a folder of recordings: a JSON array of objects, of which four members count.

/// What the index says of one file.
struct IndexEntry: Equatable, Sendable {
  var contentType: String
  var status: Int
  var isStream: Bool
}

struct IndexError: Error, Equatable {
  let offset: Int
  let reason: String
}

/// A reader of JSON (RFC 8259) that goes through values and keeps only what it is asked for.
struct IndexReader {
  private let bytes: [UInt8]
  private var at = 0
  private static let deepest = 64

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The entries by their `file`.
  static func read(_ bytes: [UInt8]) throws(IndexError) -> [String: IndexEntry] {
    var reader = IndexReader(bytes)
    var entries: [String: IndexEntry] = [:]
    try reader.array { reader throws(IndexError) in
      if let (file, entry) = try reader.entry() { entries[file] = entry }
    }
    reader.skipBlanks()
    guard reader.at == bytes.count else { throw reader.error("there is more behind the array") }
    return entries
  }

  private mutating func entry() throws(IndexError) -> (String, IndexEntry)? {
    var file: String?
    var entry = IndexEntry(contentType: "application/octet-stream", status: 200, isStream: false)
    try object { reader, name throws(IndexError) in
      switch name {
      case "file": file = try reader.string()
      case "content_type": entry.contentType = try reader.string()
      case "http_status": entry.status = try reader.integer()
      case "streaming": entry.isStream = try reader.boolean()
      default: try reader.skipValue(depth: 0)
      }
    }
    return file.map { ($0, entry) }
  }
}

// MARK: - Structure

extension IndexReader {
  private mutating func array(
    _ element: (inout IndexReader) throws(IndexError) -> Void
  ) throws(IndexError) {
    try expect(UInt8(ascii: "["))
    if takes(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while takes(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
  }

  private mutating func object(
    _ member: (inout IndexReader, String) throws(IndexError) -> Void
  ) throws(IndexError) {
    try expect(UInt8(ascii: "{"))
    if takes(UInt8(ascii: "}")) { return }
    repeat {
      let name = try string()
      try expect(UInt8(ascii: ":"))
      try member(&self, name)
    } while takes(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  private mutating func skipValue(depth: Int) throws(IndexError) {
    guard depth < Self.deepest else { throw error("nested deeper than \(Self.deepest) levels") }
    skipBlanks()
    guard at < bytes.count else { throw error("a value is missing") }
    switch bytes[at] {
    case UInt8(ascii: "{"):
      try object { reader, _ throws(IndexError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try array { reader throws(IndexError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    default: _ = try word()
    }
  }
}

// MARK: - Values

extension IndexReader {
  private mutating func integer() throws(IndexError) -> Int {
    guard let number = Int(try word()) else { throw error("not a whole number") }
    return number
  }

  private mutating func boolean() throws(IndexError) -> Bool {
    guard let value = Bool(try word()) else { throw error("neither true nor false") }
    return value
  }

  /// A number or one of the three names.
  private mutating func word() throws(IndexError) -> String {
    skipBlanks()
    let start = at
    while at < bytes.count, Self.isWord(bytes[at]) { at += 1 }
    guard at > start else { throw error("a value is missing") }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  private mutating func string() throws(IndexError) -> String {
    try expect(UInt8(ascii: "\""))
    var text: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try escape()
      default: text.append(byte)
      }
    }
    throw error("a string does not end")
  }

  private mutating func escape() throws(IndexError) -> [UInt8] {
    guard at < bytes.count else { throw error("a string does not end") }
    let letter = bytes[at]
    at += 1
    switch letter {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "u"): return try unicodeEscape()
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
    default: throw error("no such escape")
    }
  }

  /// One half of a surrogate pair becomes U+FFFD: no file name or content type has one.
  private mutating func unicodeEscape() throws(IndexError) -> [UInt8] {
    let digits = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
    guard digits.utf8.count == 4, let code = UInt32(digits, radix: 16) else {
      throw error("four hexadecimal digits must follow")
    }
    at += 4
    return Array(String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
  }

  private mutating func skipBlanks() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func takes(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(IndexError) {
    guard takes(byte) else { throw error("expected \(Character(Unicode.Scalar(byte)))") }
  }

  private func error(_ reason: String) -> IndexError { IndexError(offset: at, reason: reason) }
}
