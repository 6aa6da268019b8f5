// A response's head, read strictly. How its body is framed depends on the request too.

/// One parsed response head. All ranges are offsets into `headers.bytes`.
package struct ResponseHead: Sendable {
  package let headers: HeaderFields
  package let version: HTTPVersion
  /// Three digits, from 100 to 999.
  package let status: Int
  /// May be empty.
  package let reason: Range<Int>
  /// `none` for an answer to HEAD and for 1xx, 204 and 304, whatever the fields say.
  package let framing: BodyFraming
  /// Whether the upstream connection can carry another exchange after this one.
  package let isPersistent: Bool
  /// What it has in common with others that looked like it.
  package let form: HeadForm

  /// Reads a whole head, start line through blank line, as `HeadCollector` hands it over.
  ///
  /// Any bytes may be given; what is not exactly one head is refused.
  package init(parsing head: [UInt8], answeringHEAD: Bool) throws(HTTP1Error) {
    let line = try StatusLine(parsing: head.span)
    let headers = try HeaderFields(parsing: head, from: line.end)
    let framing = try Self.framing(headers, line, answeringHEAD: answeringHEAD)
    version = line.version
    status = line.status
    reason = line.reason
    isPersistent = framing != .untilClose && headers.allowsPersistence(line.version)
    self.framing = framing
    form = .none
    self.headers = headers
  }

  /// A head of which all that was found in `other` holds but its framing and its bytes.
  init(
    _ head: [UInt8], like other: borrowing ResponseHead, _ framing: BodyFraming, _ form: HeadForm
  ) {
    headers = HeaderFields(head, like: other.headers)
    version = other.version
    status = other.status
    reason = other.reason
    self.framing = framing
    isPersistent = other.isPersistent
    self.form = form
  }

  /// An interim response that another will follow. 101 is none: it is the last one of HTTP.
  package var isInformational: Bool { status < 200 && status != 101 }

  /// The connection leaves HTTP/1.1 after this head.
  package var isSwitchingProtocols: Bool { status == 101 }

  /// RFC 9112 §6.3. `Content-Length: 0` with 1xx or 204 is wrong but cannot be misread, and
  /// WebSocket servers send it; any other announcement of a body there is refused.
  private static func framing(
    _ headers: HeaderFields, _ line: StatusLine, answeringHEAD: Bool
  ) throws(HTTP1Error) -> BodyFraming {
    let announced = try BodyFraming.announced(by: headers, version: line.version)
    if line.status < 200 || line.status == 204 {
      guard announced == nil || announced == .length(0) else { throw .bodyInBodilessResponse }
      return .none
    }
    if answeringHEAD || line.status == 304 { return .none }
    return announced ?? .untilClose
  }
}

/// `HTTP-version SP status-code SP [ reason-phrase ] CRLF`, RFC 9112 §4. The space before an empty
/// reason may be missing, as it often is.
private struct StatusLine {
  let version: HTTPVersion
  let status: Int
  let reason: Range<Int>
  /// The offset of the first field line.
  let end: Int

  init(parsing head: Span<UInt8>) throws(HTTP1Error) {
    version = try HTTPVersion(parsing: head, at: 0)
    let statusEnd = HTTPVersion.length + 4
    status = try Self.status(head, from: HTTPVersion.length, to: statusEnd)
    var reasonStart = statusEnd
    if statusEnd < head.count, head[statusEnd] == HTTPOctet.space { reasonStart += 1 }
    var reasonEnd = reasonStart
    // Without the space nothing but the line's end may follow the status.
    if reasonStart > statusEnd {
      while reasonEnd < head.count, HTTPOctet.isText(head[reasonEnd]) { reasonEnd &+= 1 }
    }
    end = try head.endOfLine(at: reasonEnd, otherwise: .badStatusLine)
    reason = reasonStart..<reasonEnd
  }

  /// `SP 3DIGIT`, the first of them not zero.
  private static func status(
    _ head: Span<UInt8>, from start: Int, to end: Int
  ) throws(HTTP1Error) -> Int {
    guard end <= head.count, head[start] == HTTPOctet.space else {
      throw head.violation(at: start, otherwise: .badStatusLine)
    }
    var status = 0
    for at in start + 1..<end {
      guard HTTPOctet.isDigit(head[at]) else {
        throw head.violation(at: at, otherwise: .badStatusLine)
      }
      status = status * 10 + Int(head[at] &- 0x30)
    }
    guard status >= 100 else { throw .badStatusLine }
    return status
  }
}
