// Puts WebSocket messages together from frames, for an endpoint. A proxy, which only watches, does
// with `FrameParser` alone.

/// Reads one direction of a WebSocket connection as whole messages, and control frames as they
/// come between their fragments. Holds one message, at most as long as the limit, and forgets it
/// with the next call.
package struct MessageReader: Sendable {
  package enum Step: Equatable, Sendable {
    /// All bytes given were used.
    case needMore
    /// `message` is one. Text is valid UTF-8.
    case text
    case binary
    /// `control` is its payload.
    case ping
    case pong
    /// The peer's last frame (RFC 6455 §5.5.1): what comes behind it is not to be read.
    case close(CloseCode?)
  }

  package private(set) var message: [UInt8] = []
  package private(set) var control: [UInt8] = []

  private var parser: FrameParser
  private var frame = FrameHeader(opcode: .text, payloadLength: 0)
  private var isText = false
  private var text = UTF8Validator()
  /// The message was handed out.
  private var isTaken = false

  /// A longer buffer is not kept for the next message.
  private static let keptCapacity = 16 * 1024

  /// - Parameter limitBytes: the longest message; the first frame that exceeds it fails, before
  ///   its payload is read.
  package init(from sender: FrameParser.Sender, limitBytes: Int) {
    parser = FrameParser(from: sender, messageLimit: UInt64(limitBytes))
  }

  /// Reads on in `bytes` from `position`, which it moves to after what it used. Text fails at the
  /// first byte that makes it invalid, in whichever fragment.
  package mutating func next(
    _ bytes: Span<UInt8>, _ position: inout Int
  ) throws(FrameError) -> Step {
    if isTaken { forgetMessage() }
    while true {
      switch try parser.next(bytes, &position) {
      case .needMore: return .needMore
      case .frame(let head): begin(head)
      case .payload(let range, let offset): try take(bytes.extracting(range), at: offset)
      case .frameEnd(let endsMessage):
        if let step = try end(endsMessage: endsMessage) { return step }
      }
    }
  }

  private mutating func begin(_ head: FrameHeader) {
    frame = head
    if head.opcode.isControl {
      control.removeAll(keepingCapacity: true)
    } else if head.opcode != .continuation {
      isText = head.opcode == .text
      text = UTF8Validator()
    }
  }

  private mutating func take(_ payload: Span<UInt8>, at offset: UInt64) throws(FrameError) {
    let mask = frame.mask ?? MaskingKey(0)
    guard !frame.opcode.isControl else {
      return mask.apply(to: payload, at: offset, appendingTo: &control)
    }
    let start = message.count
    mask.apply(to: payload, at: offset, appendingTo: &message)
    guard isText else { return }
    var text = text
    guard text.accept(message.span.extracting(start...)) else { throw .invalidText }
    self.text = text
  }

  private mutating func end(endsMessage: Bool) throws(FrameError) -> Step? {
    switch frame.opcode {
    case .ping: return .ping
    case .pong: return .pong
    case .close: return .close(try closeCode())
    case .continuation, .text, .binary:
      guard endsMessage else { return nil }
      isTaken = true
      guard isText else { return .binary }
      guard text.isBetweenCharacters else { throw .invalidText }
      return .text
    }
  }

  /// RFC 6455 §5.5.1: what follows the code is text.
  private func closeCode() throws(FrameError) -> CloseCode? {
    guard let code = try CloseCode.parse(control.span) else { return nil }
    var reason = UTF8Validator()
    guard reason.accept(control.span.extracting(2...)), reason.isBetweenCharacters else {
      throw .invalidText
    }
    return code
  }

  private mutating func forgetMessage() {
    isTaken = false
    message.removeAll(keepingCapacity: message.capacity <= Self.keptCapacity)
  }
}
