// A request's head, read strictly: what it asks for, how its body is framed, and what becomes of
// the connection after it.

/// One parsed request head. All ranges are offsets into `headers.bytes`.
package struct RequestHead: Sendable {
  package let headers: HeaderFields
  package let method: Range<Int>
  /// As received.
  package let target: Range<Int>
  /// The path and query of the target, which is what routes see: `target` itself, or the part of
  /// an absolute one behind its authority. See `originTargetLacksRoot`.
  package let originTarget: Range<Int>
  package let version: HTTPVersion
  /// `none`, `length` or `chunked`.
  package let framing: BodyFraming
  /// Whether the client may send another request on the connection.
  package let isPersistent: Bool
  /// Whether the client waits for `100 Continue` before it sends the body; HTTP/1.1 only.
  package let expectsContinue: Bool
  /// Whether the client asks to leave HTTP/1.1: an `Upgrade` field that `Connection` names.
  package let isUpgrade: Bool
  /// What it has in common with others that looked like it.
  package let form: HeadForm

  /// Reads a whole head, start line through blank line, as `HeadCollector` hands it over.
  ///
  /// Any bytes may be given; what is not exactly one head is refused. A `Host` that differs from
  /// the authority of an absolute target is accepted, since routes look at neither.
  package init(parsing head: [UInt8]) throws(HTTP1Error) {
    let line = try RequestLine(parsing: head.span)
    let headers = try HeaderFields(parsing: head, from: line.end)
    try Self.checkHost(headers, version: line.version)
    framing = try BodyFraming.announced(by: headers, version: line.version) ?? .none
    method = line.method
    target = line.target
    originTarget = line.originTarget
    version = line.version
    isPersistent = headers.allowsPersistence(version)
    let isCurrent = version == .http11
    expectsContinue = isCurrent && headers.list("expect", contains: "100-continue")
    isUpgrade =
      isCurrent && headers.first("upgrade") != nil
      && headers.list("connection", contains: "upgrade")
    form = .none
    self.headers = headers
  }

  /// A head of which all that was found in `other` holds but its framing and its bytes.
  init(_ head: [UInt8], like other: borrowing RequestHead, _ framing: BodyFraming, _ form: HeadForm)
  {
    headers = HeaderFields(head, like: other.headers)
    method = other.method
    target = other.target
    originTarget = other.originTarget
    version = other.version
    self.framing = framing
    isPersistent = other.isPersistent
    expectsContinue = other.expectsContinue
    isUpgrade = other.isUpgrade
    self.form = form
  }

  /// RFC 9112 §3.2: exactly one `Host` in HTTP/1.1, and a valid one wherever it stands.
  private static func checkHost(
    _ headers: HeaderFields, version: HTTPVersion
  ) throws(HTTP1Error) {
    guard let host = try headers.only("host", repeated: .repeatedHost) else {
      guard version == .http10 else { throw .missingHost }
      return
    }
    guard headers.bytes.span.isHost(host) else { throw .badHost }
  }
}

extension RequestHead {
  /// Whether the method is `name`; methods are case-sensitive.
  package func isMethod(_ name: StaticString) -> Bool {
    headers.bytes.span.matches(method, exactly: name)
  }

  /// Whether sending the request twice does what sending it once does (RFC 9110 §9.2.2).
  package var isIdempotent: Bool {
    isMethod("GET") || isMethod("HEAD") || isMethod("OPTIONS") || isMethod("TRACE")
      || isMethod("PUT") || isMethod("DELETE")
  }

  /// Whether `originTarget` begins with no `/`, because an absolute target had no path: it is
  /// empty or a query alone, and to be sent it wants a `/` in front.
  package var originTargetLacksRoot: Bool {
    originTarget.isEmpty || headers.bytes[originTarget.lowerBound] == UInt8(ascii: "?")
  }

  /// What stands behind the `?`, which nothing that is found in a head depends on, and where some
  /// clients put their keys; empty without one. Nil for the query of an absolute target.
  var query: Range<Int>? {
    let mark = target.first { headers.bytes[$0] == UInt8(ascii: "?") }
    guard let mark else { return target.upperBound..<target.upperBound }
    return target == originTarget ? mark + 1..<target.upperBound : nil
  }
}

/// `method SP request-target SP HTTP-version CRLF`, RFC 9112 §3, with single spaces only.
private struct RequestLine {
  let method: Range<Int>
  let target: Range<Int>
  let originTarget: Range<Int>
  let version: HTTPVersion
  /// The offset of the first field line.
  let end: Int

  init(parsing head: Span<UInt8>) throws(HTTP1Error) {
    let methodEnd = head.endOfToken(from: 0)
    guard methodEnd > 0, methodEnd < head.count, head[methodEnd] == HTTPOctet.space else {
      throw head.violation(at: methodEnd, otherwise: .badMethod)
    }
    let targetStart = methodEnd + 1
    var targetEnd = targetStart
    while targetEnd < head.count, HTTPOctet.isTarget(head[targetEnd]) { targetEnd &+= 1 }
    guard targetEnd > targetStart, targetEnd < head.count, head[targetEnd] == HTTPOctet.space
    else { throw head.violation(at: targetEnd, otherwise: .badTarget) }
    version = try HTTPVersion(parsing: head, at: targetEnd + 1)
    end = try head.endOfLine(
      at: targetEnd + 1 + HTTPVersion.length, otherwise: .badVersion)
    method = 0..<methodEnd
    target = targetStart..<targetEnd
    originTarget = try RequestTarget(parsing: head, method: method, target: target).origin
  }
}

extension HTTPVersion {
  /// The length of `HTTP/1.1`.
  static let length = 8

  /// Reads exactly `HTTP/1.0` or `HTTP/1.1`, RFC 9112 §2.3.
  init(parsing head: Span<UInt8>, at start: Int) throws(HTTP1Error) {
    guard head.holds("HTTP/1.", at: start), start + Self.length <= head.count else {
      throw .badVersion
    }
    switch head[start + Self.length - 1] {
    case UInt8(ascii: "0"): self = .http10
    case UInt8(ascii: "1"): self = .http11
    default: throw .badVersion
    }
  }
}
