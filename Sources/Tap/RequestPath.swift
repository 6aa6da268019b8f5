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
      case UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "="):
        for (text, mark) in Self.texts where bytes.holds(text, at: index) { marks.insert(mark) }
        if bytes[index] == UInt8(ascii: "="), index >= 11,
          bytes.holds("api-version=", at: index - 11)
        {
          marks.insert(.azure)
        }
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

  private static let texts: [(StaticString, Marks)] = [
    (":streamGenerateContent", .generateContent), (":generateContent", .generateContent),
    (":streamRawPredict", .rawPredict), (":rawPredict", .rawPredict), ("/v2/", .version2),
    ("/threads/", .threads), ("/runs", .runs), ("/v1/streams/", .streams),
    ("/converse", .converse), ("/model/", .model), ("/invoke", .invoke),
    ("/openai/deployments/", .azure),
  ]
}
