// Reads the headers of one AWS event-stream message, byte by byte, and keeps the known ones.

/// The headers' grammar: name length, name, value type, value; no separators.
struct EventStreamHeaderReader: Sendable {
  private enum State {
    case nameLength
    case name(remaining: Int)
    case type
    /// Two bytes that give the value's length.
    case valueLength(read: Int)
    case value(remaining: Int)
  }

  private var state = State.nameLength
  private var match = HeaderNameMatch()
  /// The kept header whose value is being read.
  private var keeping: EventStreamHeader?
  private var valueLength = 0

  /// Bytes of headers that have not come yet.
  private(set) var remaining = 0
  private(set) var kept = KeptHeaders()

  mutating func start(length: Int) {
    remaining = length
    state = .nameLength
    kept.removeAll()
  }

  /// Reads `bytes`, of which there may be no more than `remaining`.
  mutating func read(_ bytes: Span<UInt8>) throws(EventStreamError) {
    for index in bytes.indices { try read(bytes[index]) }
    remaining -= bytes.count
    if remaining == 0 {
      guard case .nameLength = state else { throw .header }
    }
  }

  private mutating func read(_ byte: UInt8) throws(EventStreamError) {
    switch state {
    case .nameLength:
      guard byte > 0 else { throw .header }
      match = HeaderNameMatch()
      state = .name(remaining: Int(byte))
    case .name(let left):
      match.append(byte)
      state = left == 1 ? .type : .name(remaining: left - 1)
    case .type:
      state = try value(ofType: byte)
    case .valueLength(let read):
      valueLength = valueLength << 8 | Int(byte)
      state = read == 0 ? .valueLength(read: 1) : afterLength(valueLength)
    case .value(let left):
      if let keeping { kept.append(byte, to: keeping) }
      state = left == 1 ? .nameLength : .value(remaining: left - 1)
    }
  }

  /// Only strings are kept: the known headers are strings all.
  private mutating func value(ofType type: UInt8) throws(EventStreamError) -> State {
    keeping = type == ValueType.string ? match.header : nil
    if let keeping { kept.start(keeping) }
    valueLength = 0
    switch type {
    case ValueType.true, ValueType.false: return .nameLength
    case ValueType.byte: return .value(remaining: 1)
    case ValueType.int16: return .value(remaining: 2)
    case ValueType.int32: return .value(remaining: 4)
    case ValueType.int64, ValueType.timestamp: return .value(remaining: 8)
    case ValueType.bytes, ValueType.string: return .valueLength(read: 0)
    case ValueType.uuid: return .value(remaining: 16)
    default: throw .header
    }
  }

  private func afterLength(_ length: Int) -> State {
    length == 0 ? .nameLength : .value(remaining: length)
  }
}

/// The types of header values by their numbers on the wire.
private enum ValueType {
  static let `true`: UInt8 = 0
  static let `false`: UInt8 = 1
  static let byte: UInt8 = 2
  static let int16: UInt8 = 3
  static let int32: UInt8 = 4
  static let int64: UInt8 = 5
  static let bytes: UInt8 = 6
  static let string: UInt8 = 7
  static let timestamp: UInt8 = 8
  static let uuid: UInt8 = 9
}
