// The recordings: where their events end, that the built-in ones are what providers send, and that
// a folder's index is read.

internal import Foundation
@testable internal import Simulator
internal import TestSupport
internal import Testing

@Suite struct RecordingTests {
  // Goal: bodies are cut behind each event and nowhere else. Method: hand-made bodies of each
  // format, with the line ends, strings and leftovers that could mislead.
  @Test(arguments: [
    (
      "text/event-stream", "data: a\n\ndata: b\ndata: c\n\n",
      ["data: a\n\n", "data: b\ndata: c\n\n"]
    ),
    (
      "text/event-stream; charset=utf-8", "data: a\r\n\r\n: c\r\n\r\n",
      ["data: a\r\n\r\n", ": c\r\n\r\n"]
    ),
    ("text/event-stream", "data: a\r\rdata: b", ["data: a\r\r", "data: b"]),
    ("text/event-stream", "\n\ndata: a\n\n\ndata: b\n\n", ["\n\ndata: a\n\n", "\ndata: b\n\n"]),
    ("application/x-ndjson", "{}\n{\"a\":1}\n{", ["{}\n", "{\"a\":1}\n", "{"]),
    ("application/json", "{\"a\": [1]}", ["{\"a\": [1]}"]),
    ("application/json", "", []),
  ])
  func eventsEnd(_ type: String, _ body: String, _ events: [String]) {
    let recording = Recording(name: "", contentType: type, body: Array(body.utf8))
    #expect(recording.events == events)
  }

  // Goal: a JSON array that is a stream is cut by elements, whatever its strings hold.
  @Test func arraysAreCutByElements() {
    let body = #"[{"a":"]}\""},"# + "\n" + #"{"b":[{}]}]"# + "\n"
    let recording = Recording(
      name: "", contentType: "application/json", body: Array(body.utf8), isStream: true)
    #expect(recording.events == [#"[{"a":"]}\""}"#, ",\n" + #"{"b":[{}]}"#, "]\n"])
  }

  // Goal: AWS messages are cut by their lengths, and a damaged length ends the cutting.
  @Test func awsMessagesAreCutByLength() {
    let first: [UInt8] = [0, 0, 0, 16] + [UInt8](repeating: 7, count: 12)
    let second: [UInt8] = [0, 0, 0, 17] + [UInt8](repeating: 8, count: 13)
    let type = "application/vnd.amazon.eventstream"
    let whole = Recording(name: "", contentType: type, body: first + second)
    #expect(whole.ends == [16, 33])
    let damaged = Recording(name: "", contentType: type, body: first + [255, 255, 255, 255, 1])
    #expect(damaged.ends == [16, 21])
  }

