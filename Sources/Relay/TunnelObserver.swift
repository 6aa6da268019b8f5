// Watches the WebSocket frames of a tunnel, both ways: counts messages, times pings, notes how it was
// closed, and lends what a server says to the tap. The bytes have gone on before it sees them, and
// it changes none.

internal import Tap
internal import Telemetry
internal import Wire

/// One tunnel's side path. A direction whose frames break the protocol is no longer looked at.
final class TunnelObserver {
  private let tap: StreamTap?
  private let metrics: MetricsShard
  private var fromClient = WatchedDirection(.client)
  private var fromServer = WatchedDirection(.server)
  /// Whether the frame at hand is part of a message that the tap can read.
  private var lendsFrame = false
  private var messageIsCompressed = false

  var hasBrokenFrames: Bool { fromClient.isBroken || fromServer.isBroken }

  /// The first code of a close frame, from either side; nil for none, or for one without a code.
  private(set) var closeCode: UInt16?

  init(lendingTo tap: StreamTap?, metrics: MetricsShard) {
    self.tap = tap
    self.metrics = metrics
  }

  /// Bytes that went up, and when they were read.
  func observeClient(_ bytes: Span<UInt8>, at nanoseconds: UInt64) {
    var position = 0
    while let step = fromClient.next(bytes, &position) {
      guard case .frameEnd(let endsMessage) = step else { continue }
      if endsMessage { metrics.socketMessage(.tunnel, .received, bytes: fromClient.takeMessage()) }
      noteControl(of: &fromClient, answering: &fromServer, at: nanoseconds)
    }
  }

  /// Bytes that came down, and when they were read.
  func observeServer(_ bytes: Span<UInt8>, at nanoseconds: UInt64) {
    var position = 0
    while let step = fromServer.next(bytes, &position) {
      switch step {
      case .needMore: break
      case .frame(let head): begin(head)
      case .payload(let range, _):
        guard lendsFrame else { break }
        tap?.observeMessage(bytes.extracting(range), endsMessage: false, at: nanoseconds)
      case .frameEnd(let endsMessage):
        if endsMessage { endMessage(bytes, at: nanoseconds) }
        noteControl(of: &fromServer, answering: &fromClient, at: nanoseconds)
      }
    }
  }

  private func begin(_ head: FrameHeader) {
    if head.opcode == .text || head.opcode == .binary { messageIsCompressed = head.isCompressed }
    lendsFrame = !head.opcode.isControl && !messageIsCompressed
  }

  private func endMessage(_ bytes: Span<UInt8>, at nanoseconds: UInt64) {
    metrics.socketMessage(.tunnel, .sent, bytes: fromServer.takeMessage())
    guard !messageIsCompressed else { return }
    tap?.observeMessage(bytes.extracting(0..<0), endsMessage: true, at: nanoseconds)
  }

  /// A ping that passes, and the pong that passes the other way: there and back from here on.
  private func noteControl(
    of one: inout WatchedDirection, answering other: inout WatchedDirection,
    at nanoseconds: UInt64
  ) {
    switch one.frame.opcode {
    case .ping: one.pingPassed = nanoseconds
    case .pong:
      guard let passed = other.pingPassed else { return }
      other.pingPassed = nil
      metrics.socketRoundTrip(.tunnel, nanoseconds: nanoseconds - passed)
    case .close:
      if closeCode == nil { closeCode = one.closeCode }
    case .continuation, .text, .binary: break
    }
  }
}

/// One direction of a tunnel.
private struct WatchedDirection {
  // Compressed messages are let pass as far as the parser goes, and their content is not read.
  private var parser: FrameParser
  private(set) var isBroken = false
  private(set) var frame = FrameHeader(opcode: .text, payloadLength: 0)
  /// Payload bytes of the message at hand.
  private var messageBytes: UInt64 = 0
  /// The first two bytes of a control frame, unmasked.
  private var controlBytes: (UInt8?, UInt8?)
  /// When a ping went by that has no pong yet.
  var pingPassed: UInt64?

  init(_ sender: FrameParser.Sender) {
    parser = FrameParser(from: sender, allowsCompression: true)
  }

  /// What comes next in `bytes`; nil if they are used up, or break the protocol.
  mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> FrameParser.Step? {
    guard !isBroken else { return nil }
    do throws(FrameError) {
      let step = try parser.next(bytes, &position)
      switch step {
      case .needMore: return nil
      case .frame(let head):
        frame = head
        controlBytes = (nil, nil)
      case .payload(let range, let offset):
        if frame.opcode.isControl {
          noteControl(bytes.extracting(range), at: offset)
        } else {
          messageBytes += UInt64(range.count)
        }
      case .frameEnd: break
      }
      return step
    } catch {
      isBroken = true
      return nil
    }
  }

  mutating func takeMessage() -> UInt64 {
    defer { messageBytes = 0 }
    return messageBytes
  }

  private mutating func noteControl(_ payload: Span<UInt8>, at offset: UInt64) {
    let mask = frame.mask?.value ?? 0
    for index in payload.indices where offset + UInt64(index) < 2 {
      if offset + UInt64(index) == 0 {
        controlBytes.0 = payload[index] ^ UInt8(truncatingIfNeeded: mask >> 24)
      } else {
        controlBytes.1 = payload[index] ^ UInt8(truncatingIfNeeded: mask >> 16)
      }
    }
  }

  var closeCode: UInt16? {
    guard let high = controlBytes.0, let low = controlBytes.1 else { return nil }
    return UInt16(high) << 8 | UInt16(low)
  }
}
