// Goal: chunks whose size lines are compared with one before are what they are when each is read by itself.
// Method: bodies of chunks of many sizes, written in several ways, each damaged at every byte and cut at
// every length, read at once and byte by byte.

internal import TestSupport
internal import Testing
internal import Wire

@Suite struct WholeChunksTests {
  private struct Found: Equatable {
    var payload: [UInt8] = []
    var consumed = 0
    var isEnded = false
    var error: HTTP1Error?

    mutating func take(_ bytes: Span<UInt8>, by reader: inout BodyReader) {
      var ranges: [Range<Int>] = []
      let reading = reader.read(bytes, payload: &ranges)
      for range in ranges { for at in range { payload.append(bytes[at]) } }
      consumed += reading.consumed
      error = reading.error
      isEnded = reader.isEnded
    }
  }

  private static func atOnce(_ bytes: [UInt8]) -> Found {
    var reader = BodyReader(.chunked)
    var found = Found()
    GuardedBytes(bytes).withSpan { found.take($0, by: &reader) }
    return found
  }

  private static func byteByByte(_ bytes: [UInt8]) -> Found {
    var reader = BodyReader(.chunked)
    var found = Found()
    for byte in bytes where found.error == nil && !reader.isEnded {
      found.take([byte].span, by: &reader)
    }
    return found
  }

  private static func body(_ lines: [String]) -> [UInt8] {
    lines.flatMap { line in
      let digits = line.prefix { $0.isHexDigit }
      return Array("\(line)\r\n".utf8)
        + [UInt8](repeating: UInt8(ascii: "x"), count: Int(digits, radix: 16) ?? 0)
        + Array("\r\n".utf8)
    }
  }

  private static let bodies = [
    body(["5", "5", "5", "6", "a", "B", "5"]),
    body(["10", "11", "1f", "1F", "20", "2", "02", "12", "012", "10"]),
    body(["0010", "0011", "000010", "000012", "0000010", "00000010", "000000011", "10"]),
    body(["5", "5;a=b", "5", "6;a", "5", "0"]),
    body(["10", "11", "10", "00"]),
  ]

  @Test(arguments: 0..<bodies.count)
  func `chunks at once are what they are byte by byte, damaged and cut`(_ number: Int) {
    let body = Self.bodies[number]
    #expect(Self.atOnce(body) == Self.byteByByte(body))
    for length in body.indices {
      let cut = Array(body[..<length])
      #expect(Self.atOnce(cut) == Self.byteByByte(cut), "\(length)")
    }
    for at in body.indices {
      for byte in Array("0159aFgx;\r\n \u{0}".utf8) where byte != body[at] {
        var damaged = body
        damaged[at] = byte
        #expect(Self.atOnce(damaged) == Self.byteByByte(damaged), "\(at) \(byte)")
      }
    }
  }

  @Test func `more chunks than room is made for at a time`() {
    for count in 0...70 {
      let body = Self.body(Array(repeating: "3", count: count))
      var reader = BodyReader(.chunked)
      var payload: [Range<Int>] = []
      let reading = reader.read(body.span, payload: &payload)
      #expect(reading.consumed == body.count && reading.error == nil)
      #expect(payload == (0..<count).map { $0 * 8 + 3..<$0 * 8 + 6 })
    }
  }

  @Test func `nothing is taken for a size line that none was`() {
    let zeros = Self.body(["3"]) + [UInt8](repeating: 0, count: 40)
    #expect(Self.atOnce(zeros) == Self.byteByByte(zeros))
    #expect(Self.atOnce(zeros).error == .badChunkSize)
  }
}
