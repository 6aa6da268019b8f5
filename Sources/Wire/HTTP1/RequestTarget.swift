// Where a request wants to go: the forms of request targets that a reverse proxy serves, and the
// grammar of hosts, which targets and the Host field share.

/// The part of a request target that routes are matched against.
struct RequestTarget {
  /// Path and query. Empty, or beginning with `?`, where an absolute target has no path.
  let origin: Range<Int>

  /// Reads a target of visible characters, RFC 9112 §3.2.
  ///
  /// Accepts `/path?query`, `http://host/path?query` (and https), and `*` for OPTIONS. The
  /// authority form belongs to CONNECT, which is refused in any form: weir is no forward proxy,
  /// and the framing of a tunnel must not be guessed.
  init(parsing head: Span<UInt8>, method: Range<Int>, target: Range<Int>) throws(HTTP1Error) {
    guard !head.matches(method, exactly: "CONNECT") else { throw .badTarget }
    switch head[target.lowerBound] {
    case UInt8(ascii: "/"):
      origin = target
    case UInt8(ascii: "*"):
      guard target.count == 1, head.matches(method, exactly: "OPTIONS") else { throw .badTarget }
      origin = target
    default:
      origin = try Self.originOfAbsolute(head, target)
    }
  }

  private static func originOfAbsolute(
    _ head: Span<UInt8>, _ target: Range<Int>
  ) throws(HTTP1Error) -> Range<Int> {
    guard let scheme = ["http://", "https://"].first(where: { head.begins(target, with: $0) })
    else { throw .badTarget }
    let authority = target.lowerBound + scheme.utf8CodeUnitCount
    var end = authority
    while end < target.upperBound, head[end] != UInt8(ascii: "/"), head[end] != UInt8(ascii: "?") {
      end += 1
    }
    guard head.isHost(authority..<end) else { throw .badTarget }
    return end..<target.upperBound
  }
}

extension Span<UInt8> {
  /// Whether `range` holds `text` in the same case: methods are case-sensitive.
  func matches(_ range: Range<Int>, exactly text: StaticString) -> Bool {
    range.count == text.utf8CodeUnitCount && holds(text, at: range.lowerBound)
  }

  /// Whether `range` begins with `text`, which is in lower case, in letters of any case.
  fileprivate func begins(_ range: Range<Int>, with text: StaticString) -> Bool {
    guard range.count >= text.utf8CodeUnitCount else { return false }
    let end = range.lowerBound + text.utf8CodeUnitCount
    return matches(range.lowerBound..<end, lowercased: text)
  }

  /// Whether `range` is `uri-host [ ":" port ]` with a host that is not empty, RFC 9110 §7.2 and
  /// RFC 3986 §3.2.2. User information is not part of it.
  func isHost(_ range: Range<Int>) -> Bool {
    guard !range.isEmpty else { return false }
    let hostEnd =
      self[range.lowerBound] == UInt8(ascii: "[")
      ? endOfLiteral(range) : endOfRegisteredName(range)
    guard let hostEnd, hostEnd > range.lowerBound else { return false }
    if hostEnd == range.upperBound { return true }
    guard self[hostEnd] == HTTPOctet.colon else { return false }
    for at in hostEnd + 1..<range.upperBound where !HTTPOctet.isDigit(self[at]) { return false }
    return true
  }

  /// The end of a host name or IPv4 address; nil for a malformed percent escape.
  private func endOfRegisteredName(_ range: Range<Int>) -> Int? {
    var at = range.lowerBound
    while at < range.upperBound {
      if HTTPOctet.isRegisteredName(self[at]) {
        at += 1
      } else if self[at] == UInt8(ascii: "%") {
        guard at + 2 < range.upperBound, HTTPOctet.hexValue(self[at + 1]) != nil,
          HTTPOctet.hexValue(self[at + 2]) != nil
        else { return nil }
        at += 3
      } else {
        break
      }
    }
    return at
  }

  /// The end of an IPv6 address in brackets; nil for anything else in brackets.
  private func endOfLiteral(_ range: Range<Int>) -> Int? {
    var at = range.lowerBound + 1
    while at < range.upperBound, self[at] != UInt8(ascii: "]") {
      let isAddress =
        HTTPOctet.hexValue(self[at]) != nil || self[at] == HTTPOctet.colon
        || self[at] == UInt8(ascii: ".")
      guard isAddress else { return nil }
      at += 1
    }
    guard at < range.upperBound, at > range.lowerBound + 1 else { return nil }
    return at + 1
  }
}
