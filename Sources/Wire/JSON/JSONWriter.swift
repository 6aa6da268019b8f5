// Writes JSON (RFC 8259) into a buffer that is used again for each line: logs, pages, answers.

/// Builds one JSON text after another without allocating, once its buffer has grown.
///
/// Commas are its own business. It checks no grammar beyond them: a value must follow each key,
/// and what is begun must be ended.
package struct JSONWriter: Sendable {
  /// What was written since the last `removeAll`.
  package private(set) var bytes: [UInt8] = []

  /// For each open object or array, innermost lowest: whether a comma must come first.
  private var commas: UInt64 = 0

  package init(capacity: Int = 1024) { bytes.reserveCapacity(capacity) }

  /// Forgets the text and keeps the buffer.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    commas = 0
  }

  // MARK: - Structure: up to 63 levels deep

  package mutating func beginObject() { begin("{") }
  package mutating func endObject() { end("}") }
  package mutating func beginArray() { begin("[") }
  package mutating func endArray() { end("]") }

  /// Begins a member; its name must need no escapes.
  package mutating func key(_ name: StaticString) {
    separate()
    bytes.append(quote)
    append(name)
    bytes.append(quote)
    bytes.append(UInt8(ascii: ":"))
    expectValue()
  }

  /// Begins a member whose name may hold anything.
  package mutating func key(escaping name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    expectValue()
  }

  /// Ends a line, so that the next value begins without a comma.
  package mutating func newline() {
    bytes.append(UInt8(ascii: "\n"))
    commas = 0
  }

  // MARK: - Values

  package mutating func null() { literal("null") }
  package mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

  package mutating func integer(_ value: Int) {
    separate()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    appendDigits(UInt64(value.magnitude))
  }

  package mutating func unsigned(_ value: UInt64) {
    separate()
    appendDigits(value)
  }

  /// `value` × 10^-`fractionDigits`, without trailing zeros: 12300 with 3 is `12.3`.
  ///
  /// - Parameter fractionDigits: at most 18.
  package mutating func decimal(_ value: UInt64, fractionDigits: Int) {
    separate()
    var scale: UInt64 = 1
    for _ in 0..<fractionDigits { scale *= 10 }
    appendDigits(value / scale)
    var fraction = value % scale
    guard fraction > 0 else { return }
    bytes.append(UInt8(ascii: "."))
    while fraction > 0 {
      scale /= 10
      bytes.append(UInt8(ascii: "0") + UInt8(fraction / scale))
      fraction %= scale
    }
  }

  /// The shortest text that reads back as `value`; `null` for what JSON cannot say (RFC 8259 §6).
  package mutating func number(_ value: Double) {
    guard value.isFinite else { return null() }
    separate()
    bytes.append(contentsOf: value.description.utf8)
  }

  /// A string that must need no escapes.
  package mutating func string(_ value: StaticString) {
    separate()
    bytes.append(quote)
    append(value)
    bytes.append(quote)
  }

  package mutating func string(_ value: String) { string(value.utf8.span) }

  /// A string from bytes that should be UTF-8; what is not becomes U+FFFD, once for each maximal
  /// part of a sequence (Unicode §3.9).
  package mutating func string(_ value: Span<UInt8>) {
    separate()
    bytes.append(quote)
    var (plainStart, position) = (0, 0)
    while position < value.count {
      let byte = value[position]
      if byte < 0x80, !needsEscape(byte) {
        position += 1
        continue
      }
      let (length, isValid) = utf8Sequence(value, position)
      if byte >= 0x80, isValid {
        position += length
        continue
      }
      append(value.extracting(plainStart..<position))
      if byte < 0x80 { appendEscaped(byte) } else { append("\u{FFFD}") }
      position += length
      plainStart = position
    }
    append(value.extracting(plainStart..<value.count))
    bytes.append(quote)
  }

  /// A string made of bytes that the caller knows to be plain ASCII without quotes, backslashes
  /// and controls: hexadecimal ids, timestamps.
  package mutating func plainString(_ value: Span<UInt8>) {
    separate()
    bytes.append(quote)
    append(value)
    bytes.append(quote)
  }

  // MARK: - Parts

  private mutating func begin(_ bracket: Unicode.Scalar) {
    separate()
    precondition(commas >> 63 == 0, "a JSON text deeper than 63 levels")
    bytes.append(UInt8(ascii: bracket))
    commas <<= 1
  }

  private mutating func end(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    commas = commas >> 1 | 1
  }

  /// Writes the comma before every value or member but the first of its level.
  private mutating func separate() {
    if commas & 1 == 1 { bytes.append(UInt8(ascii: ",")) }
    commas |= 1
  }

  /// After a key its value comes without a comma.
  private mutating func expectValue() { commas &= ~1 }

  private mutating func literal(_ text: StaticString) {
    separate()
    append(text)
  }

  private mutating func append(_ text: StaticString) {
    // Unsafe: a static string is as long as it says and lives for ever.
    unsafe bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func appendDigits(_ value: UInt64) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }

  private mutating func append(_ part: Span<UInt8>) {
    // Unsafe: the pointer is used during the call alone.
    unsafe part.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    switch byte {
    case quote, backslash: appendEscape(byte)
    case 0x0A: appendEscape(UInt8(ascii: "n"))
    case 0x0D: appendEscape(UInt8(ascii: "r"))
    case 0x09: appendEscape(UInt8(ascii: "t"))
    default:
      append("\\u00")
      bytes.append(hexDigit(byte >> 4))
      bytes.append(hexDigit(byte & 15))
    }
  }

  private mutating func appendEscape(_ letter: UInt8) {
    bytes.append(backslash)
    bytes.append(letter)
  }
}

private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")

/// Whether RFC 8259 §7 wants an ASCII character escaped.
@inline(__always)
private func needsEscape(_ byte: UInt8) -> Bool {
  byte < 0x20 || byte == quote || byte == backslash
}

private func hexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

/// The length of the UTF-8 sequence at `position`, or of the part of one that is not valid:
/// table 3-7 of the Unicode standard.
private func utf8Sequence(_ bytes: Span<UInt8>, _ position: Int) -> (length: Int, isValid: Bool) {
  let first = bytes[position]
  if first < 0x80 { return (1, true) }
  let length: Int
  var allowed: ClosedRange<UInt8> = 0x80...0xBF
  switch first {
  case 0xC2...0xDF: length = 2
  case 0xE0: (length, allowed) = (3, 0xA0...0xBF)
  case 0xED: (length, allowed) = (3, 0x80...0x9F)
  case 0xE1...0xEF: length = 3
  case 0xF0: (length, allowed) = (4, 0x90...0xBF)
  case 0xF4: (length, allowed) = (4, 0x80...0x8F)
  case 0xF1...0xF3: length = 4
  default: return (1, false)
  }
  for offset in 1..<length {
    let index = position + offset
    guard index < bytes.count, allowed.contains(bytes[index]) else { return (offset, false) }
    allowed = 0x80...0xBF
  }
  return (length, true)
}
