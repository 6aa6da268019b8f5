// What can be wrong with WebSocket frames, and what RFC 6455 wants said about it.

/// The rule that a frame breaks. Its connection must be closed with `closeCode`.
package enum FrameError: Error, Equatable, Sendable {
  /// An opcode that nothing defines (§5.2).
  case reservedOpcode
  /// A reserved bit that no extension was agreed for (§5.2).
  case reservedBit
  /// A client's frame without a mask or a server's frame with one (§5.1).
  case masking
  /// A control frame in fragments or with more than 125 bytes (§5.5).
  case controlFrame
  /// A continuation of nothing, or a new message inside another one (§5.4).
  case fragmentation
  /// A length that is not in its shortest form, or has its highest bit set (§5.2).
  case length
  /// A message longer than the limit (§7.4.1).
  case messageTooLong
  /// A close frame with half a code, or with one that may not be sent (§5.5.1, §7.4).
  case closeCode
  /// Text, or the reason of a close frame, that is no UTF-8 (§8.1).
  case invalidText

  package var closeCode: CloseCode {
    switch self {
    case .messageTooLong: .messageTooBig
    case .invalidText: .invalidPayload
    case .reservedOpcode, .reservedBit, .masking, .controlFrame, .fragmentation, .length,
      .closeCode:
      .protocolError
    }
  }
}

/// Why a connection is closed (RFC 6455 §7.4).
package struct CloseCode: RawRepresentable, Equatable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let normal = CloseCode(rawValue: 1000)
  package static let goingAway = CloseCode(rawValue: 1001)
  package static let unsupportedData = CloseCode(rawValue: 1003)
  package static let protocolError = CloseCode(rawValue: 1002)
  package static let invalidPayload = CloseCode(rawValue: 1007)
  package static let policyViolation = CloseCode(rawValue: 1008)
  package static let messageTooBig = CloseCode(rawValue: 1009)
  package static let internalError = CloseCode(rawValue: 1011)
  package static let tryAgainLater = CloseCode(rawValue: 1013)

  /// Whether a peer may send it: 1005, 1006 and 1015 stand for what never travels (§7.4.1), the
  /// rest below 3000 belongs to the registry.
  package var maySend: Bool {
    switch rawValue {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  /// The code at the head of a close frame's unmasked payload; nil for an empty one, which is
  /// allowed.
  package static func parse(_ payload: Span<UInt8>) throws(FrameError) -> CloseCode? {
    guard payload.count > 0 else { return nil }
    guard payload.count >= 2 else { throw .closeCode }
    let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
    guard code.maySend else { throw .closeCode }
    return code
  }
}
