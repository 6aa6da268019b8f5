// What is in an event, without the framing around it.

internal import Hub
internal import Wire

/// An event's data and name: of server-sent events as an EventSource would hand them out, of AWS
/// messages their payload and `:event-type`.
struct EventContent {
  private(set) var name: [UInt8] = []
  private(set) var data: [UInt8] = []

  init(_ event: ArraySlice<UInt8>, _ framing: EventFraming) {
    switch framing {
    case .serverSentEvents: readFields(event)
    case .lines, .elements: data = Self.trimmed(event, framing)
    case .eventStream: readMessage(event)
    case .encoded: break
    }
  }

  private mutating func readFields(_ event: ArraySlice<UInt8>) {
    var hasData = false
    for line in event.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      if let value = Self.value(of: "data", in: line) {
        if hasData { data.append(0x0A) }
        data += value
        hasData = true
      } else if let value = Self.value(of: "event", in: line) {
        name = Array(value)
      }
    }
  }

  private mutating func readMessage(_ event: ArraySlice<UInt8>) {
    var (parser, position) = (EventStreamParser(), 0)
    do throws(EventStreamError) {
      while true {
        switch try parser.next(event.span, &position) {
        case .needMore: return
        case .message:
          parser.withValue(of: .eventType) { name.append(copying: $0) }
        case .payload(let range): data.append(copying: event.span.extracting(range))
        // What a broken message said is not to be believed.
        case .messageEnd(let isIntact): if !isIntact { (name, data) = ([], []) }
        }
      }
    } catch {
      (name, data) = ([], [])
    }
  }

  /// The value of a line if it is of that field; the space after the colon is none of it.
  private static func value(
    of field: StaticString, in line: ArraySlice<UInt8>
  ) -> ArraySlice<UInt8>? {
    let rest = line.dropFirst(field.utf8CodeUnitCount)
    guard line.starts(with: field.description.utf8) else { return nil }
    guard let colon = rest.first else { return rest }
    guard colon == UInt8(ascii: ":") else { return nil }
    let value = rest.dropFirst()
    return value.first == 0x20 ? value.dropFirst() : value
  }

  /// A line without its end; an element without the bracket or comma that stands before it.
  private static func trimmed(_ event: ArraySlice<UInt8>, _ framing: EventFraming) -> [UInt8] {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
    var rest = event.drop(while: isSpace)
    if framing == .elements, rest.first == UInt8(ascii: ",") || rest.first == UInt8(ascii: "[") {
      rest = rest.dropFirst().drop(while: isSpace)
    }
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return Array(rest)
  }
}
