// Goal: what the writer writes is JSON, says what was meant, and is compact.
// Method: golden texts, and a foreign parser that reads everything back.

import Foundation
import TestSupport
import Testing
import Wire

@Suite struct JSONWriterTests {
  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func structure() {
    let text = written { json in
      json.beginObject()
      json.key("a")
      json.integer(-1)
      json.key("b")
      json.beginArray()
      json.bool(true)
      json.null()
      json.beginObject()
      json.endObject()
      json.beginArray()
      json.endArray()
      json.string("x" as StaticString)
      json.endArray()
      json.key(escaping: "q\"")
      json.beginObject()
      json.key("c")
      json.unsigned(.max)
      json.endObject()
      json.endObject()
      json.newline()
      json.beginObject()
      json.endObject()
    }
    #expect(
      text == """
        {"a":-1,"b":[true,null,{},[],"x"],"q\\"":{"c":18446744073709551615}}
        {}
        """)
  }

  @Test func numbers() {
    let text = written { json in
      json.beginArray()
      for value in [0, 7, 10, 99, 100, .max, .min] { json.integer(value) }
      for value in [0, 1, 10, 12_300, 1_000, 1_234_567] as [UInt64] {
        json.decimal(value, fractionDigits: 3)
      }
      for value in [0, 0.1, -2.5, 1e21, 1e-300, .nan, .infinity] { json.number(value) }
      json.endArray()
    }
    #expect(
      text == "[0,7,10,99,100,9223372036854775807,-9223372036854775808,"
        + "0,0.001,0.01,12.3,1,1234.567,0.0,0.1,-2.5,1e+21,1e-300,null,null]")
  }

  @Test("RFC 8259 §7: escapes") func escapes() throws {
    let every = String(String.UnicodeScalarView((0..<0x180).map { Unicode.Scalar(UInt16($0))! }))
    let text = written { json in
      json.beginArray()
      json.string(every)
      json.string(Array(every.utf8).span)
      json.endArray()
    }
    let back = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String]
    #expect(back == [every, every])
    let controls = written { $0.string("\u{0}\t\n\r\u{1F}\"\\/\u{7F}é") }
    #expect(controls == "\"\\u0000\\t\\n\\r\\u001f\\\"\\\\/\u{7F}é\"")
  }

  /// Swift's own decoding of invalid UTF-8 is the reference: it follows the same rule.
  @Test("Unicode §3.9: what is not UTF-8 is replaced") func invalidUTF8() {
    var random = SeededRandom(seed: 3)
    let interesting: [UInt8] = [
      0x41, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xEF, 0xF0, 0x90, 0xF4, 0x8F,
      0xF5,
      0xFF,
    ]
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...8, using: &random)).map { _ in
        interesting.randomElement(using: &random)!
      }
      CodecReplay.withGuarded(bytes[...]) { span in
        #expect(written { $0.string(span) } == "\"" + String(decoding: bytes, as: UTF8.self) + "\"")
      }
    }
  }

  @Test func theBufferIsUsedAgain() {
    var writer = JSONWriter(capacity: 64)
    writer.beginArray()
    writer.removeAll()
    writer.beginObject()
    writer.endObject()
    #expect(writer.bytes == Array("{}".utf8))
  }
}
