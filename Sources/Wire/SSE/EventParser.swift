// Finds server-sent events in reads of any size. What an event means is the tap's business.

internal import Glibc

/// An incremental parser of `text/event-stream`, after WHATWG HTML §9.2.6.
///
/// It holds no event: the data field's value is handed out in pieces, as ranges of the bytes given.
/// An event's name and id are kept up to a limit; longer ones are cut, which none in use comes
/// near. Bytes are not decoded: what the standard says of UTF-8 concerns whoever reads the text.
package struct EventParser: ~Copyable {
  package enum Token: Equatable, Sendable {
    /// A piece of the data field's value.
    case data(Range<Int>)
    /// Another data field begins in the same event: its value follows a line feed.
    case dataLineBreak
    /// A blank line completed an event that has data. `name` and `lastEventID` hold until the next
    /// call.
    case event
    /// A comment line began.
    case comment
    /// A piece of the value of a field named `error`. The standard ignores it; llama.cpp of 2025
    /// reports its failures in it.
    case errorField(Range<Int>)
    case errorFieldEnd
    /// A piece of a line that begins like no field, its line end excluded. The standard ignores it;
    /// Gemini may put a bare JSON document between its events.
    case strayLine(Range<Int>)
    case strayLineEnd
  }

  /// An event's name, or id, is cut to this many bytes.
  package static let keptLimitBytes = 128

  /// The value of the last `event` field of the event being read; empty if there was none.
  package private(set) var name: [UInt8] = []
  /// The value of the last valid `id` field of a dispatched event.
  package private(set) var lastEventID: [UInt8] = []
  /// The value of the last valid `retry` field.
  package private(set) var retryMilliseconds: Int?

  private enum Field: UInt8 {
    case data
    case event
    case id
    case retry
    case error
    case comment
    case unknown
    case stray
  }

  private enum State: UInt8 {
    case byteOrderMark
    case lineStart
    case fieldName
    case valueStart
    case value
  }

  private var state = State.byteOrderMark
  private var field = Field.unknown
  /// The first bytes of the field's name, the last of them lowest; five are enough to tell.
  private var nameWord: UInt64 = 0
  private var nameLength = 0
  private var markLength = 0
  /// The last line ended in CR: a LF that follows belongs to it.
  private var afterCarriageReturn = false
  private var hasData = false
  private var dispatched = false
  private var value: [UInt8] = []
  private var valueIsInvalid = false
  private var pendingID: [UInt8] = []
  private var hasID = false

  package init() {}

  /// Something stands at the end that no blank line has completed: a line without its end, or an
  /// event's fields.
  package var isUnfinished: Bool {
    if hasData || (!name.isEmpty && !dispatched) { return true }
    switch state {
    case .byteOrderMark, .lineStart: return false
    case .fieldName, .valueStart, .value: return field != .comment
    }
  }

  /// The next byte begins an event, and nothing read before bears on it.
  package var isBetweenEvents: Bool {
    guard state == .lineStart, !afterCarriageReturn, !hasData, !hasID else { return false }
    return dispatched || name.isEmpty
  }

  /// Reads `bytes` from `position` on, up to the next token; nil when the bytes are used up.
  package mutating func next(_ bytes: Span<UInt8>, from position: inout Int) -> Token? {
    if dispatched { beginEvent() }
    while position < bytes.count {
      let token: Token? =
        switch state {
        case .byteOrderMark: scanByteOrderMark(bytes, &position)
        case .lineStart: scanLineStart(bytes, &position)
        case .fieldName: scanFieldName(bytes, &position)
        case .valueStart: scanValueStart(bytes, &position)
        case .value: scanValue(bytes, &position)
        }
      if let token { return token }
    }
    return nil
  }
}

// MARK: - Lines

extension EventParser {
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// Drops one byte order mark at the very beginning. Bytes of a mark that breaks off are the
  /// beginning of a field that nobody knows.
  private mutating func scanByteOrderMark(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    let expected: UInt8 =
      switch markLength {
      case 0: 0xEF
      case 1: 0xBB
      default: 0xBF
      }
    if bytes[at] == expected {
      at += 1
      markLength += 1
      if markLength == 3 { state = .lineStart }
    } else if markLength == 0 {
      state = .lineStart
    } else {
      field = .unknown
      state = .value
    }
    return nil
  }

