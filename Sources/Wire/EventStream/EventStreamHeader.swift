// The headers of AWS event-stream messages: those that say what a message is are kept.

/// The header fields whose values are kept for each message.
package enum EventStreamHeader: Int, CaseIterable, Sendable {
  case messageType
  case eventType
  case exceptionType
  case errorCode
  case contentType

  /// The name as sent; names are case-sensitive.
  var name: StaticString {
    switch self {
    case .messageType: ":message-type"
    case .eventType: ":event-type"
    case .exceptionType: ":exception-type"
    case .errorCode: ":error-code"
    case .contentType: ":content-type"
    }
  }
}

/// Values of up to 64 bytes for each kept header, in memory allocated once.
///
/// A longer value is kept as its first 64 bytes: no name that AWS documents comes near that.
struct KeptHeaders: Sendable {
  static let valueLimit = 64

  private var bytes = [UInt8](
    repeating: 0, count: EventStreamHeader.allCases.count * valueLimit)
  /// Length of each value; -1 for a header the message does not have.
  private var lengths = [Int](repeating: -1, count: EventStreamHeader.allCases.count)

  mutating func removeAll() {
    for index in lengths.indices { lengths[index] = -1 }
  }

  mutating func start(_ header: EventStreamHeader) {
    lengths[header.rawValue] = 0
  }

  mutating func append(_ byte: UInt8, to header: EventStreamHeader) {
    let length = lengths[header.rawValue]
    guard length < Self.valueLimit else { return }
    bytes[header.rawValue * Self.valueLimit + length] = byte
    lengths[header.rawValue] = length + 1
  }

  func withValue<R>(of header: EventStreamHeader, _ body: (Span<UInt8>) -> R) -> R? {
    let length = lengths[header.rawValue]
    guard length >= 0 else { return nil }
    let start = header.rawValue * Self.valueLimit
    return body(bytes.span.extracting(start..<start + length))
  }
}

/// Finds the kept header whose name arrives byte by byte.
struct HeaderNameMatch: Sendable {
  /// One bit for each kept header that the bytes so far are the beginning of.
  private var candidates = (1 << EventStreamHeader.allCases.count) - 1
  private var length = 0

  mutating func append(_ byte: UInt8) {
    for header in EventStreamHeader.allCases where candidates & 1 << header.rawValue != 0 {
      let name = header.name
      // Unsafe: the index is below the count of a string that lives for ever.
      let matches = unsafe length < name.utf8CodeUnitCount && name.utf8Start[length] == byte
      if !matches { candidates &= ~(1 << header.rawValue) }
    }
    length += 1
  }

  /// The header that has exactly the name seen.
  var header: EventStreamHeader? {
    EventStreamHeader.allCases.first { header in
      candidates & 1 << header.rawValue != 0 && header.name.utf8CodeUnitCount == length
    }
  }
}
