// The fields of a head, kept as offsets into its own bytes: order and case stay as received, and
// looking one up copies nothing.

/// Name and value slices over the bytes of one head.
package struct HeaderFields: Sendable {
  /// One field line, as offsets into the head. They are small, because each head has an array of
  /// these.
  package struct Field: Sendable, Equatable {
    private let nameStart: UInt32
    private let nameEnd: UInt32
    private let valueStart: UInt32
    private let valueEnd: UInt32
    private let lineEnd: UInt32
    fileprivate let mark: NameMark

    package var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    /// Without the white space around it; may be empty.
    package var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    /// The whole line, its CRLF included.
    package var line: Range<Int> { Int(nameStart)..<Int(lineEnd) }
  }

  /// A name's length, first and last letter: names that differ there need no comparing, and a head
  /// is asked for a dozen names that it has not.
  fileprivate struct NameMark: Sendable, Equatable {
    private let bits: UInt32

    @inline(__always)
    init(_ head: Span<UInt8>, _ name: Range<Int>) {
      let first = HTTPOctet.lowercased(head[name.lowerBound])
      let last = HTTPOctet.lowercased(head[name.upperBound &- 1])
      bits = UInt32(truncatingIfNeeded: name.count) << 16 | UInt32(first) << 8 | UInt32(last)
    }

    @inline(__always)
    init(_ name: StaticString) {
      let length = name.utf8CodeUnitCount
      // Unsafe: a static string is as long as it says, and no field's name is empty.
      let (first, last) = unsafe (name.utf8Start[0], name.utf8Start[length &- 1])
      bits = UInt32(truncatingIfNeeded: length) << 16 | UInt32(first) << 8 | UInt32(last)
    }

    /// One bit of 64 for all names of this mark: a head that has none of them is asked no further.
    @inline(__always)
    var bit: UInt64 { 1 << UInt64((bits ^ bits >> 9 ^ bits >> 16) & 63) }
  }

  /// The whole head, start line through blank line.
  package let bytes: [UInt8]
  package let fields: [Field]
  /// Spans all `Connection` fields, so that asking for nominations walks those lines alone.
  private let connectionFields: Range<Int>
  /// The bits of all fields' marks.
  private let marks: UInt64

  /// Reads the field lines which start at `start` and end with the head's blank line.
  ///
  /// Refuses every line that RFC 9112 §5 forbids, and line folding. Costs one allocation.
  init(parsing head: [UInt8], from start: Int) throws(HTTP1Error) {
    precondition(head.count <= UInt32.max, "a head of 4 GiB was not refused")
    let span = head.span
    let connectionMark = NameMark("connection")
    var fields: [Field] = []
    fields.reserveCapacity(16)
    var connection = 0..<0
    var marks: UInt64 = 0
    var at = start
    while at < span.count, span[at] != HTTPOctet.carriageReturn {
      let field = try Field(parsing: span, at: at)
      if field.mark == connectionMark, span.matches(field.name, lowercased: "connection") {
        let first = connection.isEmpty ? fields.count : connection.lowerBound
        connection = first..<fields.count + 1
      }
      fields.append(field)
      marks |= field.mark.bit
      at = field.line.upperBound
    }
    guard try span.endOfLine(at: at, otherwise: .badHeadEnding) == span.count else {
      throw .badHeadEnding
    }
    bytes = head
    self.fields = fields
    connectionFields = connection
    self.marks = marks
  }

  /// The fields of a head that has them where `other` has its own, with names of the same letters and
  /// the same `Connection`: whoever calls this has made sure of it.
  init(_ head: [UInt8], like other: borrowing HeaderFields) {
    bytes = head
    fields = other.fields
    connectionFields = other.connectionFields
    marks = other.marks
  }
}

// MARK: - Looking up

extension HeaderFields {
  /// The value of the first field of that name.
  package func first(_ lowercasedName: StaticString) -> Range<Int>? {
    firstIndex(lowercasedName, from: 0).map { fields[$0].value }
  }

  /// How many lines bear that name.
  package func count(of lowercasedName: StaticString) -> Int {
    var count = 0
    var next = 0
    while let index = firstIndex(lowercasedName, from: next) {
      count += 1
      next = index + 1
    }
    return count
  }

  /// Whether the field bears that name, in letters of any case.
  package func name(_ field: Field, is lowercasedName: StaticString) -> Bool {
    field.mark == NameMark(lowercasedName)
      && bytes.span.matches(field.name, lowercased: lowercasedName)
  }

  /// Whether `range` of the head holds that text, which is in lower case, in letters of any case.
  package func value(_ range: Range<Int>, equalsIgnoringCase lowercased: StaticString) -> Bool {
    bytes.span.matches(range, lowercased: lowercased)
  }

  /// A copy of `range` as text, with U+FFFD for what is no UTF-8. Allocates: for logs and setup.
  package func string(_ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }

