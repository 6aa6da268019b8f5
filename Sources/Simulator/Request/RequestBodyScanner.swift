// Finds the few top-level members of a request's JSON on which the answer's kind depends, in
// reads of any size, and keeps nothing of the rest.

struct RequestBodyScanner {
  /// The value of `stream`, nil where the request does not say.
  private(set) var stream: Bool?
  private(set) var hasTools = false
  private(set) var hasStreamOptions = false

  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// Whether the next string of the top-level object is a name.
  private var awaitsName = false
  /// The name being read, or read last; cut where it is longer than any that is looked for.
  private var name: [UInt8] = []

  private static let streamName = Array("stream".utf8)
  private static let toolsName = Array("tools".utf8)
  private static let optionsName = Array("stream_options".utf8)
  private static let longestName = 15

  mutating func read(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      if isInString { readString(bytes[index]) } else { readStructure(bytes[index]) }
    }
  }

  private mutating func readString(_ byte: UInt8) {
    if isEscaped {
      isEscaped = false
    } else if byte == UInt8(ascii: "\\") {
      isEscaped = true
    } else if byte == UInt8(ascii: "\"") {
      isInString = false
      if awaitsName { noteName() }
      return
    }
    if awaitsName, name.count < Self.longestName { name.append(byte) }
  }

  private mutating func readStructure(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""):
      isInString = true
      if awaitsName { name.removeAll(keepingCapacity: true) }
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      depth += 1
      awaitsName = depth == 1 && byte == UInt8(ascii: "{")
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      awaitsName = false
    case UInt8(ascii: ","): awaitsName = depth == 1
    case UInt8(ascii: ":"): awaitsName = false
    case UInt8(ascii: "t") where isStreamValue: stream = true
    case UInt8(ascii: "f") where isStreamValue: stream = false
    default: break
    }
  }

  private var isStreamValue: Bool { depth == 1 && !awaitsName && name == Self.streamName }

  private mutating func noteName() {
    if name == Self.toolsName { hasTools = true }
    if name == Self.optionsName { hasStreamOptions = true }
  }
}
