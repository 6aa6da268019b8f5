// Goal: an endpoint gets whole messages, and control frames between their fragments; what breaks a
// rule fails at the first byte that does, with the close code of RFC 6455.
// Method: frames are written, cut in every way, and read into one list of what was found.

import Testing
import Wire

@Suite struct MessageReaderTests {
  private enum Found: Equatable {
    case text(String)
    case binary([UInt8])
    case ping(String)
    case pong(String)
    case close(UInt16?)
  }

  private func read(
    _ bytes: [UInt8], cut: [Range<Int>], limit: Int = 1_000, from sender: FrameParser.Sender
  ) throws(FrameError) -> [Found] {
    var (reader, found): (MessageReader, [Found]) = (
      MessageReader(from: sender, limitBytes: limit), []
    )
    for piece in cut {
      try CodecReplay.withGuarded(bytes[piece]) { (part) throws(FrameError) in
        var position = 0
        while true {
          switch try reader.next(part, &position) {
          case .needMore: return
          case .text: found.append(.text(String(decoding: reader.message, as: UTF8.self)))
          case .binary: found.append(.binary(reader.message))
          case .ping: found.append(.ping(String(decoding: reader.control, as: UTF8.self)))
          case .pong: found.append(.pong(String(decoding: reader.control, as: UTF8.self)))
          case .close(let code): found.append(.close(code?.rawValue))
          }
        }
      }
    }
    return found
  }

  private func frames(_ list: [(Opcode, String, isFinal: Bool)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, frame) in list.enumerated() {
      FrameWriter.append(
        frame.0, Array(frame.1.utf8).span, isFinal: frame.isFinal,
        mask: MaskingKey(0x1234_5678 &+ UInt32(index)), to: &bytes)
    }
    return bytes
  }

  @Test("RFC 6455 §5.4: fragments make one message; control frames come between them")
  func fragments() throws {
    let bytes = frames([
      (.text, "Hä", false), (.ping, "p", true), (.continuation, "", false),
      (.pong, "q", true), (.continuation, "ß", true), (.binary, "", true), (.text, "", true),
      (.binary, "b", false), (.continuation, "c", true),
    ])
    let expected: [Found] = [
      .ping("p"), .pong("q"), .text("Häß"), .binary([]), .text(""), .binary(Array("bc".utf8)),
    ]
    for cut in CodecReplay.cuts(bytes.count) {
      #expect(try read(bytes, cut: cut, from: .client) == expected)
    }
  }

  @Test("RFC 6455 §8.1: a character may be cut by a frame, but not by the message's end")
  func cutCharacters() throws {
    let begun = hex("01 01 e2 89 00")
    let whole = begun + hex("80 02 82 ac")
    let broken = begun + hex("80 01 82")
    for cut in CodecReplay.cuts(whole.count) {
      #expect(try read(whole, cut: cut, from: .server) == [.ping(""), .text("€")])
    }
    for cut in CodecReplay.cuts(broken.count) {
      #expect(throws: FrameError.invalidText) { try read(broken, cut: cut, from: .server) }
    }
    #expect(FrameError.invalidText.closeCode == .invalidPayload)
  }

  @Test("invalid text fails before its frame is whole; binary may hold anything")
  func failsFast() throws {
    // A frame that announces 100 bytes, of which two have come.
    let begun = hex("81 64 c3 28")
    #expect(throws: FrameError.invalidText) { try read(begun, cut: [0..<4], from: .server) }
    let binary = hex("82 02 c3 28")
    #expect(try read(binary, cut: [0..<4], from: .server) == [.binary([0xC3, 0x28])])
  }

  @Test("a message over the limit fails by its head, however it is cut into frames")
  func limit() throws {
    let exact = frames([
      (.text, String(repeating: "a", count: 600), false),
      (.continuation, String(repeating: "b", count: 400), true),
    ])
    #expect(try read(exact, cut: [0..<exact.count], from: .client).count == 1)
    let over = frames([
      (.text, String(repeating: "a", count: 600), false), (.continuation, "", false),
      (.continuation, String(repeating: "b", count: 401), true),
    ])
    // The last frame's head alone: two bytes, two of length, four of mask.
    let head = 0..<over.count - 401
    #expect(throws: FrameError.messageTooLong) { try read(over, cut: [head], from: .client) }
  }

  @Test(
    "RFC 6455 §5.5.1: close frames",
    arguments: [
      ("88 00", UInt16?.none), ("88 02 03e8", 1000), ("88 04 03e8 6279", 1000),
      ("88 02 0bb8", 3000),
    ])
  func close(_ text: String, _ code: UInt16?) throws {
    let bytes = hex(text)
    for cut in CodecReplay.cuts(bytes.count) {
      #expect(try read(bytes, cut: cut, from: .server) == [.close(code)])
    }
  }

  @Test(
    "close frames that break a rule",
    arguments: [
      ("88 01 03", FrameError.closeCode), ("88 02 03ec", .closeCode),
      ("88 04 03e8 c328", .invalidText), ("88 03 03e8 c3", .invalidText),
    ])
  func badClose(_ text: String, _ error: FrameError) throws {
    let bytes = hex(text)
    for cut in CodecReplay.cuts(bytes.count) {
      #expect(throws: error) { try read(bytes, cut: cut, from: .server) }
    }
  }
}
