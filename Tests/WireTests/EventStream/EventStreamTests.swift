// Goal: AWS's binary messages come out whole in any cut, and damage is found where it is.
// Method: messages are put together here, by the format's description, with their own checksums.

import TestSupport
import Testing
import Wire

@Suite struct EventStreamTests {
  struct Message: Equatable {
    var eventType: String?
    var messageType: String?
    var exceptionType: String?
    var payload: [UInt8] = []
    var isIntact: Bool?
  }

  private func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private func header(_ name: String, _ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    let length = type == 6 || type == 7 ? bigEndian(value.count, 2) : []
    return [UInt8(name.utf8.count)] + Array(name.utf8) + [type] + length + value
  }

  private func crc(_ bytes: [UInt8]) -> [UInt8] {
    var crc = CRC32()
    crc.update(bytes.span)
    return bigEndian(Int(crc.value), 4)
  }

  private func message(_ headers: [UInt8], _ payload: [UInt8], lengthDelta: Int = 0) -> [UInt8] {
    let total = 16 + headers.count + payload.count + lengthDelta
    var bytes = bigEndian(total, 4) + bigEndian(headers.count, 4)
    bytes += crc(bytes)
    bytes += headers + payload
    return bytes + crc(bytes)
  }

  private func text(_ parser: EventStreamParser, _ header: EventStreamHeader) -> String? {
    parser.withValue(of: header) { span in
      String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
  }

  private func read(
    _ bytes: [UInt8], cut: [Range<Int>]
  ) -> (messages: [Message], error: EventStreamError?, isInside: Bool) {
    var (parser, messages): (EventStreamParser, [Message]) = (EventStreamParser(), [])
    do throws(EventStreamError) {
      for piece in cut {
        try CodecReplay.withGuarded(bytes[piece]) { (part) throws(EventStreamError) in
          var position = 0
          while true {
            switch try parser.next(part, &position) {
            case .needMore: return
            case .message:
              messages.append(
                Message(
                  eventType: text(parser, .eventType), messageType: text(parser, .messageType),
                  exceptionType: text(parser, .exceptionType)))
            case .payload(let range):
              messages[messages.count - 1].payload += range.map { part[$0] }
            case .messageEnd(let isIntact): messages[messages.count - 1].isIntact = isIntact
            }
          }
        }
      }
      return (messages, nil, parser.isInsideMessage)
    } catch {
      return (messages, error, parser.isInsideMessage)
    }
  }

  @Test func headersOfAllTypesAndPayloads() {
    let eight: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let first: [[UInt8]] = [
      header("t", 0, []), header("f", 1, []), header("b", 2, [1]), header("s", 3, [1, 2]),
      header("i", 4, [1, 2, 3, 4]), header("l", 5, eight), header("bytes", 6, [9, 9]),
      header("string", 7, Array("x".utf8)), header("empty", 7, []), header("time", 8, eight),
      header("uuid", 9, [UInt8](repeating: 7, count: 16)),
      header(":event-type", 7, Array("chunk".utf8)),
      header(":message-type", 7, Array("event".utf8)),
    ]
    let second =
      header(":message-type", 7, Array("exception".utf8))
      + header(":exception-type", 7, Array("throttlingException".utf8))
    let bytes =
      message(Array(first.joined()), Array("{\"bytes\":\"\"}".utf8))
      + message(second, Array("{}".utf8))
      + message([], []) + message([], [1, 2, 3])
    let expected: [Message] = [
      Message(
        eventType: "chunk", messageType: "event", payload: Array("{\"bytes\":\"\"}".utf8),
        isIntact: true),
      Message(
        messageType: "exception", exceptionType: "throttlingException",
        payload: Array("{}".utf8), isIntact: true),
      Message(isIntact: true), Message(payload: [1, 2, 3], isIntact: true),
    ]
    for cut in CodecReplay.cuts(bytes.count) {
      let found = read(bytes, cut: cut)
      #expect(found.messages == expected)
      #expect(found.error == nil)
      #expect(!found.isInside)
    }
  }

  @Test func valuesAreComparedWithoutCopies() throws {
    let bytes = message(header(":event-type", 7, Array("chunk".utf8)), [])
    var (parser, position) = (EventStreamParser(), 0)
    let step = try parser.next(bytes.span, &position)
    #expect(step == .message)
    #expect(parser.header(.eventType, equals: "chunk"))
    for other in ["chun", "chunk2", "chunj", ""] as [StaticString] {
      #expect(!parser.header(.eventType, equals: other))
    }
    #expect(!parser.header(.contentType, equals: "chunk"))
  }

  @Test func aLongValueIsCutAndAnotherTypeIsNotKept() {
    let long = String(repeating: "v", count: 300)
    let headers =
      header(":event-type", 7, Array(long.utf8)) + header(":message-type", 4, [0, 0, 0, 1])
    let found = read(message(headers, []), cut: [0..<message(headers, []).count])
    #expect(found.messages.first?.eventType == String(repeating: "v", count: 64))
    #expect(found.messages.first?.messageType == nil)
    #expect(found.messages.first?.isIntact == true)
  }

  @Test func everyFlippedBitIsFound() {
    let whole = message(header(":event-type", 7, Array("e".utf8)), Array("payload".utf8))
    for bit in 0..<whole.count * 8 {
      var bytes = whole
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let found = read(bytes, cut: [0..<bytes.count])
      let isAccepted = found.error == nil && found.messages.first?.isIntact == true
      #expect(!isAccepted, "bit \(bit)")
      if bit < 96 { #expect(found.error == .preludeChecksum) }
    }
  }

  @Test func damageInOneMessageLeavesTheNextWhole() {
    var bytes = message([], Array("one".utf8))
    bytes[13] ^= 1
    bytes += message([], Array("two".utf8))
    let found = read(bytes, cut: [0..<bytes.count])
    #expect(found.messages.map(\.isIntact) == [false, true])
  }

  @Test func impossibleLengthsAndHeaders() {
    let tooShort = message([1, 2, 3, 4], [], lengthDelta: -1)
    #expect(read(tooShort, cut: [0..<tooShort.count]).error == .lengths)
    let long = [UInt8](repeating: 0, count: 128 * 1024 + 1)
    let tooLong = message(long, [])
    #expect(read(tooLong, cut: [0..<tooLong.count]).error == .lengths)
    let bad: [[UInt8]] = [
      [0], [1], [1, 97], [1, 97, 10], [1, 97, 7, 0], [1, 97, 7, 0, 2, 1], header("a", 4, [1, 2]),
    ]
    for headers in bad {
      let bytes = message(headers, [])
      for cut in CodecReplay.cuts(bytes.count) {
        #expect(read(bytes, cut: cut).error == .header)
      }
    }
  }

  @Test func cutShortIsInside() {
    let bytes = message([], [1, 2, 3])
    for length in 1..<bytes.count { #expect(read(bytes, cut: [0..<length]).isInside) }
  }

  /// Recorded Bedrock streams: as many complete messages as the index counts events, damaged ones
  /// included, and damage where it says so.
  @Test(.enabled(if: Corpus.folder != nil)) func recordings() throws {
    let entries = Corpus.entries.filter {
      ($0["file"] as? String)?.hasSuffix(".eventstream") == true
    }
    #expect(entries.count > 10)
    for entry in entries {
      let file = try #require(entry["file"] as? String)
      let bytes = try #require(Corpus.bytes(of: file))
      let expected = try #require(entry["expected"] as? [String: Any])
      let byByte = (0..<bytes.count).map { $0..<$0 + 1 }
      for cut in [[0..<bytes.count], byByte] {
        let found = read(bytes, cut: cut)
        #expect(
          found.messages.count { $0.isIntact != nil } == expected["events"] as? Int, "\(file)")
        #expect(
          found.messages.count { $0.isIntact == false } == expected["crc_errors"] as? Int ?? 0)
        #expect(found.isInside == expected["eof_pending"] as? Bool, "\(file)")
      }
    }
  }
}
