// Goal: the reader takes what JSON5 allows, refuses the rest, and points at the right place.
// Method: tables of texts with the value or the message that must come out.

import Testing

@testable import weir

private func read(_ text: String) -> Result<JSON5Value, JSON5Error> {
  Result { () throws(JSON5Error) in try JSON5Reader.read(Array(text.utf8)) }
}

/// The value written as JSON, without places.
private func plain(_ value: JSON5Value) -> String {
  switch value.content {
  case .null: "null"
  case .boolean(let boolean): "\(boolean)"
  case .number(let number):
    number.integer.map { "\($0)" } ?? number.double.map { "\($0)" } ?? "not finite"
  case .string(let string): quoted(string)
  case .array(let elements): "[\(elements.map(plain).joined(separator: ","))]"
  case .object(let members):
    "{\(members.map { quoted($0.key) + ":" + plain($0.value) }.joined(separator: ","))}"
  }
}

struct JSON5ReaderTests {
  @Test(
    "values",
    arguments: [
      ("null", "null"), ("true", "true"), (" false ", "false"),
      ("0", "0"), ("-7", "-7"), ("+7", "7"), (".5", "0.5"), ("5.", "5"), ("1.25e2", "125"),
      ("0x1F", "31"), ("-0xff", "-255"), ("1e400", "not finite"), ("Infinity", "not finite"),
      ("-Infinity", "not finite"), ("NaN", "not finite"),
      (#""a\"b""#, #""a\"b""#), (#"'a"b'"#, #""a\"b""#), (#"'it\'s'"#, #""it's""#),
      (#""\x41\u00e9\n\t\0""#, #""Aé\n\t\u0000""#), (#""\ud83c\udf0a""#, #""🌊""#),
      ("'one \\\n line'", #""one  line""#), ("'one\\\r\nline'", #""oneline""#),
      (#""\q""#, #""q""#), ("'\u{2028}'", "\"\u{2028}\""),
      ("[]", "[]"), ("[1,]", "[1]"), ("[1, [2], ]", "[1,[2]]"),
      ("{}", "{}"), ("{a:1,}", #"{"a":1}"#), ("{'a b':1,\"c\":2}", #"{"a b":1,"c":2}"#),
      ("{$_é1: 1}", #"{"$_é1":1}"#), (#"{\u0061b: 1}"#, #"{"ab":1}"#),
      ("{null: null, true: 1}", #"{"null":null,"true":1}"#),
      ("// c\n{ /* a: 2, */ a: 1 } // d", #"{"a":1}"#), ("\u{FEFF}1", "1"), ("/***/1", "1"),
      ("{a:\u{A0}1}", #"{"a":1}"#),
    ])
  func values(text: String, expected: String) throws {
    #expect(plain(try read(text).get()) == expected)
  }

  @Test(
    "mistakes",
    arguments: [
      ("", "1:1", "the end of the file begins no value"),
      ("1 2", "1:3", "'2' follows the end of the value"),
      ("{a 1}", "1:4", "a ':' must follow a key, not '1'"),
      ("{per-key: 1}", "1:5", "needs quotes"),
      ("{-a: 1}", "1:2", "'-' begins no key"),
      ("{a: 1 b: 2}", "1:7", "'b' follows a value; allowed: ',' or '}'"),
      ("[1 2]", "1:4", "'2' follows an element; allowed: ',' or ']'"),
      ("[,]", "1:2", "',' begins no value"),
      ("{,}", "1:2", "',' begins no key"),
      ("{\n  a: 1,\n  a: 2 }", "3:3", "this key stands at 2:3 already"),
      ("{a: yes}", "1:5", "'yes' is no value"),
      ("{a: 10s}", "1:7", "'s' cannot follow a number"),
      ("{a: 64KiB}", "1:7", "strings: \"10s\", \"64KiB\""),
      ("010", "1:1", "octal"), ("0x", "1:3", "no hexadecimal digit"), ("1e", "1:3", "exponent"),
      ("-", "1:2", "no digit"), (".", "1:2", "no digit"), ("1.2.3", "1:4", "'.' cannot follow"),
      ("\"abc", "1:1", "never ends"), ("{a: 'x\ny'}", "1:5", "never ends"),
      (#"'\u12'"#, "1:6", "no hexadecimal digit"), (#"'\01'"#, "1:3", "octal"),
      (#"'\ud83c'"#, "1:4", "surrogate"), (#"'\udf0a'"#, "1:4", "surrogate"),
      (#"'\ud83c\ud0e0'"#, "1:4", "surrogate"), (#"'\ud83c\ue000'"#, "1:4", "surrogate"),
      ("/* a", "1:1", "never ends"), ("{a: /b/}", "1:5", "'/' stands here alone"),
      ("[\u{1}]", "1:2", "U+0001"), ("\r\n\n\r {", "4:3", "the end of the file"),
      ("{é: 'ö', ü}", "1:11", "a ':' must follow"),
    ])
  func mistakes(text: String, place: String, message: String) {
    guard case .failure(let error) = read(text) else {
      Issue.record("accepted: \(text)")
      return
    }
    #expect(error.position.description == place)
    #expect(error.message.contains(message), "\(error.message)")
  }

  @Test("every key and value knows its line and column")
  func places() throws {
    let value = try read("{\n  // é\n  'a': [1, 'x'],\r\n\tb: { c: null } }").get()
    guard case .object(let members) = value.content,
      case .array(let elements) = members[0].value.content,
      case .object(let inner) = members[1].value.content
    else {
      Issue.record("not the shape that was written")
      return
    }
    #expect(members.map(\.position.description) == ["3:3", "4:2"])
    #expect(members.map(\.value.position.description) == ["3:8", "4:5"])
    #expect(elements.map(\.position.description) == ["3:9", "3:12"])
    #expect(inner[0].value.position.description == "4:10")
  }

  @Test("nesting and size are bounded")
  func bounds() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try read(nested(JSON5Reader.depthLimit)).get()
    guard case .failure(let deep) = read(nested(JSON5Reader.depthLimit + 1)) else {
      Issue.record("accepted too deep a nesting")
      return
    }
    #expect(deep.message.contains("at most 64 levels"))

    let blanks = String(repeating: " ", count: JSON5Reader.sizeLimitBytes - 1)
    _ = try read(blanks + "1").get()
    guard case .failure(let large) = read(blanks + "10") else {
      Issue.record("accepted too large a file")
      return
    }
    #expect(large.message.contains("at most 1048576"))
  }

  @Test("bytes that are not UTF-8 are refused at their place")
  func encoding() {
    let error = #expect(throws: JSON5Error.self) {
      try JSON5Reader.read(Array("{\né: '".utf8) + [0xff] + Array("'}".utf8))
    }
    #expect(error?.position.description == "2:5")
    #expect(error?.message.contains("UTF-8") == true)
  }

  @Test("no text of the grammar's signs makes the reader crash or loop")
  func soup() {
    // Every text of up to five of these pieces, among them each that opens something.
    let pieces = ["{", "}", "[", "a", ":", ",", "'", "\\", "/*", "1", "-", "\n"]
    var texts = [""]
    for _ in 0..<4 { texts = texts.flatMap { text in pieces.map { text + $0 } } }
    let accepted = texts.filter { if case .success = read($0) { true } else { false } }
    #expect(accepted.contains("\n1\n\n"))
    #expect(!accepted.contains("[[[["))
  }
}