  // Goal: the built-in recordings are streams that clients can read. Method: every payload parses
  // as JSON, and the text in them is the sentence that all of them say.
  @Test(arguments: BuiltInRecordings.all.map(\.name))
  func builtInRecordingsAreJSON(_ name: String) throws {
    let recording = try #require(BuiltInRecordings.named(name))
    let texts: [String] =
      switch recording.format {
      case .serverSentEvents:
        recording.events.compactMap { event in
          let data = event.split { $0.isNewline }.filter { $0.hasPrefix("data: ") }
          #expect(data.count == 1, "\(event)")
          return data.first.map { String($0.dropFirst(6)) }
        }.filter { $0 != "[DONE]" }
      case .lines: recording.events
      default: [String(decoding: recording.body, as: UTF8.self)]
      }
    for text in texts {
      #expect(throws: Never.self, "\(text)") {
        try JSONSerialization.jsonObject(with: Data(text.utf8))
      }
    }
    let isStream = recording.isStream
    #expect(isStream ? recording.ends.count > 5 : recording.ends.count == 1)
    let saysTokens = SimulatedText.tokens.allSatisfy { texts.joined().contains($0) }
    #expect(saysTokens != (name.contains("tool")))
  }

  // Goal: which members a request has is known however its body is cut, and those of nested
  // objects or strings do not count.
  @Test(arguments: [
    (#"{"stream":true,"tools":[]}"#, true, true, false),
    (#"{"messages":[{"stream":true,"tools":1}],"stream" : false}"#, false, false, false),
    (#"{"a":"\"stream\":true","stream_options":{"include_usage":true}}"#, nil, false, true),
    (#"[{"stream":true},"stream",true]"#, nil, false, false),
    (#"{"note":"tools","stream":true}"#, true, false, false),
    ("", nil, false, false),
  ])
  func requestBodiesAreScanned(
    _ body: String, _ stream: Bool?, _ hasTools: Bool, _ hasOptions: Bool
  ) {
    let feed = Feed(
      Array(body.utf8), start: { RequestBodyScanner() }, feed: { $0.read($1) },
      result: { [$0.stream, $0.hasTools, $0.hasStreamOptions] })
    #expect(feed.whole == [stream, hasTools, hasOptions])
    #expect(feed.disagreements.isEmpty)
  }
}

@Suite struct IndexReaderTests {
  // Goal: the members that count are found among those that do not.
  @Test func entriesAreRead() throws {
    let index = #"""
      [ {"file": "a/b.sse", "note": "x\"\u00e9", "expected": {"events": [1, -2.5e3, null]},
         "content_type": "text\/event-stream", "http_status": 429, "streaming": true},
        {"bytes": 1}, {"file": "\u00e9"} ]
      """#
    let entries = try IndexReader.read(Array(index.utf8))
    #expect(
      entries == [
        "a/b.sse": IndexEntry(contentType: "text/event-stream", status: 429, isStream: true),
        "\u{e9}": IndexEntry(
          contentType: "application/octet-stream", status: 200, isStream: false),
      ])
    #expect(try IndexReader.read(Array("[]".utf8)).isEmpty)
  }

  // Goal: damage is told with its place, and never crashes. Method: broken texts, then every
  // prefix of a good one.
  @Test(arguments: [
    ("", 0), ("{", 0), ("[{]", 2), (#"[{"file": 1}]"#, 10), (#"[{"http_status": "x"}]"#, 17),
    (#"[{"a": "\q"}]"#, 10), (#"[{"a": "\u12"}]"#, 10), ("[] x", 3),
    (#"[{"a":"# + String(repeating: "[", count: 100) + "]", 70),
  ])
  func damageIsPlaced(_ index: String, _ offset: Int) {
    let error = #expect(throws: IndexError.self) { try IndexReader.read(Array(index.utf8)) }
    #expect(error?.offset == offset, "\(error?.reason ?? "")")
  }

  @Test func everyPrefixIsRefused() {
    let index = Array(#"[{"file":"a\n","x":[{"y":null}],"http_status":200,"streaming":true}]"#.utf8)
    for count in 0..<index.count {
      #expect(throws: IndexError.self) { try IndexReader.read(Array(index[..<count])) }
    }
  }

  // Goal: a folder of real recordings can be replayed as its index says.
  @Test(.enabled(if: Corpus.folder != nil, "needs the recordings beside the package"))
  func corpusIsRead() throws {
    let folder = try RecordingFolder(path: try #require(Corpus.folder))
    #expect(folder.indexedCount > 200)
    let library = RecordingLibrary(folder: folder)
    let array = try library.recording(named: "gemini/google-ai-json-array-text.json")
    #expect(array.format == .jsonArray && array.ends.count > 2)
    let message = try library.recording(named: "anthropic-messages/cache-read.sse")
    #expect(message.contentType == "text/event-stream; charset=utf-8")
    #expect(message.ends.count == 16)
    #expect(message.body == Corpus.bytes(of: "anthropic-messages/cache-read.sse"))
    #expect(throws: RecordingError.self) { try library.recording(named: "no/such.sse") }
  }

  @Test func foldersThatAreNoneAreRefused() {
    #expect(throws: RecordingError.self) { try RecordingFolder(path: "/no/such/folder") }
  }
}

extension Recording {
  fileprivate var events: [String] {
    var start = 0
    return ends.map { end in
      defer { start = end }
      return String(decoding: body[start..<end], as: UTF8.self)
    }
  }
}
