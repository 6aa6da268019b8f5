// Goal: what the tap cannot read costs it nothing but its sight: it gives up quietly, once, and
// counts it. Method: bodies that are broken, endless, compressed, or made to hurt.

import TestSupport
import Tap
import Testing
import Wire

@Suite("What a tap cannot read")
struct RobustnessTests {
  private func errors(_ facts: StreamFacts) -> [ObserverErrorKind] {
    ObserverErrorKind.allCases.filter { facts.observerErrors[$0.rawValue] > 0 }
  }

  @Test("events that are no JSON are counted once, and later ones are read")
  func badEvents() {
    let facts = Replay().facts(
      "data: {\"choices\":[}\n\ndata: {x}\n\n"
        + "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n")
    #expect(errors(facts) == [.badJSON])
    #expect(facts.observerErrors[ObserverErrorKind.badJSON.rawValue] == 1)
    #expect(facts.events == 4 && facts.contentEvents == 1)
    #expect(facts.kinds[EventKind.unknown.rawValue] == 2)
  }

  @Test("lines that are no JSON are skipped")
  func badLines() {
    let facts = Replay(path: "/api/chat", contentType: "application/x-ndjson").facts(
      "{\"message\":{\"content\":\"a\"}}\nnonsense\n{\"message\":{\"content\":\"b\"}}\n\n{\"done\":true}\n"
    )
    #expect(errors(facts) == [.badJSON])
    #expect(facts.events == 3 && facts.textChars == 2)
  }

  @Test("data that is no JSON is no error where the format is not known")
  func plainText() {
    let facts = Replay(path: "/x").facts("data: hello\n\ndata: [1\n\n")
    #expect(errors(facts).isEmpty)
    #expect(facts.events == 2 && facts.end == .completed)
  }

  // Found by the fuzz target `tap`.
  @Test("an error's text begins behind white space, wherever a read ends")
  func textBehindWhiteSpace() {
    let answer = Replay(contentType: "application/json", status: 502)
    for facts in [answer.facts(" \r\n: no"), answer.factsByByte(" \r\n: no")] {
      #expect(facts.error?.message?.text == ": no")
    }
  }

  // Found by the fuzz target `tap`.
  @Test("a line that is no field is judged by its first byte, wherever a read ends")
  func strayLine() {
    let body = "a]x: {\"error\":{\"message\":\"m\"}}\n\ndata: [DONE]\n\n"
    for facts in [Replay().facts(body), Replay().factsByByte(body)] {
      #expect(facts.error == nil && facts.end == .completed)
    }
    #expect(Replay().factsByByte("{\"error\":{\"message\":\"m\"}}\n\n").error != nil)
  }

  @Test("an unknown content coding is counted, and nothing is made of the body")
  func unknownCoding() {
    let facts = Replay(contentEncoding: "br").facts("data: {\"choices\":[]}\n\n")
    #expect(errors(facts) == [.badEncoding])
    #expect(facts.events == 0)
  }

  @Test("a broken gzip body is counted")
  func brokenGzip() {
    let facts = Replay(contentEncoding: "gzip").facts("data: {\"choices\":[]}\n\n")
    #expect(errors(facts) == [.badEncoding])
  }

  /// `data: {"choices":[{"delta":{"content":"hello"}}]}`, a blank line, `data: [DONE]`, a blank
  /// line, as gzip writes it without compressing.
  private static let gzipped: [UInt8] = {
    let text = Array(
      "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\ndata: [DONE]\n\n".utf8)
    var crc = CRC32()
    crc.update(text.span)
    let length = UInt16(text.count)
    var bytes: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1]
    for word in [length, ~length] { bytes += [UInt8(word & 255), UInt8(word >> 8)] }
    bytes += text
    for word in [crc.value, UInt32(length)] {
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return bytes
  }()

  @Test("a gzip body is read as if it were not one, however it is cut")
  func gzip() {
    let replay = Replay(contentEncoding: "gzip")
    #expect(
      replay.facts(Self.gzipped).summary
        == "openai-chat 2 events 1 content, text 5, end done-marker completed")
    let tap = replay.makeTap()
    for byte in Self.gzipped { tap.observe([byte].span, at: 0) }
    tap.end()
    #expect(tap.facts.textChars == 5 && tap.facts.doneMarker)
    #expect(errors(tap.facts).isEmpty)
  }

  @Test("a content coding that breaks off is counted")
  func cutGzip() {
    let facts = Replay(contentEncoding: "gzip").facts(Array(Self.gzipped.dropLast(20)))
    #expect(errors(facts) == [.malformedStream])
  }

  @Test("an event that never ends is counted and not kept")
  func endless() {
    let tap = Replay().makeTap()
    tap.observe(
      Array("data: {\"choices\":[{\"delta\":{\"content\":\"".utf8).span, at: 0)
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
    for _ in 0..<64 { tap.observe(piece.span, at: 0) }
    tap.observe(Array("\"}}]}\n\n".utf8).span, at: 0)
    #expect(tap.facts.textChars == 64 * 65_536)
    #expect(tap.facts.eventSizes[9] == 1)
  }

  @Test("random bytes, and streams with random bytes in them, crash nothing", arguments: 1...40)
  func random(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let types = [
      "text/event-stream", "application/x-ndjson", "application/json",
      "application/vnd.amazon.eventstream",
    ]
    let paths = ["/v1/chat/completions", "/v1/messages", "/x:streamGenerateContent", "/unknown"]
    for type in types {
      let path = paths.randomElement(using: &random) ?? "/"
      let tap = Replay(path: path, contentType: type).makeTap()
      var body = Array(
        "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n[{\"a\":1}]".utf8)
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        body[Int.random(in: body.indices, using: &random)] = random.bytes(1)[0]
      }
      if seed % 2 == 0 { body = random.bytes(500) }
      tap.observe(body.span, at: 0)
      tap.end()
      #expect(tap.facts.observerErrors.indices.allSatisfy { tap.facts.observerErrors[$0] <= 1 })
    }
  }
}
