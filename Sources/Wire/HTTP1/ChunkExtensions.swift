// The grammar of chunk extensions, one byte at a time. weir forwards them and looks at none.

/// Follows `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, RFC 9112 §7.1.1.
struct ChunkExtensions: Sendable {
  private enum Position {
    case beforeSemicolon, beforeName, withinName, afterName
    case beforeValue, withinToken, withinQuotes, afterBackslash, afterQuotes
  }

  private var position = Position.beforeSemicolon

  /// Whether the line may end here. White space alone is no extension, so it may not end a line.
  var mayEnd: Bool {
    switch position {
    case .withinName, .withinToken, .afterQuotes: true
    case .beforeSemicolon, .beforeName, .afterName, .beforeValue, .withinQuotes, .afterBackslash:
      false
    }
  }

  /// Takes one byte that is not the line's end; false where the grammar does not have it.
  mutating func take(_ octet: UInt8) -> Bool {
    guard let next = next(octet) else { return false }
    position = next
    return true
  }

  private func next(_ octet: UInt8) -> Position? {
    switch position {
    case .beforeSemicolon: betweenExtensions(octet)
    case .beforeName:
      HTTPOctet.isBlank(octet) ? .beforeName : HTTPOctet.isToken(octet) ? .withinName : nil
    case .withinName: HTTPOctet.isToken(octet) ? .withinName : behindName(octet)
    case .afterName: behindName(octet)
    case .beforeValue: startOfValue(octet)
    case .withinToken: HTTPOctet.isToken(octet) ? .withinToken : betweenExtensions(octet)
    case .withinQuotes: withinQuotes(octet)
    case .afterBackslash: HTTPOctet.isText(octet) ? .withinQuotes : nil
    case .afterQuotes: betweenExtensions(octet)
    }
  }

  private func betweenExtensions(_ octet: UInt8) -> Position? {
    if HTTPOctet.isBlank(octet) { return .beforeSemicolon }
    return octet == UInt8(ascii: ";") ? .beforeName : nil
  }

  private func behindName(_ octet: UInt8) -> Position? {
    if HTTPOctet.isBlank(octet) { return .afterName }
    if octet == UInt8(ascii: "=") { return .beforeValue }
    return octet == UInt8(ascii: ";") ? .beforeName : nil
  }

  private func startOfValue(_ octet: UInt8) -> Position? {
    if HTTPOctet.isBlank(octet) { return .beforeValue }
    if octet == UInt8(ascii: "\"") { return .withinQuotes }
    return HTTPOctet.isToken(octet) ? .withinToken : nil
  }

  private func withinQuotes(_ octet: UInt8) -> Position? {
    if octet == UInt8(ascii: "\"") { return .afterQuotes }
    if octet == UInt8(ascii: "\\") { return .afterBackslash }
    return HTTPOctet.isText(octet) ? .withinQuotes : nil
  }
}
