// Goal: the scanner finds what stands at its paths in any JSON, however reads are cut, at constant
// memory, and never reads beyond its input. Method: tables of text and matches, replayed in every
// cut before a guard page; then texts made to hurt; then seeded texts against Foundation's parser.

import Foundation
import TestSupport
import Testing
import Wire

/// What a scanner found, as text, and how it ended.
struct ScannedText: Equatable {
  var matches: [String] = []
  var isComplete = false
  var isFailed = false
}

private final class Scan {
  var scanner: JSONScanner
  var found = ScannedText()
  var piece: [UInt8] = []
  private let captured: Set<UInt8>

  init(_ entries: [JSONPathTable.Entry], style: JSONScanner.Style = .document, limit: Int = 256) {
    scanner = JSONScanner(
      JSONPathTable(entries), style: style, captureLimitBytes: limit, longCaptureLimitBytes: 4096)
    captured = Set(entries.filter { $0.options.contains(.captured) }.map(\.field))
  }

  func feed(_ bytes: Span<UInt8>) {
    var position = 0
    while let match = scanner.next(bytes, from: &position) {
      if match.kind == .stringPiece {
        piece += match.piece.isEmpty ? scanner.captured : match.piece.map { bytes[$0] }
      } else {
        found.matches.append(describe(match))
      }
    }
  }

  func end() -> ScannedText {
    found.isComplete = scanner.isComplete
    found.isFailed = scanner.isFailed
    return found
  }

  private func describe(_ match: JSONMatch) -> String {
    var text = "\(match.field) \(match.kind)"
    if match.kind == .string { text += " \(match.count)" }
    if match.kind == .number { text += " " + (match.integer.map(String.init) ?? "inexact") }
    if match.kind == .objectEnded || match.kind == .arrayEnded, match.count > 0 {
      text += " \(match.count)"
    }
    if captured.contains(match.field), match.kind == .string || match.kind == .number {
      text += " '" + String(decoding: scanner.captured, as: UTF8.self) + "'"
    }
    if !piece.isEmpty {
      text += " <" + String(decoding: piece, as: UTF8.self) + ">"
      piece.removeAll()
    }
    return text
  }
}

@Suite("JSON scanner")
struct JSONScannerTests {
  private static let entries: [JSONPathTable.Entry] = [
    .init("model", field: 1, options: .captured),
    .init("choices[].delta.content", field: 2),
    .init("choices[].delta.content[].text", field: 3),
    .init("choices[]", field: 4, options: .scoped),
    .init("choices[].index", field: 5),
    .init("usage.completion_tokens_details.reasoning_tokens", field: 6),
    .init("args", field: 7, options: .measured),
    .init("error", field: 8, options: [.captured, .long]),
    .init("error.code", field: 9, options: .captured),
    .init("done", field: 10),
    .init("bytes", field: 11, options: .lent),
    .init("", field: 12),
  ]

  private func replay(
    _ bytes: [UInt8], style: JSONScanner.Style = .document, limit: Int = 256
  ) -> Feed<ScannedText> {
    let entries = style == .document ? Self.entries : Self.entries.filter { !$0.path.isEmpty }
    return Feed(
      bytes, start: { Scan(entries, style: style, limit: limit) },
      feed: { scan, span in scan.feed(span) }, result: { $0.end() })
  }

