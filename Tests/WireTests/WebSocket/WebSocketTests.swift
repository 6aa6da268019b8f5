// Goal: frames are read as RFC 6455 writes them, in any cut, and refused with the right code.
// Method: vectors become one list of what was found, in which payload pieces are joined.

import Testing
import Wire

@Suite struct WebSocketTests {
  private struct Frame: Equatable {
    var header: FrameHeader
    var payload: [UInt8] = []
    var endsMessage: Bool?
  }

  /// Reads all frames of `bytes`, payloads unmasked.
  private func frames(
    _ bytes: [UInt8], cut: [Range<Int>], _ parser: FrameParser
  ) throws(FrameError) -> [Frame] {
    var (parser, frames): (FrameParser, [Frame]) = (parser, [])
    for piece in cut {
      try CodecReplay.withGuarded(bytes[piece]) { (part) throws(FrameError) in
        var position = 0
        while true {
          let step = try parser.next(part, &position)
          switch step {
          case .needMore: return
          case .frame(let header): frames.append(Frame(header: header))
          case .payload(let range, let offset):
            let key = frames[frames.count - 1].header.mask ?? MaskingKey(0)
            key.apply(
              to: part.extracting(range), at: offset,
              appendingTo: &frames[frames.count - 1].payload)
          case .frameEnd(let endsMessage): frames[frames.count - 1].endsMessage = endsMessage
          }
        }
      }
    }
    return frames
  }

  private func frame(
    _ opcode: Opcode, _ text: String, isFinal: Bool = true, mask: UInt32? = nil
  ) -> Frame {
    Frame(
      header: FrameHeader(
        opcode: opcode, isFinal: isFinal, payloadLength: UInt64(text.utf8.count),
        mask: mask.map { MaskingKey($0) }),
      payload: Array(text.utf8), endsMessage: isFinal && !opcode.isControl)
  }

  @Test("RFC 6455 §5.7: the examples")
  func examples() throws {
    let vectors: [(String, [Frame])] = [
      ("81 05 48656c6c6f", [frame(.text, "Hello")]),
      ("81 85 37fa213d 7f9f4d5158", [frame(.text, "Hello", mask: 0x37FA_213D)]),
      (
        "01 03 48656c 80 02 6c6f",
        [
          frame(.text, "Hel", isFinal: false), frame(.continuation, "lo"),
        ]
      ),
      ("89 05 48656c6c6f", [frame(.ping, "Hello")]),
      ("8a 85 37fa213d 7f9f4d5158", [frame(.pong, "Hello", mask: 0x37FA_213D)]),
      // §5.4: a control frame may come between fragments.
      (
        "01 03 48656c 89 00 80 02 6c6f",
        [
          frame(.text, "Hel", isFinal: false), frame(.ping, ""), frame(.continuation, "lo"),
        ]
      ),
      ("81 00 82 00", [frame(.text, ""), frame(.binary, "")]),
    ]
    for (text, expected) in vectors {
      let bytes = hex(text)
      for cut in CodecReplay.cuts(bytes.count) {
        #expect(try frames(bytes, cut: cut, FrameParser(from: .either)) == expected)
      }
      var written: [UInt8] = []
      for frame in expected {
        FrameWriter.append(
          frame.header.opcode, frame.payload.span, isFinal: frame.header.isFinal,
          mask: frame.header.mask, to: &written)
      }
      #expect(written == bytes)
    }
  }

  @Test(
    "RFC 6455 §5.2: lengths of seven, sixteen and sixty-four bits",
    arguments: [
      (125, "82 7d"), (126, "82 7e 007e"), (256, "82 7e 0100"), (65_535, "82 7e ffff"),
      (65_536, "82 7f 0000000000010000"),
    ])
  func lengths(_ length: Int, _ head: String) throws {
    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
    var bytes: [UInt8] = []
    FrameWriter.append(.binary, payload.span, to: &bytes)
    #expect(bytes == hex(head) + payload)
    for cut in [[0..<bytes.count], (0..<bytes.count).map { $0..<$0 + 1 }] {
      let found = try frames(bytes, cut: cut, FrameParser(from: .server))
      #expect(found.map(\.payload) == [payload])
    }
  }

  @Test("RFC 6455 §5.3: the mask goes on through pieces of any size")
  func masking() throws {
    let payload = (0..<100).map { UInt8($0) }
    var bytes: [UInt8] = []
    FrameWriter.append(.binary, payload.span, mask: MaskingKey(0x0102_0304), to: &bytes)
    #expect(Array(bytes[6..<10]) == [1, 3, 1, 7])
    for cut in CodecReplay.cuts(bytes.count) {
      #expect(try frames(bytes, cut: cut, FrameParser(from: .client)).map(\.payload) == [payload])
    }
  }

