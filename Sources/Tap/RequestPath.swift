// What a request target says of the format, found in one pass and without copies: it is asked for
// every exchange, long before it is known whether there will be a stream.

/// A request target, and which of the dialects' marks stand in it.
struct RequestPath {
  struct Marks: OptionSet {
    let rawValue: UInt16

    static let generateContent = Marks(rawValue: 1)
    static let rawPredict = Marks(rawValue: 2)
    static let version2 = Marks(rawValue: 4)
    static let threads = Marks(rawValue: 8)
    static let runs = Marks(rawValue: 16)
    static let streams = Marks(rawValue: 32)
    static let converse = Marks(rawValue: 64)
    static let model = Marks(rawValue: 128)
    static let invoke = Marks(rawValue: 256)
    static let azure = Marks(rawValue: 512)
  }

  private let target: [UInt8]
  /// Where the path ends; a query, a fragment and a last slash are no part of it.
  private let end: Int
  /// Anywhere in the target, its query included.
  let marks: Marks

  init(_ target: [UInt8]) {
    self.target = target
    var marks: Marks = []
    var end = target.count
    let bytes = target.span
    for index in bytes.indices {
      switch bytes[index] {
      case UInt8(ascii: "?"), UInt8(ascii: "#"): end = min(end, index)
      case UInt8(ascii: ":"): marks.formUnion(Self.methodMark(bytes, index))
      case UInt8(ascii: "/"): marks.formUnion(Self.segmentMark(bytes, index))
      case UInt8(ascii: "="):
        if index >= 11, bytes.holds("api-version=", at: index - 11) { marks.insert(.azure) }
      default: break
      }
    }
    if end > 0, bytes[end - 1] == UInt8(ascii: "/") { end -= 1 }
    self.end = end
    self.marks = marks
  }

  /// Whether the path ends so.
  func ends(with ending: StaticString) -> Bool {
    let length = ending.utf8CodeUnitCount
    return length <= end && target.span.holds(ending, at: end - length)
  }

  private static func methodMark(_ bytes: Span<UInt8>, _ at: Int) -> Marks {
    if bytes.holds(":streamGenerateContent", at: at) || bytes.holds(":generateContent", at: at) {
      return .generateContent
    }
    if bytes.holds(":streamRawPredict", at: at) || bytes.holds(":rawPredict", at: at) {
      return .rawPredict
    }
    return []
  }

  /// The mark that begins with the slash at `at`; the byte after it leaves one or two to compare.
  private static func segmentMark(_ bytes: Span<UInt8>, _ at: Int) -> Marks {
    guard at + 1 < bytes.count else { return [] }
    switch bytes[at + 1] {
    case UInt8(ascii: "v"):
      if bytes.holds("/v2/", at: at) { return .version2 }
      return bytes.holds("/v1/streams/", at: at) ? .streams : []
    case UInt8(ascii: "t"): return bytes.holds("/threads/", at: at) ? .threads : []
    case UInt8(ascii: "r"): return bytes.holds("/runs", at: at) ? .runs : []
    case UInt8(ascii: "c"): return bytes.holds("/converse", at: at) ? .converse : []
    case UInt8(ascii: "m"): return bytes.holds("/model/", at: at) ? .model : []
    case UInt8(ascii: "i"): return bytes.holds("/invoke", at: at) ? .invoke : []
    case UInt8(ascii: "o"): return bytes.holds("/openai/deployments/", at: at) ? .azure : []
    default: return []
    }
  }
}
