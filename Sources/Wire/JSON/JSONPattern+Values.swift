// Which values of a text a pattern may leave open.

extension JSONPattern {
  /// The strings and numbers at `range` of `text` that are values, not keys, at any depth; nil if
  /// a string does not end. The text must be JSON, or what comes out means nothing.
  package static func values(of text: Span<UInt8>, in range: Range<Int>) -> [Value]? {
    var found: [Value] = []
    var at = range.lowerBound
    while at < range.upperBound {
      let start = at
      switch text[at] {
      case UInt8(ascii: "\""):
        at += 1
        while at < range.upperBound, text[at] != UInt8(ascii: "\"") {
          at += text[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard at < range.upperBound else { return nil }
        at += 1
        if !isKey(text, before: at, range) {
          found.append(Value(range: start + 1..<at - 1, isString: true))
        }
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        while at < range.upperBound, isOfNumber(text[at]) { at += 1 }
        found.append(Value(range: start..<at, isString: false))
      default: at += 1
      }
    }
    return found
  }

  private static func isKey(_ text: Span<UInt8>, before end: Int, _ range: Range<Int>) -> Bool {
    var at = end
    while at < range.upperBound, JSONScanner.isWhiteSpace(text[at]) { at += 1 }
    return at < range.upperBound && text[at] == UInt8(ascii: ":")
  }
}