  @Test(
    "what RFC 6455 forbids",
    arguments: [
      ("83 00", FrameError.reservedOpcode), ("8b 00", .reservedOpcode), ("c1 00", .reservedBit),
      ("a1 00", .reservedBit), ("91 00", .reservedBit), ("09 00", .controlFrame),
      ("89 7e 0080", .controlFrame), ("80 00", .fragmentation), ("01 00 81 00", .fragmentation),
      ("82 7e 007d", .length), ("82 7f 000000000000ffff", .length),
      ("82 7f 8000000000000000", .length), ("81 80 00000000", .masking),
      ("82 7e 03e9", .messageTooLong), ("02 7e 03e8 ", .messageTooLong),
    ])
  func refusals(_ text: String, _ error: FrameError) throws {
    var bytes = hex(text)
    // A second fragment takes this one over the limit of 1,000 bytes.
    if text.hasPrefix("02") { bytes += [UInt8](repeating: 0, count: 1_000) + hex("80 01 00") }
    let parser = FrameParser(from: .server, messageLimit: 1_000)
    for cut in [[0..<bytes.count], (0..<bytes.count).map { $0..<$0 + 1 }] {
      #expect(throws: error) { try frames(bytes, cut: cut, parser) }
    }
    #expect(error.closeCode.rawValue == (error == .messageTooLong ? 1009 : 1002))
  }

  @Test("RFC 6455 §5.1: clients mask") func unmaskedClient() {
    #expect(throws: FrameError.masking) {
      try frames(hex("81 00"), cut: [0..<2], FrameParser(from: .client))
    }
  }

  @Test("RFC 7692 §6: RSV1 on the first frame of a message only") func compression() throws {
    let parser = FrameParser(from: .server, allowsCompression: true)
    let found = try frames(hex("41 00 80 00"), cut: [0..<4], parser)
    #expect(found.map(\.header.isCompressed) == [true, false])
    for text in ["41 00 c0 00", "c9 00"] {
      let bytes = hex(text)
      #expect(throws: FrameError.reservedBit) {
        try frames(bytes, cut: [0..<bytes.count], parser)
      }
    }
  }

  @Test func betweenMessages() throws {
    var parser = FrameParser(from: .server)
    #expect(parser.isBetweenMessages)
    let bytes = hex("01 01 61 80 00")
    var position = 0
    var states: [Bool] = []
    while try parser.next(bytes.span, &position) != .needMore {
      states.append(parser.isBetweenMessages)
    }
    #expect(states == [false, false, false, false, true])
  }

  @Test("RFC 6455 §7.4: close codes") func closeCodes() throws {
    #expect(try closeCode([]) == nil)
    #expect(try closeCode(hex("03e8")) == .normal)
    #expect(try closeCode(hex("0fa1 6279")) == CloseCode(rawValue: 4001))
    for forbidden in ["03", "03e7", "03ec", "03ed", "03ee", "03f7", "07d0", "1388"] {
      let bytes = hex(forbidden)
      #expect(throws: FrameError.closeCode) { try closeCode(bytes) }
    }
    var written: [UInt8] = []
    FrameWriter.appendClose(.goingAway, to: &written)
    #expect(written == hex("88 02 03e9"))
  }

  @Test("RFC 6455 §1.3: the example of the handshake") func handshake() {
    let key = "dGhlIHNhbXBsZSBub25jZQ=="
    #expect(accept(key) == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
    #expect(isValidKey(key))
    for text in [
      "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZWVl", "dGhlIHNhbXBsZSBub25jZ!==",
    ] {
      #expect(!isValidKey(text))
    }
  }

  @Test(
    "RFC 6455 §4.2.1: what a server asks of a handshake",
    arguments: [
      ("", "", HandshakeRefusal?.none), ("GET", "POST", .notWebSocket),
      ("Upgrade: WebSocket", "Upgrade: h2c", .notWebSocket),
      ("keep-alive, Upgrade", "keep-alive", .notWebSocket), ("Version: 13", "Version: 8", .version),
      ("Sec-WebSocket-Version: 13\r\n", "", .version), ("ZQ==", "", .notWebSocket),
      ("HTTP/1.1", "HTTP/1.0", .notWebSocket),
      ("Host: weir", "Host: weir\r\nContent-Length: 1", .notWebSocket),
      (
        "Host: weir", "Host: weir\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", .notWebSocket
      ),
    ])
  func handshakeHeads(_ old: String, _ new: String, _ refusal: HandshakeRefusal?) throws {
    var text =
      "GET /ws HTTP/1.1\r\nHost: weir\r\nUpgrade: WebSocket\r\n"
      + "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      + "Sec-WebSocket-Version: 13\r\n\r\n"
    if !old.isEmpty { text = text.replacing(old, with: new, maxReplacements: 1) }
    let head = try RequestHead(parsing: Array(text.utf8))
    if let refusal {
      #expect(throws: refusal) { try Handshake.accept(head) }
      #expect(refusal.status == (refusal == .version ? 426 : 400))
    } else {
      #expect(try Handshake.accept(head) == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
    }
  }
}
