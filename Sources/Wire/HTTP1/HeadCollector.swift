// Gathers the bytes of a head across reads, up to its blank line, so that the parsers of heads
// see each head whole. Line endings are settled here, as the bytes come.

/// Collects one head after another.
///
/// A bare CR, a bare LF, a NUL and a head over the limit are refused at the byte that shows them,
/// and no byte is scanned twice. After an error the collector is of no further use.
package struct HeadCollector: Sendable {
  package enum Progress: Equatable, Sendable {
    /// All bytes were taken and the head has not ended.
    case needMore
    /// The head ended after that many of the bytes.
    case complete(taken: Int)
  }

  private enum Position {
    /// Before the start line, where a blank line may be passed over.
    case beforeHead
    case beforeHeadCarriageReturn
    /// At the first byte of the start line.
    case head
    /// At the first byte of a later line.
    case line
    case blankLineCarriageReturn
    case withinLine
    case lineCarriageReturn
    case complete
  }

  private let limitBytes: Int
  private let initialPosition: Position
  private var position: Position
  private var head: [UInt8] = []
  // Stored, because every read of every connection asks, and to call for it costs more.
  /// Whether nothing of the next head was taken; a blank line in front of it is nothing.
  package private(set) var isEmpty = true
  /// Whether not a byte was taken since the last head, not even of a blank line.
  package private(set) var isAtStart = true

  /// Heads of up to `limitBytes` bytes, the blank line included.
  ///
  /// - Parameter allowsLeadingBlankLine: Passes over one CRLF in front of a head, which old
  ///   clients send after a body; servers should (RFC 9112 §2.2), clients must not.
  package init(limitBytes: Int, allowsLeadingBlankLine: Bool = false) {
    self.limitBytes = limitBytes
    initialPosition = allowsLeadingBlankLine ? .beforeHead : .head
    position = initialPosition
  }

  /// Takes bytes up to and including the blank line that ends the head.
  ///
  /// Must not be called again after `complete` before the head was removed.
  package mutating func take(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Progress {
    precondition(position != .complete, "a whole head waits to be removed")
    defer {
      isEmpty = head.isEmpty
      isAtStart = position == initialPosition
    }
    let start = try skipLeadingBlankLine(bytes)
    let room = limitBytes - head.count
    let candidate = bytes.extracting(start..<start + min(bytes.count - start, room))
    let taken = try scan(candidate)
    unsafe candidate.extracting(0..<taken).withUnsafeBufferPointer {
      // A head that comes whole is copied into memory of its size.
      if head.isEmpty { unsafe head = Array($0) } else { unsafe head.append(contentsOf: $0) }
    }
    if position == .complete { return .complete(taken: start + taken) }
    // A head that fills its limit without ending can only grow beyond it.
    guard taken < room else { throw .headTooLarge }
    return .needMore
  }

  /// The whole head, start line through blank line. The collector is then ready for the next.
  package mutating func removeHead() -> [UInt8] {
    precondition(position == .complete, "the head has not ended")
    position = initialPosition
    let whole = head
    head = []
    (isEmpty, isAtStart) = (true, true)
    return whole
  }

  /// How many bytes of a blank line in front of the head `bytes` begin with.
  private mutating func skipLeadingBlankLine(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Int {
    var at = 0
    if position == .beforeHead, at < bytes.count {
      guard bytes[at] == HTTPOctet.carriageReturn else {
        position = .head
        return at
      }
      position = .beforeHeadCarriageReturn
      at += 1
    }
    if position == .beforeHeadCarriageReturn, at < bytes.count {
      guard bytes[at] == HTTPOctet.lineFeed else { throw .bareCarriageReturn }
      position = .head
      at += 1
    }
    return at
  }

  /// Follows the line endings; answers how many bytes belong to the head.
  private mutating func scan(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Int {
    var position = self.position
    var at = 0
    while at < bytes.count, position != .complete {
      if position == .withinLine {
        at = bytes.firstControl(from: at)
        // Most lines have another behind them.
        while at &+ 2 < bytes.count, bytes[at] == HTTPOctet.carriageReturn,
          bytes[at &+ 1] == HTTPOctet.lineFeed, bytes[at &+ 2] > HTTPOctet.space
        {
          at = bytes.firstControl(from: at &+ 3)
        }
        if at == bytes.count { break }
      }
      position = try Self.advance(position, over: bytes[at])
      at &+= 1
    }
    self.position = position
    return at
  }

  @inline(__always)
  private static func advance(
    _ position: Position, over octet: UInt8
  ) throws(HTTP1Error) -> Position {
    switch position {
    case .head, .line, .withinLine:
      switch octet {
      case HTTPOctet.nul: throw .nulByte
      case HTTPOctet.lineFeed: throw .bareLineFeed
      case HTTPOctet.carriageReturn:
        guard position != .head else { throw .missingStartLine }
        return position == .line ? .blankLineCarriageReturn : .lineCarriageReturn
      default: return .withinLine
      }
    case .lineCarriageReturn:
      guard octet == HTTPOctet.lineFeed else { throw .bareCarriageReturn }
      return .line
    case .blankLineCarriageReturn:
      guard octet == HTTPOctet.lineFeed else { throw .bareCarriageReturn }
      return .complete
    case .beforeHead, .beforeHeadCarriageReturn, .complete:
      preconditionFailure("the blank line was passed over, and nothing is scanned after the end")
    }
  }
}
