// Finds where each event ends in the bytes of a stream, so that a reader can be sent exactly what
// follows an event that it has seen. What an event means is the tap's business.

internal import Wire

/// An incremental finder of event ends, for reads of any size. It keeps no byte.
///
/// An event ends with the byte just after what completes it: its blank line (CR, LF or CRLF), its
/// line feed, its message's checksum, its element's last byte. What stands between two events
/// (comments, pings that are comments, blank lines, an array's commas) belongs to the one that
/// follows, and what follows the last event is the stream's tail. Events are numbered from 1, and
/// are those that the tap counts.
package struct EventCutter: ~Copyable {
  /// Bytes read so far.
  package private(set) var position = 0

  private let framing: EventFraming
  private var events = EventParser()
  private var messages = EventStreamParser()
  private var elements = JSONScanner(JSONPathTable([]), style: .elements)
  /// The last event's blank line ended in CR at the end of a read: a LF that comes next is its.
  private var endsInCarriageReturn = false
  private var lineHasContent = false
  /// What came is not what its content type says: no event can be told from here on.
  private var isLost = false

  package init(_ framing: EventFraming) { self.framing = framing }

  /// Reads on, and appends the position after each event that has ended.
  package mutating func read(_ bytes: Span<UInt8>, cuts: inout [Int]) {
    defer { position += bytes.count }
    guard !isLost, !bytes.isEmpty else { return }
    switch framing {
    case .serverSentEvents: readEvents(bytes, &cuts)
    case .lines: readLines(bytes, &cuts)
    case .eventStream: readMessages(bytes, &cuts)
    case .elements: readElements(bytes, &cuts)
    case .encoded: break
    }
  }

  /// No more bytes come: a CR that could have been half a CRLF was a line end of its own.
  package mutating func end(cuts: inout [Int]) {
    if endsInCarriageReturn { cuts.append(position) }
    endsInCarriageReturn = false
  }

  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private mutating func readEvents(_ bytes: Span<UInt8>, _ cuts: inout [Int]) {
    if endsInCarriageReturn {
      endsInCarriageReturn = false
      cuts.append(position + (bytes[0] == Self.lineFeed ? 1 : 0))
    }
    var at = 0
    while let token = events.next(bytes, from: &at) {
      guard token == .event else { continue }
      if bytes[at - 1] == Self.lineFeed {
        cuts.append(position + at)
      } else if at < bytes.count {
        cuts.append(position + at + (bytes[at] == Self.lineFeed ? 1 : 0))
      } else {
        endsInCarriageReturn = true
      }
    }
  }

  private mutating func readLines(_ bytes: Span<UInt8>, _ cuts: inout [Int]) {
    var start = 0
    while let end = Lines.firstEnd(in: bytes, from: start) {
      if lineHasContent || Self.hasContent(bytes, start..<end) { cuts.append(position + end + 1) }
      lineHasContent = false
      start = end + 1
    }
    if !lineHasContent { lineHasContent = Self.hasContent(bytes, start..<bytes.count) }
  }

  private static func hasContent(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in range {
      let byte = bytes[index]
      if byte != 0x20 && byte != 0x09 && byte != carriageReturn { return true }
    }
    return false
  }

  private mutating func readMessages(_ bytes: Span<UInt8>, _ cuts: inout [Int]) {
    var at = 0
    do throws(EventStreamError) {
      while true {
        switch try messages.next(bytes, &at) {
        case .needMore: return
        case .message, .payload: continue
        case .messageEnd: cuts.append(position + at)
        }
      }
    } catch {
      isLost = true
    }
  }

  private mutating func readElements(_ bytes: Span<UInt8>, _ cuts: inout [Int]) {
    var at = 0
    while let match = elements.next(bytes, from: &at) {
      if match.kind == .elementEnded { cuts.append(position + at) }
    }
    if elements.isFailed { isLost = true }
  }
}