  private mutating func scanLineStart(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    let byte = bytes[at]
    if afterCarriageReturn {
      afterCarriageReturn = false
      if byte == Self.lineFeed {
        at += 1
        return nil
      }
    }
    nameWord = 0
    nameLength = 0
    switch byte {
    case Self.lineFeed, Self.carriageReturn:
      at += 1
      afterCarriageReturn = byte == Self.carriageReturn
      return endEvent()
    case UInt8(ascii: ":"):
      at += 1
      field = .comment
      state = .value
      return .comment
    case UInt8(ascii: "d"):
      state = .fieldName
      return scanDataField(bytes, &at)
    case UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "r"):
      state = .fieldName
    default:
      field = .stray
      state = .value
    }
    return nil
  }

  /// The commonest line by far, where its name is whole: `data: `.
  @inline(__always)
  private mutating func scanDataField(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    guard at + 6 <= bytes.count, bytes[at + 1] == UInt8(ascii: "a"),
      bytes[at + 2] == UInt8(ascii: "t"), bytes[at + 3] == UInt8(ascii: "a"),
      bytes[at + 4] == UInt8(ascii: ":"), bytes[at + 5] == UInt8(ascii: " ")
    else { return nil }
    at += 6
    state = .value
    field = .data
    if hasData { return .dataLineBreak }
    hasData = true
    return nil
  }

  private mutating func scanFieldName(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    while at < bytes.count {
      let byte = bytes[at]
      if byte == UInt8(ascii: ":") {
        at += 1
        state = .valueStart
        return beginField()
      }
      if byte == Self.lineFeed || byte == Self.carriageReturn {
        state = .value
        return beginField()
      }
      at += 1
      if nameLength < 6 {
        nameWord = nameWord << 8 | UInt64(byte)
        nameLength += 1
      }
    }
    return nil
  }

  private mutating func beginField() -> Token? {
    field =
      switch nameWord {
      case 0x64_6174_61: .data
      case 0x65_7665_6E74: .event
      case 0x69_64: .id
      case 0x72_6574_7279: .retry
      case 0x65_7272_6F72: .error
      default: .unknown
      }
    value.removeAll(keepingCapacity: true)
    valueIsInvalid = false
    guard field == .data else { return nil }
    let isFirst = !hasData
    hasData = true
    return isFirst ? nil : .dataLineBreak
  }

  /// One space after the colon is no part of the value.
  private mutating func scanValueStart(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    if bytes[at] == UInt8(ascii: " ") { at += 1 }
    state = .value
    return nil
  }

  private mutating func scanValue(_ bytes: Span<UInt8>, _ at: inout Int) -> Token? {
    let start = at
    let end = Self.lineEnd(in: bytes, from: start)
    if end > start {
      at = end
      switch field {
      case .data: return .data(start..<end)
      case .error: return .errorField(start..<end)
      case .stray: return .strayLine(start..<end)
      case .event, .id, .retry: keep(bytes.extracting(start..<end))
      case .comment, .unknown: break
      }
    }
    guard at < bytes.count else { return nil }
    afterCarriageReturn = bytes[at] == Self.carriageReturn
    at += 1
    state = .lineStart
    return endField()
  }

  /// The index of the first CR or LF from `start` on, or the count.
  private static func lineEnd(in bytes: Span<UInt8>, from start: Int) -> Int {
    // memchr is the fastest search there is for the one byte; a CR can then only stand before it.
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return start }
      let first = unsafe UnsafeRawPointer(base + start)
      var length = buffer.count - start
      if let found = unsafe memchr(first, Int32(lineFeed), length) {
        length = unsafe UnsafeRawPointer(found) - first
      }
      if let found = unsafe memchr(first, Int32(carriageReturn), length) {
        length = unsafe UnsafeRawPointer(found) - first
      }
      return start + length
    }
  }
}

// MARK: - Fields and events

extension EventParser {
  private mutating func keep(_ piece: Span<UInt8>) {
    for index in piece.indices {
      if field == .id && piece[index] == 0 { valueIsInvalid = true }
      if value.count < Self.keptLimitBytes { value.append(piece[index]) }
    }
  }

  private mutating func endField() -> Token? {
    switch field {
    case .event:
      swap(&name, &value)
    case .id where !valueIsInvalid:
      swap(&pendingID, &value)
      hasID = true
    case .retry:
      if let milliseconds = decimal(value) { retryMilliseconds = milliseconds }
    case .error:
      return .errorFieldEnd
    case .stray:
      return .strayLineEnd
    case .data, .id, .comment, .unknown:
      break
    }
    return nil
  }

  /// ASCII digits alone; anything else, and nothing, is ignored.
  private func decimal(_ digits: [UInt8]) -> Int? {
    guard !digits.isEmpty else { return nil }
    var number = 0
    for digit in digits {
      guard digit >= 48 && digit <= 57 else { return nil }
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit) - 48)
      number = overflow || carry ? .max : sum
    }
    return number
  }

  /// A blank line. The id becomes the stream's even where there is no data to dispatch.
  private mutating func endEvent() -> Token? {
    if hasID {
      swap(&lastEventID, &pendingID)
      hasID = false
    }
    guard hasData else {
      name.removeAll(keepingCapacity: true)
      return nil
    }
    hasData = false
    dispatched = true
    return .event
  }

  private mutating func beginEvent() {
    dispatched = false
    name.removeAll(keepingCapacity: true)
  }
}