  @Test(
    "finds what stands at its paths",
    arguments: [
      (#"{"model":"gpt","x":1}"#, ["1 string 3 'gpt'"]),
      (#"{"x":{"model":"no"},"model" : "yes" }"#, ["1 string 3 'yes'"]),
      (
        #"{"choices":[{"delta":{"content":"hé"},"index":3},{"index":0}]}"#,
        [
          "4 objectBegan", "2 string 2", "5 number 3", "4 objectEnded", "4 objectBegan",
          "5 number 0", "4 objectEnded",
        ]
      ),
      (
        #"{"choices":[{"delta":{"content":[{"type":"t","text":"ab"},{"text":""}]}}]}"#,
        ["4 objectBegan", "2 arrayBegan", "3 string 2", "3 string 0", "4 objectEnded"]
      ),
      (
        #"{"usage":{"completion_tokens_details":{"reasoning_tokens":42},"total":1}}"#,
        ["6 number 42"]
      ),
      (#"{"error":"text"}"#, ["8 string 4 'text'"]),
      (#"{"error":{"code":-32602,"x":[]}}"#, ["8 objectBegan", "9 number -32602 '-32602'"]),
      (#"{"error":{"code":"a\"b"}}"#, ["8 objectBegan", #"9 string 3 'a"b'"#]),
      (#"{"error":null,"done":true}"#, ["8 null", "10 true"]),
      (#"{"done":false,"model":null}"#, ["10 false", "1 null"]),
      (#"{"mod":"a","modell":"b","MODEL":"c","":"d"}"#, []),
      (#"{"mod\u0065l":"escaped key"}"#, ["1 string 11 'escaped key'"]),
      (#"{"model\ud83d":"no","\ud83dmodel":"no"}"#, []),
      (#"{"usage":{"completion_tokens_details":3},"usage":[1,{"a":2}]}"#, []),
      (#""alone""#, ["12 string 5"]), ("17 ", ["12 number 17"]),
    ])
  func finds(text: String, matches: [String]) {
    var expected = matches
    // The document itself has a path too.
    if text.hasPrefix("{") { expected.insert("12 objectBegan", at: 0) }
    let feed = replay(Array(text.utf8))
    #expect(feed.whole.matches == expected)
    #expect(feed.whole.isComplete && !feed.whole.isFailed)
    #expect(feed.disagreements.isEmpty)
  }

  @Test(
    "counts Unicode scalar values, escapes and surrogates included",
    arguments: [
      (#"a\nb\t\"\\\/"#, 7, "a\nb\t\"\\/"), (#"\u00e9é"#, 2, "éé"),
      (#"\ud83d\ude00"#, 1, "\u{1F600}"), (#"\uD83D\uDE00x"#, 2, "\u{1F600}x"),
      (#"\ud83d"#, 1, "\u{FFFD}"), (#"\ude00"#, 1, "\u{FFFD}"),
      (#"\ud83d\ud83d\ude00"#, 2, "\u{FFFD}\u{1F600}"), (#"\ud83dx\ude00"#, 3, "\u{FFFD}x\u{FFFD}"),
      (#"\ud83d\n\ude00"#, 3, "\u{FFFD}\n\u{FFFD}"), ("日本語😀", 4, "日本語😀"),
      ("0123456789abcdefé0123456789", 27, "0123456789abcdefé0123456789"), ("", 0, ""),
    ])
  func counts(text: String, count: Int, decoded: String) {
    let feed = replay(Array("{\"model\":\"\(text)\"}".utf8))
    #expect(feed.whole.matches == ["12 objectBegan", "1 string \(count) '\(decoded)'"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test(
    "measures objects as compact JSON",
    arguments: [
      (#"{}"#, 2), (#"{ "a" : 1 , "b" : [ 1 , 2 ] }"#, 17), (#"{"a":"b c"}"#, 11),
      (#"{"a":"\u00e9\n\u0001\/\u0022"}"#, 20), (#"{"😀":"\ud83d\ude00"}"#, 9), (#"[]"#, 2),
      (#"[ {"a":{}} ,null]"#, 15),
    ])
  func measures(text: String, length: Int) {
    let kind = text.hasPrefix("{") ? "objectEnded" : "arrayEnded"
    let feed = replay(Array("{\"args\":\(text)}".utf8))
    #expect(feed.whole.matches == ["12 objectBegan", "7 \(kind) \(length)"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test(
    "reads whole numbers and says what is none",
    arguments: [
      ("0", "0"), ("-7", "-7"), ("3.0", "3"), ("3.50", "inexact"), ("1e3", "inexact"),
      ("9223372036854775807", "9223372036854775807"),
      ("123456789012345678901234567890", "9223372036854775807"),
    ])
  func numbers(text: String, value: String) {
    let feed = replay(Array("{\"choices\":[{\"index\":\(text)}]}".utf8))
    #expect(feed.whole.matches.contains("5 number \(value)"))
    #expect(feed.disagreements.isEmpty)
  }

  @Test("lends a string's bytes, with its escapes undone")
  func lent() {
    let feed = replay(Array(#"{"bytes":"abc\/def\u0041==","model":"m"}"#.utf8))
    #expect(
      feed.whole.matches
        == ["12 objectBegan", "11 string 0 <abc/defA==>", "1 string 1 'm'"])
    #expect(feed.disagreements.isEmpty)
  }

  @Test("gives the elements of an array one by one")
  func elements() {
    let text = "[{\"model\":\"a\"}\n,\r\n{\"done\":true} , 3 ]\n"
    let feed = replay(Array(text.utf8), style: .elements)
    #expect(
      feed.whole.matches == [
        "1 string 1 'a'", "0 elementEnded", "10 true", "0 elementEnded", "0 elementEnded",
        "0 elementsEnded",
      ])
    #expect(feed.whole.isComplete)
    #expect(feed.disagreements.isEmpty)
  }

  @Test(
    "fails on what is no JSON, and takes no more",
    arguments: [
      "[DONE]", "{,}", "{\"a\" 1}", "{\"a\":}", "{\"model\":\"\\x\"}", "{\"model\":\"\\u12g4\"}",
      "{} {}", "nul", "nulx", "{\"choices\":[}", "{\"choices\":{]", "}", "tru,", "<html>",
      "{\"model\":\"a\"\"b\"}", "{\"choices\":[1 2]}",
    ])
  func fails(text: String) {
    let feed = replay(Array((text + " ").utf8))
    #expect(feed.whole.isFailed)
    #expect(!feed.whole.isComplete)
    #expect(feed.disagreements.isEmpty)
  }

  // What no path leads to is passed in blocks, words and bytes: no length may lose its place.
  @Test("passes over strings of any length, escaped or not", arguments: 0...80)
  func passedOver(length: Int) {
    for escape in ["", #"\""#, #"\\"#, #"\ud83d"#, "é", #"\n"#] {
      for at in Set([0, 1, 7, 8, 31, 32, 33, length / 2, length]) where at <= length {
        let passed =
          String(repeating: "]", count: at) + escape + String(repeating: "{", count: length - at)
        let text =
          #"{"x":{"a":"\#(passed)","\#(passed)":["\#(passed)"]},"model":"m","y":"\#(passed)"}"#
        let scan = Scan(Self.entries)
        GuardedBytes(Array(text.utf8)).withSpan { scan.feed($0) }
        #expect(
          scan.end().matches == ["12 objectBegan", "1 string 1 'm'"] && scan.end().isComplete,
          "\(text)")
        guard at == length / 2 else { continue }
        #expect(replay(Array(text.utf8)).disagreements.isEmpty, "\(text)")
      }
    }
  }

  @Test("a text that is cut is not complete")
  func incomplete() {
    let text = Array(#"{"model":"a","choices":[{"index":0}],"args":{"a":"\u00e9"}}"#.utf8)
    for length in 0..<text.count {
      let scan = Scan(Self.entries)
      scan.feed(Array(text[..<length]).span)
      #expect(!scan.end().isComplete && !scan.end().isFailed, "\(length)")
    }
  }

  @Test("a text begun anew after a failure or a cut is read as any other")
  func reset() {
    let scan = Scan(Self.entries)
    for spoiled in [#"{"model":"\ud83d"#, "}", #"{"mo"#, #"{"args":{"a":[{""#, "1"] {
      scan.feed(Array(spoiled.utf8).span)
      scan.scanner.reset()
      scan.found = ScannedText()
      scan.feed(Array(#"{"model":"b"}"#.utf8).span)
      #expect(scan.end().matches == ["12 objectBegan", "1 string 1 'b'"], "\(spoiled)")
      scan.scanner.reset()
    }
  }

  @Test("fields that the caller has need not be captured")
  func uncaptured() {
    let scan = Scan(Self.entries)
    scan.scanner.uncaptured = 1 << 1
    scan.feed(Array(#"{"error":"x","model":"abc"}"#.utf8).span)
    #expect(scan.end().matches == ["12 objectBegan", "8 string 1 'x'", "1 string 3 'x'"])
  }

  @Test("captures are cut at their limits")
  func captureLimits() {
    let long = String(repeating: "é", count: 10_000)
    let scan = Scan(Self.entries)
    scan.feed(Array("{\"model\":\"\(long)\"".utf8).span)
    #expect(scan.scanner.captured.count == 256)
    scan.feed(Array(",\"error\":\"\(long)\"".utf8).span)
    #expect(scan.scanner.captured.count == 4096)
    #expect(scan.end().matches.count == 3)
  }
}

@Suite("JSON scanner, texts made to hurt")
struct HostileJSONTests {
  private static let entries: [JSONPathTable.Entry] = [
    .init("a", field: 1, options: .captured), .init("b", field: 2, options: .measured),
    .init("c[][].d", field: 3),
  ]

  @Test("a million nested brackets cost one integer", arguments: ["x", "b", "c"])
  func nesting(key: String) {
    let depth = 1_000_000
    let scan = Scan(Self.entries)
    scan.feed(Array("{\"\(key)\":".utf8).span)
    let openings = [UInt8](repeating: UInt8(ascii: "["), count: depth)
    let closings = [UInt8](repeating: UInt8(ascii: "]"), count: depth)
    scan.feed(openings.span)
    scan.feed(closings.span)
    scan.feed(Array(",\"a\":\"found\"}".utf8).span)
    #expect(scan.end().matches.last == "1 string 5 'found'")
    #expect(scan.end().isComplete)
  }

  @Test("a string that does not end is counted and not kept")
  func endlessString() {
    let scan = Scan(Self.entries)
    scan.feed(Array("{\"a\":\"".utf8).span)
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
    for _ in 0..<64 { scan.feed(piece.span) }
    #expect(scan.scanner.captured.count == 256)
    scan.feed(Array("\"}".utf8).span)
    #expect(scan.end().matches.first?.hasPrefix("1 string \(64 * 65_536) ") == true)
  }

  @Test("a key that does not end matches nothing")
  func endlessKey() {
    let scan = Scan(Self.entries)
    scan.feed(Array("{\"".utf8).span)
    let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 4096)
    for _ in 0..<64 { scan.feed(piece.span) }
    scan.feed(Array("\":\"no\",\"a\":\"yes\"}".utf8).span)
    #expect(scan.end().matches == ["1 string 3 'yes'"])
  }

  @Test("any byte at any place never crashes, and cuts never change what is found")
  func anyByte() {
    let text = Array(#"{"a":"h\u00e9é","b":{"k":[1,"\ud83d\ude00"]},"c":[[{"d":true}]]}"#.utf8)
    for index in text.indices {
      for byte in [0x00, 0x22, 0x5C, 0x80, 0xC3, 0xF0, 0xFF, 0x7B, 0x5D] as [UInt8] {
        var spoiled = text
        spoiled[index] = byte
        let feed = Feed(
          spoiled, randomCuts: 2, everyCutUpTo: 0, start: { Scan(Self.entries) },
          feed: { scan, span in scan.feed(span) }, result: { $0.end() })
        #expect(feed.disagreements.isEmpty, "byte \(byte) at \(index)")
      }
    }
  }

  @Test("seeded texts give what Foundation's parser gives")
  func againstFoundation() throws {
    var random = SeededRandom(seed: 11)
    for round in 0..<300 {
      let object: [String: Any] = ["a": text(using: &random), "z": value(3, using: &random)]
      let data = try JSONSerialization.data(withJSONObject: object)
      let expected = try #require(object["a"] as? String)
      let scan = Scan(Self.entries, limit: 4096)
      var start = 0
      while start < data.count {
        let end = min(data.count, start + Int.random(in: 1...40, using: &random))
        scan.feed(Array(data[start..<end]).span)
        start = end
      }
      let count = expected.unicodeScalars.count
      #expect(scan.end().matches == ["1 string \(count) '\(expected)'"], "round \(round)")
      #expect(scan.end().isComplete)
    }
  }

  private func text(using random: inout SeededRandom) -> String {
    let parts = ["a", "é", "😀", "\n", "\"", "\\", "/", "\u{1}", "long plain text ", "日本"]
    return (0..<Int.random(in: 0...20, using: &random))
      .map { _ in parts.randomElement(using: &random) ?? "" }.joined()
  }

  private func value(_ depth: Int, using random: inout SeededRandom) -> Any {
    switch Int.random(in: 0...(depth > 0 ? 5 : 3), using: &random) {
    case 0: return text(using: &random)
    case 1: return Int.random(in: -1_000_000...1_000_000, using: &random)
    case 2: return NSNull()
    case 3: return Bool.random(using: &random)
    case 4: return (0..<3).map { _ in value(depth - 1, using: &random) }
    default: return ["a": value(depth - 1, using: &random), "k": value(0, using: &random)]
    }
  }
}