  /// The value of the only field of that name, nil if there is none; throws `repeated` if several.
  func only(
    _ lowercasedName: StaticString, repeated: HTTP1Error
  ) throws(HTTP1Error) -> Range<Int>? {
    guard let index = firstIndex(lowercasedName, from: 0) else { return nil }
    guard firstIndex(lowercasedName, from: index + 1) == nil else { throw repeated }
    return fields[index].value
  }

  /// The first field of that name at or after `start`.
  private func firstIndex(_ lowercasedName: StaticString, from start: Int) -> Int? {
    let mark = NameMark(lowercasedName)
    guard marks & mark.bit != 0 else { return nil }
    let span = bytes.span
    var index = start
    while index < fields.count {
      if fields[index].mark == mark, span.matches(fields[index].name, lowercased: lowercasedName) {
        return index
      }
      index &+= 1
    }
    return nil
  }
}

// MARK: - Lists

extension HeaderFields {
  /// Whether a comma-separated list, all its lines together, holds `token`, which is in lower case.
  package func list(_ lowercasedName: StaticString, contains token: StaticString) -> Bool {
    let span = bytes.span
    var next = 0
    while let index = firstIndex(lowercasedName, from: next) {
      var rest = fields[index].value
      while let element = span.removeListElement(from: &rest) {
        if span.matches(element, lowercased: token) { return true }
      }
      next = index + 1
    }
    return false
  }

  /// Whether a `Connection` field names this one, which a proxy then must not forward
  /// (RFC 9110 §7.6.1).
  ///
  /// False for `Host`, `Content-Length` and `Transfer-Encoding` whatever `Connection` says:
  /// forwarding a body without the field that frames it would let the next hop read the body as
  /// a request.
  package func connectionNominates(_ field: Field) -> Bool {
    guard !connectionFields.isEmpty else { return false }
    let span = bytes.span
    for index in connectionFields
    where span.matches(fields[index].name, lowercased: "connection") {
      var rest = fields[index].value
      while let element = span.removeListElement(from: &rest) {
        if span.sameIgnoringCase(element, field.name) { return !isBeyondNomination(field) }
      }
    }
    return false
  }

  private func isBeyondNomination(_ field: Field) -> Bool {
    name(field, is: "host") || name(field, is: "content-length")
      || name(field, is: "transfer-encoding")
  }
}

extension Span<UInt8> {
  /// Takes the next element off the front of a comma-separated list, without blanks; it is empty
  /// where two commas meet (RFC 9110 §5.6.1). Nil at the list's end.
  fileprivate func removeListElement(from rest: inout Range<Int>) -> Range<Int>? {
    guard !rest.isEmpty else { return nil }
    var at = rest.lowerBound
    while at < rest.upperBound, self[at] != UInt8(ascii: ",") { at &+= 1 }
    let element = trimmed(rest.lowerBound..<at)
    rest = Swift.min(at &+ 1, rest.upperBound)..<rest.upperBound
    return element
  }

  fileprivate func sameIgnoringCase(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
    guard left.count == right.count else { return false }
    for offset in 0..<left.count
    where HTTPOctet.lowercased(self[left.lowerBound &+ offset])
      != HTTPOctet.lowercased(self[right.lowerBound &+ offset])
    {
      return false
    }
    return true
  }
}

// MARK: - Parsing

extension HeaderFields.Field {
  /// Reads the field line at `start`: `field-name ":" OWS field-value OWS CRLF`, RFC 9112 §5.
  @inline(__always)
  fileprivate init(parsing head: Span<UInt8>, at start: Int) throws(HTTP1Error) {
    let nameEnd = head.endOfToken(from: start)
    guard nameEnd > start, nameEnd < head.count, head[nameEnd] == HTTPOctet.colon else {
      throw Self.nameViolation(head, start: start, end: nameEnd)
    }
    let valueStart = nameEnd &+ 1
    var valueEnd = head.firstControl(from: valueStart)
    while valueEnd < head.count, head[valueEnd] == HTTPOctet.tab {
      valueEnd = head.firstControl(from: valueEnd &+ 1)
    }
    let lineEnd = try head.endOfLine(at: valueEnd, otherwise: .badFieldValue)
    let value = head.trimmed(valueStart..<valueEnd)
    nameStart = UInt32(truncatingIfNeeded: start)
    self.nameEnd = UInt32(truncatingIfNeeded: nameEnd)
    self.valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
    self.valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
    self.lineEnd = UInt32(truncatingIfNeeded: lineEnd)
    mark = HeaderFields.NameMark(head, start..<nameEnd)
  }

  private static func nameViolation(_ head: Span<UInt8>, start: Int, end: Int) -> HTTP1Error {
    if end < head.count, HTTPOctet.isBlank(head[end]) {
      return end == start ? .obsoleteFold : .spaceBeforeColon
    }
    return head.violation(at: end, otherwise: .badFieldName)
  }
}
