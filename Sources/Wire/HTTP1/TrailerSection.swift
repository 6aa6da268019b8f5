// The trailer section of a chunked body, one byte at a time. weir forwards trailers, so it keeps
// none; it makes sure that they are field lines and none that a recipient could take for more.

/// Follows `*( field-line CRLF ) CRLF`, RFC 9112 §7.1.2, by the rules that heads obey.
struct TrailerSection: Sendable {
  private enum Position {
    case lineStart, withinName, withinValue, lineCarriageReturn, lastCarriageReturn, ended
  }

  /// A name longer than the longest forbidden one cannot be forbidden.
  private static let keptNameBytes: UInt8 = 20

  private var position = Position.lineStart
  private var nameLength: UInt8 = 0
  /// The first bytes of the line's name, in lower case.
  private var name = InlineArray<20, UInt8>(repeating: 0)

  /// Whether the section's last line feed was taken.
  var isEnded: Bool { position == .ended }

  /// Whether what was taken last belongs to a field line rather than to the section's own end.
  var isWithinField: Bool { position != .lastCarriageReturn && position != .ended }

  /// Takes one byte and answers the rule that it breaks, if any.
  mutating func take(_ octet: UInt8) -> HTTP1Error? {
    switch position {
    case .lineStart: return startLine(octet)
    case .withinName: return extendName(octet)
    case .withinValue:
      if octet == HTTPOctet.carriageReturn {
        position = .lineCarriageReturn
        return nil
      }
      return HTTPOctet.isText(octet) ? nil : Self.violation(octet)
    case .lineCarriageReturn: return lineFeed(octet, then: .lineStart)
    case .lastCarriageReturn: return lineFeed(octet, then: .ended)
    case .ended: preconditionFailure("nothing follows a trailer section's end")
    }
  }

  private mutating func startLine(_ octet: UInt8) -> HTTP1Error? {
    if octet == HTTPOctet.carriageReturn {
      position = .lastCarriageReturn
      return nil
    }
    if HTTPOctet.isBlank(octet) { return .obsoleteFold }
    nameLength = 0
    position = .withinName
    // A colon here would end an empty name.
    return octet == HTTPOctet.colon ? .badTrailer : extendName(octet)
  }

  private mutating func extendName(_ octet: UInt8) -> HTTP1Error? {
    if octet == HTTPOctet.colon {
      position = .withinValue
      return isForbidden ? .forbiddenTrailer : nil
    }
    guard HTTPOctet.isToken(octet) else {
      return HTTPOctet.isBlank(octet) ? .spaceBeforeColon : Self.violation(octet)
    }
    if nameLength < Self.keptNameBytes { name[Int(nameLength)] = HTTPOctet.lowercased(octet) }
    // Any length beyond the kept bytes means the same.
    nameLength = min(nameLength + 1, Self.keptNameBytes + 1)
    return nil
  }

  private mutating func lineFeed(_ octet: UInt8, then next: Position) -> HTTP1Error? {
    guard octet == HTTPOctet.lineFeed else { return .bareCarriageReturn }
    position = next
    return nil
  }

  private static func violation(_ octet: UInt8) -> HTTP1Error {
    switch octet {
    case HTTPOctet.nul: .nulByte
    case HTTPOctet.lineFeed: .bareLineFeed
    default: .badTrailer
    }
  }

  /// The fields that RFC 9110 §6.5.1 keeps out of trailers and that a recipient merging them into
  /// its head would act upon: framing, the connection, routing and credentials, how to read the
  /// content.
  private static let forbidden: [StaticString] = [
    "transfer-encoding", "content-length", "trailer", "te",
    "connection", "keep-alive", "proxy-connection", "upgrade",
    "host", "expect", "max-forwards", "authorization", "proxy-authorization",
    "content-encoding", "content-type", "content-range",
  ]

  private var isForbidden: Bool {
    guard nameLength <= Self.keptNameBytes else { return false }
    let kept = name.span
    return Self.forbidden.contains { kept.matches(0..<Int(nameLength), lowercased: $0) }
  }
}
