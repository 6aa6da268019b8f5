// Watches the WebSocket frames of a tunnel, both ways: counts messages, and lends what a server
// says to the tap. The bytes have gone on before it sees them, and it changes none.

internal import Tap
internal import Telemetry
internal import Wire

/// One tunnel's side path. A direction whose frames break the protocol is no longer looked at.
final class TunnelObserver {
  private let tap: StreamTap?
  private let metrics: MetricsShard
  // Compressed messages are let pass as far as the parsers go, and their content is not read.
  private var fromClient = FrameParser(from: .client, allowsCompression: true)
  private var fromServer = FrameParser(from: .server, allowsCompression: true)
  private var isReadable = Readable()
  private var messageBytes = MessageBytes()
  /// Whether the frame at hand is part of a message that the tap can read.
  private var lendsFrame = false
  private var messageIsCompressed = false
  private(set) var hasBrokenFrames = false

  private struct Readable {
    var client = true
    var server = true
  }

  private struct MessageBytes {
    var client: UInt64 = 0
    var server: UInt64 = 0
  }

  init(lendingTo tap: StreamTap?, metrics: MetricsShard) {
    self.tap = tap
    self.metrics = metrics
  }

  /// Bytes that went up.
  func observeClient(_ bytes: Span<UInt8>) {
    guard isReadable.client else { return }
    var position = 0
    do throws(FrameError) {
      while true {
        switch try fromClient.next(bytes, &position) {
        case .needMore: return
        case .frame: break
        case .payload(let range, _): messageBytes.client += UInt64(range.count)
        case .frameEnd(let endsMessage):
          guard endsMessage else { break }
          metrics.socketMessage(.tunnel, .received, bytes: messageBytes.client)
          messageBytes.client = 0
        }
      }
    } catch {
      isReadable.client = false
      hasBrokenFrames = true
    }
  }

  /// Bytes that came down, and when they were read.
  func observeServer(_ bytes: Span<UInt8>, at nanoseconds: UInt64) {
    guard isReadable.server else { return }
    var position = 0
    do throws(FrameError) {
      while true {
        switch try fromServer.next(bytes, &position) {
        case .needMore: return
        case .frame(let head): begin(head)
        case .payload(let range, _):
          messageBytes.server += UInt64(range.count)
          guard lendsFrame else { break }
          tap?.observeMessage(bytes.extracting(range), endsMessage: false, at: nanoseconds)
        case .frameEnd(let endsMessage):
          if endsMessage { endMessage(bytes, at: nanoseconds) }
        }
      }
    } catch {
      isReadable.server = false
      hasBrokenFrames = true
    }
  }

  private func begin(_ head: FrameHeader) {
    if head.opcode == .text || head.opcode == .binary { messageIsCompressed = head.isCompressed }
    lendsFrame = !head.opcode.isControl && !messageIsCompressed
  }

  private func endMessage(_ bytes: Span<UInt8>, at nanoseconds: UInt64) {
    metrics.socketMessage(.tunnel, .sent, bytes: messageBytes.server)
    messageBytes.server = 0
    guard !messageIsCompressed else { return }
    tap?.observeMessage(bytes.extracting(0..<0), endsMessage: true, at: nanoseconds)
  }
}
