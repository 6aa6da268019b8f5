// Writes heads into one reused buffer: those that weir makes itself, and those it forwards, whose
// field lines are copied as they came.

/// Builds one head at a time in `bytes`: a start line, fields, then `end()`.
package struct HeadWriter: Sendable {
  /// What was written so far; more may be appended, by whoever vouches for it.
  package var bytes: [UInt8] = []
  /// What was copied since `beginRecipe`; nil where nobody wants to know.
  var copies: [HeadRecipe.Copy]?

  package init() {
    bytes.reserveCapacity(1024)
  }

  /// Begins anew and keeps the memory.
  package mutating func reset() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Adds what was written to `buffer`. It changes nothing here; but of a writer that is lent for change the
  /// compiler makes no copy, which counts references.
  package mutating func append(to buffer: inout [UInt8]) { buffer.append(copying: bytes.span) }

  /// The blank line.
  package mutating func end() {
    newLine()
  }
}

// MARK: - Start lines

extension HeadWriter {
  /// `METHOD target HTTP/1.1`, for requests of weir's own. The caller vouches for both.
  package mutating func requestLine(method: StaticString, target: String) {
    write(method)
    bytes.append(HTTPOctet.space)
    writeText(target.utf8)
    endRequestLine()
  }

  /// The line of a forwarded request: its method, then `prefix` (the upstream URL's path), then
  /// what is left of its target, as raw bytes.
  ///
  /// A `/` is written in front where neither brings one, as an absolute target without a path
  /// does not.
  package mutating func requestLine(
    of head: RequestHead, prefix: [UInt8] = [], target: Range<Int>
  ) {
    let source = head.headers.bytes
    copy(source, head.method)
    bytes.append(HTTPOctet.space)
    let first = prefix.first ?? (target.isEmpty ? nil : source[target.lowerBound])
    if first == nil || first == UInt8(ascii: "?") { bytes.append(UInt8(ascii: "/")) }
    bytes.append(contentsOf: prefix)
    copy(source, target)
    endRequestLine()
  }

  /// `HTTP/1.1 status reason`; without a reason, the standard one.
  package mutating func statusLine(status: Int, reason: StaticString? = nil) {
    beginStatusLine(status)
    write(reason ?? ReasonPhrase.standard(for: status))
    newLine()
  }

  /// `HTTP/1.1 status reason` with a reason that is not known until it is sent.
  package mutating func statusLine(status: Int, reason: [UInt8]) {
    beginStatusLine(status)
    writeText(reason)
    newLine()
  }

  /// The status line of a forwarded response, with its own reason; always HTTP/1.1, the version
  /// of whoever sends it (RFC 9110 §6.2).
  package mutating func statusLine(of head: ResponseHead) {
    beginStatusLine(head.status)
    copy(head.headers.bytes, head.reason)
    newLine()
  }

  private mutating func beginStatusLine(_ status: Int) {
    write("HTTP/1.1 ")
    writeNumber(UInt64(status))
    bytes.append(HTTPOctet.space)
  }

  private mutating func endRequestLine() {
    write(" HTTP/1.1")
    newLine()
  }
}

// MARK: - Fields

extension HeadWriter {
  // In every value, a byte that may not stand in one (CR, LF, NUL, other controls) is written as a
  // space, as RFC 9110 §5.5 has it, so no value can end its line early and begin another.

  package mutating func field(_ name: StaticString, _ value: StaticString) {
    write(name)
    writeColon()
    write(value)
    newLine()
  }

  package mutating func field(_ name: StaticString, _ value: String) {
    write(name)
    writeColon()
    writeText(value.utf8)
    newLine()
  }

  package mutating func field(_ name: StaticString, _ value: [UInt8]) {
    write(name)
    writeColon()
    writeText(value)
    newLine()
  }

  package mutating func field(_ name: StaticString, _ value: Int) {
    write(name)
    writeColon()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    writeNumber(UInt64(value.magnitude))
    newLine()
  }

  /// A field whose name comes from the settings, which have made sure that it is a token.
  package mutating func field(_ name: [UInt8], _ value: [UInt8]) {
    writeText(name)
    writeColon()
    writeText(value)
    newLine()
  }

  /// Copies the whole line, CRLF included, in the order and case in which it came.
  package mutating func copyLine(of field: HeaderFields.Field, from headers: HeaderFields) {
    copy(headers.bytes, field.line)
  }

  /// Copies bytes as they are: several whole lines at once, or a part of a line.
  package mutating func copy(_ source: [UInt8], _ range: Range<Int>) {
    // Unsafe: the range was checked, and the pointer is used during the call alone.
    precondition(range.lowerBound >= 0 && range.upperBound <= source.count)
    copies?.append(HeadRecipe.Copy(source: range, to: bytes.count))
    unsafe source.withUnsafeBufferPointer { whole in
      unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: whole[range]))
    }
  }

  private mutating func write(_ text: StaticString) {
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func writeText(_ text: [UInt8]) {
    if text.allSatisfy(HTTPOctet.isText) { return bytes.append(contentsOf: text) }
    for octet in text { bytes.append(HTTPOctet.isText(octet) ? octet : HTTPOctet.space) }
  }

  private mutating func writeText(_ text: String.UTF8View) {
    for octet in text { bytes.append(HTTPOctet.isText(octet) ? octet : HTTPOctet.space) }
  }

  private mutating func writeColon() {
    bytes.append(HTTPOctet.colon)
    bytes.append(HTTPOctet.space)
  }

  private mutating func newLine() {
    bytes.append(HTTPOctet.carriageReturn)
    bytes.append(HTTPOctet.lineFeed)
  }

  /// Decimal digits, the first of them first.
  private mutating func writeNumber(_ number: UInt64) {
    var unit: UInt64 = 1
    while number / unit >= 10 { unit *= 10 }
    while unit > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / unit % 10))
      unit /= 10
    }
  }
}
