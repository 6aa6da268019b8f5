// The head of a WebSocket frame, RFC 6455 §5.2.

/// What a frame is for (RFC 6455 §11.8).
package enum Opcode: UInt8, Sendable {
  case continuation = 0
  case text = 1
  case binary = 2
  case close = 8
  case ping = 9
  case pong = 10

  package var isControl: Bool { rawValue >= 8 }
}

/// The key with which a client's payload is masked (RFC 6455 §5.3).
package struct MaskingKey: Equatable, Sendable {
  /// The four bytes as sent, the first one highest.
  package var value: UInt32

  package init(_ value: UInt32) { self.value = value }

  /// Appends `bytes` to `output`, masked or unmasked, which is the same.
  ///
  /// - Parameter offset: where in the frame's payload `bytes` begin.
  package func apply(
    to bytes: Span<UInt8>, at offset: UInt64, appendingTo output: inout [UInt8]
  ) {
    let start = output.count
    output.append(copying: bytes)
    guard value != 0 else { return }
    var shift = UInt32(truncatingIfNeeded: 24 &- (offset & 3) &* 8)
    var masked = output.mutableSpan
    for index in start..<masked.count {
      masked[index] ^= UInt8(truncatingIfNeeded: value &>> shift)
      shift = shift == 0 ? 24 : shift &- 8
    }
  }
}

/// A frame's head.
package struct FrameHeader: Equatable, Sendable {
  package var opcode: Opcode
  /// Whether the message ends with this frame.
  package var isFinal: Bool
  /// RSV1: with permessage-deflate, the message is compressed (RFC 7692 §6).
  package var isCompressed: Bool
  package var payloadLength: UInt64
  /// nil for a frame that is not masked, as those of servers.
  package var mask: MaskingKey?

  package init(
    opcode: Opcode, isFinal: Bool = true, isCompressed: Bool = false, payloadLength: UInt64,
    mask: MaskingKey? = nil
  ) {
    self.opcode = opcode
    self.isFinal = isFinal
    self.isCompressed = isCompressed
    self.payloadLength = payloadLength
    self.mask = mask
  }
}
