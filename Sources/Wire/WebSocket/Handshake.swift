// The proof that a server understood a WebSocket handshake, RFC 6455 §4.2.2.

/// `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`.
package enum Handshake {
  /// The identifier that every server appends to the key (§1.3).
  private static let suffix = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

  /// The value of `Sec-WebSocket-Accept` for a client's key: 28 bytes.
  package static func accept(key: Span<UInt8>) -> [UInt8] {
    var message: [UInt8] = []
    message.reserveCapacity(key.count + suffix.count)
    for index in key.indices { message.append(key[index]) }
    message += suffix
    return Base64Encoder.encode(SHA1.digest(of: message.span).span)
  }

  /// Whether a client's key is one: Base64 of sixteen bytes (§4.1 item 7).
  package static func isValidKey(_ key: Span<UInt8>) -> Bool {
    guard key.count == 24 else { return false }
    var decoder = Base64Decoder()
    var decoded: [UInt8] = []
    guard (try? decoder.decode(key, into: &decoded)) != nil else { return false }
    return decoded.count == 16
  }
}
