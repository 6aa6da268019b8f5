// What a server asks of a WebSocket handshake, and the proof that it understood it: RFC 6455 §4.2.

/// Why a request is no handshake that can be answered.
package enum HandshakeRefusal: Error, Equatable, Sendable {
  /// No GET that asks for `Upgrade: websocket`, or one with a body or without a proper key: 400.
  case notWebSocket
  /// Another version than 13: 426, with `Sec-WebSocket-Version` (§4.2.2 item 4).
  case version

  package var status: Int { self == .version ? 426 : 400 }
}

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

  /// Reads a client's handshake and returns the value of `Sec-WebSocket-Accept` (§4.2.1).
  package static func accept(_ head: RequestHead) throws(HandshakeRefusal) -> [UInt8] {
    guard head.isUpgrade, head.isMethod("GET"), head.framing == .none,
      head.headers.list("upgrade", contains: "websocket")
    else { throw .notWebSocket }
    guard let version = head.headers.first("sec-websocket-version"),
      head.headers.value(version, equalsIgnoringCase: "13")
    else { throw .version }
    guard head.headers.count(of: "sec-websocket-key") == 1,
      let range = head.headers.first("sec-websocket-key")
    else { throw .notWebSocket }
    let key = head.headers.bytes.span.extracting(range)
    guard isValidKey(key) else { throw .notWebSocket }
    return accept(key: key)
  }
}
