// Heads on their way through: the same lines in the same order and case, without those that
// concern one connection only (RFC 9110 §7.6.1), and with what the route says.

internal import Wire

extension HeadWriter {
  /// The request as upstream gets it. Its framing fields stay: the body is forwarded as it came.
  ///
  /// `expecting` is false where weir itself has told the client to go on: upstream is then not asked.
  mutating func forward(
    _ head: RequestHead, to endpoint: Endpoint, by active: ActiveRoute, expecting: Bool
  ) {
    reset()
    let (prefix, target) = forwardedTarget(of: head, endpoint, active)
    requestLine(of: head, prefix: prefix, target: target)
    let headers = head.headers
    let rules = active.route.requestHeaders
    var written: [Bool] =
      rules.isEmpty ? [] : Array(repeating: false, count: rules.replacements.count)
    var hasHost = false
    var kept = KeptLines()
    for line in headers.fields {
      if !expecting, headers.name(line, is: "expect") { continue }
      if !rules.isEmpty {
        copy(&kept, from: headers)
        if rewrite(line, of: headers, by: rules, &written) { continue }
      }
      if headers.name(line, is: "host") {
        copy(&kept, from: headers)
        hasHost = true
        field("Host", endpoint.options.authority)
      } else if !headers.isHopByHop(line, keepingUpgrade: head.isUpgrade), !kept.take(line.line) {
        copy(&kept, from: headers)
        _ = kept.take(line.line)
      }
    }
    copy(&kept, from: headers)
    if !hasHost, !rules.replacements.contains(where: { $0.name == Array("host".utf8) }) {
      field("Host", endpoint.options.authority)
    }
    for (index, rule) in rules.replacements.enumerated() where !written[index] {
      field(rule.name, rule.value)
    }
    if head.isUpgrade { field("Connection", "Upgrade") }
    end()
  }

  /// The upstream's path, then what the route leaves of the request's, as raw bytes.
  private func forwardedTarget(
    of head: RequestHead, _ endpoint: Endpoint, _ active: ActiveRoute
  ) -> (prefix: [UInt8], target: Range<Int>) {
    let prefix = endpoint.options.pathPrefix
    var target = head.originTarget
    let stripped = active.route.pathPrefix.count
    guard active.route.strips, target.count >= stripped else { return (prefix, target) }
    target = target.lowerBound + stripped..<target.upperBound
    let slash = UInt8(ascii: "/")
    let first = target.isEmpty ? nil : head.headers.bytes[target.lowerBound]
    guard first != slash, first != UInt8(ascii: "?") else { return (prefix, target) }
    return (prefix + [slash], target)
  }

  /// Applies the route's rules to one line; returns whether they took its place.
  private mutating func rewrite(
    _ line: HeaderFields.Field, of headers: HeaderFields, by rules: HeaderRules,
    _ written: inout [Bool]
  ) -> Bool {
    for (index, rule) in rules.replacements.enumerated()
    where headers.name(line, isLowercased: rule.name) {
      if !written[index] { field(rule.name, rule.value) }
      written[index] = true
      return true
    }
    return rules.removals.contains { headers.name(line, isLowercased: $0) }
  }

  /// The answer's head as the client gets it.
  mutating func forward(_ head: ResponseHead, as delivery: Delivery) {
    reset()
    statusLine(of: head)
    let headers = head.headers
    var kept = KeptLines()
    for line in headers.fields {
      if headers.isHopByHop(line, keepingUpgrade: head.isSwitchingProtocols) { continue }
      if delivery.unchunks, headers.name(line, is: "transfer-encoding") { continue }
      if delivery.streamID != nil, headers.name(line, is: "x-weir-stream") { continue }
      if delivery.allowance != nil, headers.isAboutOrigins(line) { continue }
      if kept.take(line.line) { continue }
      copy(&kept, from: headers)
      _ = kept.take(line.line)
    }
    copy(&kept, from: headers)
    switch delivery.connection {
    case .unsaid: break
    case .close: field("Connection", "close")
    case .keepAlive: field("Connection", "keep-alive")
    case .upgrade: field("Connection", "Upgrade")
    }
    if let streamID = delivery.streamID { field("x-weir-stream", streamID) }
    if let allowance = delivery.allowance { fields(allowance) }
    end()
  }
}

/// Lines that follow one another and go on as they are: they are copied in one piece.
private struct KeptLines {
  private var range = 0..<0

  /// Takes a line that follows those it has; false for any other.
  mutating func take(_ line: Range<Int>) -> Bool {
    guard range.isEmpty || range.upperBound == line.lowerBound else { return false }
    range = (range.isEmpty ? line.lowerBound : range.lowerBound)..<line.upperBound
    return true
  }

  mutating func removeAll() -> Range<Int> {
    defer { range = 0..<0 }
    return range
  }
}

extension HeadWriter {
  fileprivate mutating func copy(_ lines: inout KeptLines, from headers: HeaderFields) {
    let range = lines.removeAll()
    if !range.isEmpty { copy(headers.bytes, range) }
  }
}

/// How an answer goes to its client.
struct Delivery {
  enum ConnectionField {
    /// What the version implies holds.
    case unsaid
    case close, keepAlive, upgrade
  }

  /// The client knows no chunks: it gets the payload, delimited by close.
  var unchunks = false
  var connection = ConnectionField.unsaid
  /// The name under which the stream is kept.
  var streamID: String?
  /// The page of another origin that may read the answer: weir's word in place of upstream's.
  var allowance: CrossOriginAllowance?
}

extension HeaderFields {
  /// Whether a line speaks about one connection: RFC 9110 §7.6.1, and what `Connection` names.
  /// `Transfer-Encoding` is none here, because chunks are forwarded as they came.
  func isHopByHop(_ line: Field, keepingUpgrade: Bool) -> Bool {
    switch line.name.count {
    case 2 where name(line, is: "te"): return true
    case 7 where name(line, is: "upgrade"): return !keepingUpgrade
    case 10 where name(line, is: "connection") || name(line, is: "keep-alive"): return true
    case 16 where name(line, is: "proxy-connection"): return true
    default: return connectionNominates(line)
    }
  }

  /// Whether a line says which pages may read the answer.
  func isAboutOrigins(_ line: Field) -> Bool {
    line.name.count > Self.originPrefix.count
      && zip(line.name, Self.originPrefix).allSatisfy { bytes[$0] | 0x20 == $1 }
  }

  private static let originPrefix = Array("access-control-".utf8)

  func name(_ line: Field, isLowercased name: [UInt8]) -> Bool {
    guard line.name.count == name.count else { return false }
    for (index, octet) in zip(line.name, name) {
      let own = bytes[index]
      let lowered = own >= 0x41 && own <= 0x5a ? own | 0x20 : own
      if lowered != octet { return false }
    }
    return true
  }
}
