// Goal: a message of unknown members is read as RFC 8259 has it, its values can be passed on as they
// were written, and what is no JSON is refused.
// Method: texts of the standard's grammar, and their neighbours that break a rule.

import TestSupport
import Testing
import Wire

@Suite struct JSONDocumentTests {
  private func parse(_ text: String) -> JSONDocument? { JSONDocument(Array(text.utf8)) }

  @Test func members() throws {
    let text = #" {"a":1, "b" : {"x":[1,{"y":null}]},"ü":"\u00e9\n\ud83d\ude00","t":true} "#
    let document = try #require(parse(text))
    let members = document.members(of: document.root)
    #expect(members.map(\.name) == ["a", "b", "ü", "t"])
    #expect(members.map(\.value.kind) == [.number, .object, .string, .bool])
    #expect(document.integer(members[0].value) == 1)
    let written = document.bytes[members[1].value.range]
    #expect(String(decoding: written, as: UTF8.self) == #"{"x":[1,{"y":null}]}"#)
    #expect(document.string(members[2].value) == "é\n😀")
    #expect(document.bool(members[3].value) == true)
    #expect(document.string(members[0].value) == nil)
    #expect(document.members(of: members[0].value).isEmpty)
  }

  @Test func strings() throws {
    let texts: [(String, String)] = [
      (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u0041""#, "A"),
      (#""\ud83dx""#, "\u{FFFD}x"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
    ]
    for (text, meaning) in texts {
      let document = try #require(parse(text))
      #expect(document.string(document.root) == meaning)
    }
  }

  @Test(
    "whole numbers",
    arguments: [
      ("0", 0), ("-7", -7), ("9223372036854775807", Int.max), ("9223372036854775808", nil),
      ("1.0", nil), ("1e2", nil),
    ] as [(String, Int?)])
  func integers(_ text: String, _ value: Int?) throws {
    let document = try #require(parse(text))
    #expect(document.integer(document.root) == value)
  }

  @Test(
    "what is JSON",
    arguments: [
      "{}", "[]", "[[],{}]", " [ 1 , -0.5e+3 , \"\" ] ", "null", "{\"a\":{},\"b\":[]}", "1E5",
      "{\"a\":1,\"a\":2}",
    ])
  func accepted(_ text: String) { #expect(parse(text) != nil) }

  @Test(
    "what is none",
    arguments: [
      "", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\"}", "{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]",
      "01", "1.", ".5", "+1", "1e", "-", "nul", "truee", "{} {}", "[}", "{]", "\"", "\"\\x\"",
      "\"\\u12\"", "\"\n\"", "[1]]", "{\"a\":1 \"b\":2}", "{1:2}", ",", "[,1]", "NaN",
    ])
  func refused(_ text: String) { #expect(parse(text) == nil) }

  // Goal: depth has its limit, and costs no stack.
  @Test func depth() {
    let most = JSONDocument.depthLimit
    let nested = { (depth: Int) in
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(parse(nested(most)) != nil)
    #expect(parse(nested(most + 1)) == nil)
    #expect(parse(String(repeating: "{\"a\":", count: 1_000_000)) == nil)
  }

  // Goal: no text, however damaged, is read beyond its end, and a prefix of a text is none.
  @Test func prefixes() throws {
    let text = Array(#"{"a":[1,-2.5e3,{"b":"c\u00e9"}],"d":[true,false,null]}"#.utf8)
    for end in 0..<text.count { #expect(JSONDocument(Array(text[..<end])) == nil) }
    var random = SeededRandom(seed: 7)
    for _ in 0..<5_000 {
      var damaged = text
      damaged[Int.random(in: 0..<text.count, using: &random)] = random.bytes(1)[0]
      guard let document = JSONDocument(damaged) else { continue }
      for (_, value) in document.members(of: document.root) {
        #expect(value.range.upperBound <= damaged.count)
        _ = document.string(value)
      }
    }
  }
}
