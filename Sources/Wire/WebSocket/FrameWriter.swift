// Writes WebSocket frames, RFC 6455 §5.2.

/// Appends frames to a buffer that the caller keeps.
package enum FrameWriter {
  /// Appends a frame's head; the payload, masked if a mask is given, must follow.
  package static func appendHead(_ head: FrameHeader, to output: inout [UInt8]) {
    output.append(
      (head.isFinal ? 0x80 : 0) | (head.isCompressed ? 0x40 : 0) | head.opcode.rawValue)
    let maskBit: UInt8 = head.mask == nil ? 0 : 0x80
    switch head.payloadLength {
    case ..<126:
      output.append(maskBit | UInt8(head.payloadLength))
    case ...0xFFFF:
      output.append(maskBit | 126)
      appendBigEndian(head.payloadLength, byteCount: 2, to: &output)
    default:
      output.append(maskBit | 127)
      appendBigEndian(head.payloadLength, byteCount: 8, to: &output)
    }
    if let mask = head.mask {
      appendBigEndian(UInt64(mask.value), byteCount: 4, to: &output)
    }
  }

  /// Appends one whole frame. Servers give no mask; clients give a new, unpredictable one for each
  /// frame (§5.3).
  package static func append(
    _ opcode: Opcode, _ payload: Span<UInt8>, isFinal: Bool = true, mask: MaskingKey? = nil,
    to output: inout [UInt8]
  ) {
    let head = FrameHeader(
      opcode: opcode, isFinal: isFinal, payloadLength: UInt64(payload.count), mask: mask)
    appendHead(head, to: &output)
    if let mask {
      mask.apply(to: payload, at: 0, appendingTo: &output)
    } else {
      output.append(copying: payload)
    }
  }

  /// Appends a close frame with a code and no reason.
  package static func appendClose(
    _ code: CloseCode, mask: MaskingKey? = nil, to output: inout [UInt8]
  ) {
    let payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
    append(.close, payload.span, mask: mask, to: &output)
  }

  /// The payloads of whole unmasked frames, added up.
  package static func payloadBytes(of frames: Span<UInt8>) -> Int {
    var (total, at) = (0, 0)
    while at + 1 < frames.count {
      let short = Int(frames[at + 1] & 0x7F)
      let width = short == 126 ? 2 : short == 127 ? 8 : 0
      var length = width == 0 ? short : 0
      for offset in 0..<width { length = length << 8 | Int(frames[at + 2 + offset]) }
      total += length
      at += 2 + width + length
    }
    return total
  }

  private static func appendBigEndian(
    _ value: UInt64, byteCount: Int, to output: inout [UInt8]
  ) {
    for index in (0..<byteCount).reversed() {
      output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
    }
  }
}
