// Finds WebSocket frames (RFC 6455 §5) in reads of any size and lends their payloads.

/// Reads one direction of a WebSocket connection. Its state is a few dozen bytes, whatever the
/// length of frames and messages.
package struct FrameParser: Sendable {
  /// Who sends the frames: clients mask all of theirs, servers none (§5.1).
  package enum Sender: Sendable { case client, server, either }

  /// What was found; call `next` again until `needMore`.
  package enum Step: Equatable, Sendable {
    /// All bytes given were used.
    case needMore
    /// A frame begins.
    case frame(FrameHeader)
    /// The next bytes of its payload, as a range of the bytes given, still masked if the frame is;
    /// `offset` is where in the payload they begin, which the mask depends on.
    case payload(Range<Int>, offset: UInt64)
    /// The frame ended; `endsMessage` is true for the last frame of a text or binary message.
    case frameEnd(endsMessage: Bool)
  }

  private enum State {
    case head(read: Int)
    case payload
    case failed(FrameError)
  }

  private let sender: Sender
  private let allowsCompression: Bool
  private let messageLimit: UInt64

  private var state = State.head(read: 0)
  private var head = FrameHeader(opcode: .text, payloadLength: 0)
  /// Bytes that the head takes, known after its second one: 2 to 14.
  private var headLength = 2
  private var lengthBytes = 0
  private var isMasked = false
  private var maskBits: UInt32 = 0
  private var payloadOffset: UInt64 = 0
  /// The message whose fragments are coming, and the bytes it has had.
  private var openMessage: Opcode?
  private var messageLength: UInt64 = 0

  /// - Parameters:
  ///   - sender: whose frames these are; a frame masked against the rule is an error.
  ///   - allowsCompression: whether RSV1 was agreed on (permessage-deflate, RFC 7692).
  ///   - messageLimit: the greatest length of a message in bytes, all its fragments counted.
  package init(from sender: Sender, allowsCompression: Bool = false, messageLimit: UInt64 = .max) {
    self.sender = sender
    self.allowsCompression = allowsCompression
    self.messageLimit = messageLimit
  }

  /// Whether the bytes so far end between two frames and no message is open.
  package var isBetweenMessages: Bool {
    guard case .head(read: 0) = state else { return false }
    return openMessage == nil
  }

  /// Reads on in `bytes` from `position`, which it moves to after what it used.
  ///
  /// A frame without payload gives `frame` and then `frameEnd`, the latter even if `position` is
  /// at the end of the bytes.
  package mutating func next(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(FrameError) -> Step {
    do throws(FrameError) {
      switch state {
      case .head: return try readHead(bytes, &position)
      case .payload: return lendPayload(bytes, &position)
      case .failed(let error): throw error
      }
    } catch {
      state = .failed(error)
      throw error
    }
  }

  private mutating func readHead(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(FrameError) -> Step {
    while position < bytes.count, case .head(let read) = state {
      let byte = bytes[position]
      position += 1
      state = .head(read: read + 1)
      switch read {
      case 0: try readFirstByte(byte)
      case 1: try readSecondByte(byte)
      case ..<(2 + lengthBytes): head.payloadLength = head.payloadLength << 8 | UInt64(byte)
      default: maskBits = maskBits << 8 | UInt32(byte)
      }
      guard read > 0, read + 1 == headLength else { continue }
      try endHead()
      return .frame(head)
    }
    return .needMore
  }

  private mutating func readFirstByte(_ byte: UInt8) throws(FrameError) {
    guard byte & 0x30 == 0 else { throw .reservedBit }
    guard let opcode = Opcode(rawValue: byte & 15) else { throw .reservedOpcode }
    head = FrameHeader(
      opcode: opcode, isFinal: byte & 0x80 != 0, isCompressed: byte & 0x40 != 0, payloadLength: 0)
    // Only the first frame of a data message may say that the message is compressed (RFC 7692 §6).
    let mayBeCompressed = allowsCompression && !opcode.isControl && opcode != .continuation
    guard !head.isCompressed || mayBeCompressed else { throw .reservedBit }
    guard head.isFinal || !opcode.isControl else { throw .controlFrame }
    guard opcode.isControl || (opcode == .continuation) == (openMessage != nil) else {
      throw .fragmentation
    }
  }

  private mutating func readSecondByte(_ byte: UInt8) throws(FrameError) {
    isMasked = byte & 0x80 != 0
    switch sender {
    case .client where !isMasked: throw .masking
    case .server where isMasked: throw .masking
    default: break
    }
    let length = byte & 0x7F
    guard !head.opcode.isControl || length <= 125 else { throw .controlFrame }
    lengthBytes = length == 126 ? 2 : length == 127 ? 8 : 0
    head.payloadLength = lengthBytes == 0 ? UInt64(length) : 0
    headLength = 2 + lengthBytes + (isMasked ? 4 : 0)
    maskBits = 0
  }

  private mutating func endHead() throws(FrameError) {
    let length = head.payloadLength
    switch lengthBytes {
    case 2 where length < 126: throw .length
    case 8 where length <= 0xFFFF || length >> 63 == 1: throw .length
    default: break
    }
    head.mask = isMasked ? MaskingKey(maskBits) : nil
    payloadOffset = 0
    state = .payload
    guard !head.opcode.isControl else { return }
    if head.opcode != .continuation {
      openMessage = head.opcode
      messageLength = 0
    }
    guard length <= messageLimit, messageLength <= messageLimit - length else {
      throw .messageTooLong
    }
    messageLength += length
  }

  private mutating func lendPayload(_ bytes: Span<UInt8>, _ position: inout Int) -> Step {
    let left = head.payloadLength - payloadOffset
    if left == 0 { return endFrame() }
    let available = UInt64(bytes.count - position)
    guard available > 0 else { return .needMore }
    let range = position..<position + Int(min(left, available))
    let offset = payloadOffset
    position = range.upperBound
    payloadOffset += UInt64(range.count)
    return .payload(range, offset: offset)
  }

  private mutating func endFrame() -> Step {
    state = .head(read: 0)
    let endsMessage = head.isFinal && !head.opcode.isControl
    if endsMessage { openMessage = nil }
    return .frameEnd(endsMessage: endsMessage)
  }
}
