// A JSON text that lies in memory whole, for messages whose members are not known beforehand, or are
// to be passed on as they were written. Streams and bodies are `JSONScanner`'s.

/// A text that was checked against RFC 8259, and its values as ranges of its bytes.
package struct JSONDocument: Sendable {
  package enum Kind: Equatable, Sendable { case object, array, string, number, bool, null }

  package struct Value: Equatable, Sendable {
    package let kind: Kind
    /// From its first byte to its last, quotes and brackets included.
    package let range: Range<Int>
  }

  package let bytes: [UInt8]
  package private(set) var root: Value

  /// Brackets that may be open at once: what is passed on has to be read by others, and their
  /// limits are of this order.
  package static let depthLimit = 256

  /// nil if the bytes are not exactly one JSON text, or nested too deeply. Strings are not checked
  /// for UTF-8.
  package init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    root = Value(kind: .null, range: 0..<0)
    var cursor = Cursor(bytes, at: 0)
    cursor.skipSpace()
    guard let value = cursor.value() else { return nil }
    cursor.skipSpace()
    guard cursor.at == bytes.count else { return nil }
    root = value
  }

  /// The members of an object, in their order; none of any other value.
  package func members(of value: Value) -> [(name: String, value: Value)] {
    guard value.kind == .object else { return [] }
    var cursor = Cursor(bytes, at: value.range.lowerBound + 1)
    var members: [(String, Value)] = []
    while true {
      cursor.skipSpace()
      guard let key = cursor.string() else { return members }
      cursor.skipSpace()
      cursor.at += 1
      cursor.skipSpace()
      guard let value = cursor.value() else { return members }
      members.append((string(Value(kind: .string, range: key)) ?? "", value))
      cursor.skipSpace()
      guard cursor.take(UInt8(ascii: ",")) else { return members }
    }
  }

  /// What a string says; nil for any other value. Half a surrogate pair is U+FFFD.
  package func string(_ value: Value) -> String? {
    guard value.kind == .string else { return nil }
    var text: [UInt8] = []
    text.reserveCapacity(value.range.count)
    var at = value.range.lowerBound + 1
    let end = value.range.upperBound - 1
    while at < end {
      guard bytes[at] == UInt8(ascii: "\\") else {
        text.append(bytes[at])
        at += 1
        continue
      }
      at += 2
      if let plain = Self.escapes[bytes[at - 1]] {
        text.append(plain)
      } else {
        appendEscaped(&at, before: end, to: &text)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A number without fraction and exponent that fits; nil for anything else.
  package func integer(_ value: Value) -> Int? {
    guard value.kind == .number else { return nil }
    return Int(String(decoding: bytes[value.range], as: UTF8.self))
  }

  /// `true` or `false`; nil for anything else.
  package func bool(_ value: Value) -> Bool? {
    value.kind == .bool ? bytes[value.range.lowerBound] == UInt8(ascii: "t") : nil
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
    UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12,
    UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
  ]

  /// `at` stands behind `\u`.
  private func appendEscaped(_ at: inout Int, before end: Int, to text: inout [UInt8]) {
    var value = unit(at)
    at += 4
    let isPair =
      value & 0xFC00 == 0xD800 && at + 6 <= end && bytes[at] == UInt8(ascii: "\\")
      && bytes[at + 1] == UInt8(ascii: "u") && unit(at + 2) & 0xFC00 == 0xDC00
    if isPair {
      value = 0x10000 + (value & 0x3FF) << 10 + unit(at + 2) & 0x3FF
      at += 6
    }
    text.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
  }

  /// Four hexadecimal digits.
  private func unit(_ at: Int) -> UInt32 {
    bytes[at..<at + 4].reduce(0) { $0 << 4 | UInt32(Cursor.digit($1) ?? 0) }
  }
}

/// Walks through a text. Each call stands at the first byte of what it reads, and leaves behind it.
private struct Cursor {
  let bytes: [UInt8]
  var at: Int

  init(_ bytes: [UInt8], at: Int) {
    self.bytes = bytes
    self.at = at
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }

  mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  /// nil where no value stands.
  mutating func value() -> JSONDocument.Value? {
    guard at < bytes.count else { return nil }
    let start = at
    let kind: JSONDocument.Kind
    switch bytes[at] {
    case UInt8(ascii: "{"): kind = .object
    case UInt8(ascii: "["): kind = .array
    default: return scalar()
    }
    return nested() ? JSONDocument.Value(kind: kind, range: start..<at) : nil
  }

  private mutating func scalar() -> JSONDocument.Value? {
    let start = at
    let kind: JSONDocument.Kind
    switch bytes[at] {
    case UInt8(ascii: "\""):
      guard string() != nil else { return nil }
      kind = .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      guard literal("true") || literal("false") else { return nil }
      kind = .bool
    case UInt8(ascii: "n"):
      guard literal("null") else { return nil }
      kind = .null
    default:
      guard number() else { return nil }
      kind = .number
    }
    return JSONDocument.Value(kind: kind, range: start..<at)
  }

  /// An object or an array, without recursion: what a peer sends must not decide our stack.
  private mutating func nested() -> Bool {
    var open: [UInt8] = []
    while true {
      if take(UInt8(ascii: "{")) {
        open.append(UInt8(ascii: "}"))
      } else if take(UInt8(ascii: "[")) {
        open.append(UInt8(ascii: "]"))
      } else {
        guard at < bytes.count, scalar() != nil else { return false }
        guard let isDone = close(&open) else { return false }
        if isDone { return true }
        continue
      }
      guard open.count <= JSONDocument.depthLimit else { return false }
      skipSpace()
      if take(open[open.count - 1]) {
        open.removeLast()
        guard let isDone = close(&open) else { return false }
        if isDone { return true }
      } else if open.last == UInt8(ascii: "}") {
        guard key() else { return false }
      }
    }
  }

  /// Behind a value: closes what ends here, and goes to the next value. Returns whether all is
  /// closed; nil for what must not follow.
  private mutating func close(_ open: inout [UInt8]) -> Bool? {
    while let bracket = open.last {
      skipSpace()
      if take(bracket) {
        open.removeLast()
      } else {
        guard take(UInt8(ascii: ",")) else { return nil }
        skipSpace()
        return bracket == UInt8(ascii: "}") && !key() ? nil : false
      }
    }
    return true
  }

  private mutating func key() -> Bool {
    guard string() != nil else { return false }
    skipSpace()
    guard take(UInt8(ascii: ":")) else { return false }
    skipSpace()
    return true
  }

  /// Its range, with the quotes.
  mutating func string() -> Range<Int>? {
    let start = at
    guard take(UInt8(ascii: "\"")) else { return nil }
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\"") { return start..<at }
      if byte < 0x20 { return nil }
      if byte == UInt8(ascii: "\\"), !escape() { return nil }
    }
    return nil
  }

  private mutating func escape() -> Bool {
    guard at < bytes.count else { return false }
    let letter = bytes[at]
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return true
    case UInt8(ascii: "u"):
      for _ in 0..<4 {
        guard at < bytes.count, Self.digit(bytes[at]) != nil else { return false }
        at += 1
      }
      return true
    default: return false
    }
  }

  private mutating func literal(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard at + length <= bytes.count else { return false }
    for (offset, byte) in text.description.utf8.enumerated() where bytes[at + offset] != byte {
      return false
    }
    at += length
    return true
  }

  private mutating func number() -> Bool {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { guard digits() else { return false } }
    if take(UInt8(ascii: ".")) { guard digits() else { return false } }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() else { return false }
    }
    return true
  }

  private mutating func digits() -> Bool {
    let start = at
    while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
      at += 1
    }
    return at > start
  }

  static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
