// Generated events: OpenAI chat chunks of one exact size, each with its number, so that whoever
// receives them can tell a lost or repeated one.

/// One event, made once for a size and copied with another number each time.
struct EventTemplate: Sendable {
  /// The event of number 0 and time 0.
  private let bytes: [UInt8]
  /// Where the ten digits of the number and the twenty of the time stand.
  private let number: Range<Int>
  private let time: Range<Int>?

  var size: Int { bytes.count }

  /// What follows the last generated event.
  static let end = Array("data: [DONE]\n\n".utf8)

  /// Throws if an event of `size` bytes has no room for what it must hold.
  init(size: Int, stamps: Bool) throws(ScenarioError) {
    let prefix = Array(#"data: {"id":"chatcmpl-sim-"#.utf8)
    let digits = [UInt8](repeating: UInt8(ascii: "0"), count: 10)
    let members = #"","object":"chat.completion.chunk","created":1735689600,"model":"sim-1""#
    var text = prefix + digits + Array(members.utf8)
    if stamps {
      text += Array(#","sent_ns":""#.utf8)
      time = text.count..<text.count + 20
      text += digits + digits + [UInt8(ascii: "\"")]
    } else {
      time = nil
    }
    text += Array(#","choices":[{"index":0,"delta":{"content":""#.utf8)
    let suffix = Array("\"}}]}\n\n".utf8)
    let filler = size - text.count - suffix.count
    guard filler >= 1 else {
      let least = text.count + suffix.count + 1
      throw ScenarioError("x-sim-event-bytes: \(size) is too small; such events take \(least)")
    }
    bytes = text + (0..<filler).map { UInt8(ascii: "a") + UInt8($0 % 26) } + suffix
    number = prefix.count..<prefix.count + digits.count
  }

  /// Appends the event of that number, counted from 0.
  func append(_ eventNumber: Int, sentNanoseconds: UInt64, to out: inout [UInt8]) {
    let start = out.count
    out.append(contentsOf: bytes)
    Self.write(UInt64(eventNumber), at: start + number.upperBound, of: &out)
    if let time { Self.write(sentNanoseconds, at: start + time.upperBound, of: &out) }
  }

  /// Decimal digits that end before `end`, over the zeros that stand there.
  private static func write(_ value: UInt64, at end: Int, of out: inout [UInt8]) {
    var rest = value
    var at = end
    while rest > 0 {
      at -= 1
      out[at] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
  }
}
