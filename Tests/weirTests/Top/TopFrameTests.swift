// Goal: `weir top` shows what the feed says, in any size, and no name disturbs the terminal.
// Method: one state in several sizes against golden files (WEIR_REGENERATE=1 writes them); the rest
// is worked out by hand.

import Foundation
import Testing

@testable import weir

@Suite struct TopFrameTests {
  static let state: TopState = {
    let feed = """
      {"version":"0.1.0","loops":2,"state":"serving","uptime_ms":192345.6,"window_ms":192000,
       "requests_active":4,"streams_active":3,"requests_per_second":3.9,"events_per_second":179.4,
       "bytes_down_per_second":41234,"outcomes":{"completed":58,"upstream_error":14},
       "errors":[{"origin":"upstream","error_type":"reset","count":3,"total":9},
         {"origin":"upstream","error_type":"overloaded","count":11,"total":11},
         {"origin":"client","error_type":"client_closed","count":0,"total":2}],
       "ttft":{"count":72,"p50_ms":298,"p90_ms":819.2,"p99_ms":1982,"bounds_ms":[],
         "counts":[0,0,3,0,9,4,1,0]},
       "gap":{"count":900,"p50_ms":7.25,"p90_ms":73,"p99_ms":146,"bounds_ms":[],
         "counts":[10,90,400,0]},
       "limits":[{"limit":"all","max_streams":8,"in_use":8,"queued":2,"keys":1,"key_in_use_max":8},
         {"limit":"per-key","max_streams":4,"in_use":7,"queued":0,"keys":3,"key_in_use_max":3}],
       "backpressure":{"client":{"paused_now":1},"upstream":{"paused_now":0}}}
      """
    let streams = """
      [{"request_id":"a-1","route":"chat","provider":"openai","model":"gpt-4o-2024-08-06",
        "state":"streaming","age_ms":4980,"ttft_ms":401,"content_events":42,"events":43,
        "events_per_second":8,"silent_ms":74,"bytes_down":9700},
       {"request_id":"a-2","route":"messages","provider":"anthropic","model":"claude-sonnet-4-20250514",
        "state":"paused","paused_by":"client","age_ms":125000,"ttft_ms":1234,"content_events":2100,
        "events":2105,"events_per_second":21.4,"silent_ms":6.4,"bytes_down":5200000},
       {"request_id":"a-3","route":"chat","provider":"other","model":"模型-測試-一個很長的名字",
        "state":"waiting","age_ms":300,"content_events":0,"events":0,"events_per_second":0,
        "bytes_down":0},
       {"request_id":"a-4","route":"chat","provider":"other","model":"\\u001b[31mred\\u202e👩‍👩‍👧",
        "state":"queued","limiter":"all","age_ms":1610,"content_events":0,"events":0,
        "events_per_second":0,"bytes_down":0}]
      """
    var state = TopState()
    state.address = "127.0.0.1:9347"
    state.snapshot = (try? JSON5Reader.read(Array(feed.utf8))).map { TopSnapshot($0) }
    let list = try? JSON5Reader.read(Array(streams.utf8))
    state.streams = (list?.elements ?? []).map { TopStream($0) }
    state.liveCount = state.streams.count
    return state
  }()

  private func plain(_ lines: [StyledLine]) -> String {
    lines.map { TopFrame.text($0, colours: false) }
      .map { String($0.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n") + "\n"
  }

  private func compare(_ text: String, with name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Golden").standardizedFileURL
    let file = folder.appending(path: name)
    if ProcessInfo.processInfo.environment["WEIR_REGENERATE"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  @Test(arguments: [(80, 24), (120, 30), (40, 12), (200, 50)])
  func screens(_ width: Int, _ height: Int) throws {
    let frame = TopFrame(state: Self.state, view: TopView(), width: width)
    try compare(plain(frame.screen(height: height)), with: "top-\(width)x\(height).txt")
  }

  @Test func plainPage() throws {
    var state = Self.state
    state.liveCount = 30
    try compare(plain(TopFrame(state: state, view: TopView(), width: 120).page), with: "top.txt")
  }

  @Test func everyScreenHasItsSize() {
    for width in [1, 2, 7, 19, 40, 61, 80, 133] {
      for height in [1, 2, 3, 5, 10, 24, 60] {
        var view = TopView()
        view.offset = 2
        for typing in [false, true] {
          view.isTyping = typing
          let lines = TopFrame(state: Self.state, view: view, width: width).screen(height: height)
          #expect(lines.count == height)
          let widest = lines.map { line in
            line.reduce(0) { $0 + DisplayText.columns($1.text) }
          }
          #expect(widest.max()! <= width, "\(width)x\(height)")
        }
      }
    }
  }

  @Test func nothingMovesTheCursor() {
    let frame = TopFrame(state: Self.state, view: TopView(), width: 120)
    for line in frame.page {
      for scalar in line.flatMap({ Array($0.text.unicodeScalars) }) {
        #expect(scalar.value >= 0x20 && scalar.value != 0x7F && scalar.value != 0x202E)
      }
    }
  }

  @Test func coloursAreLeftOutWhereTheyAreNotWanted() {
    let line: StyledLine = [StyledText("a", .bad), StyledText("b")]
    #expect(TopFrame.text(line, colours: true) == "\u{1B}[1;31ma\u{1B}[0mb")
    #expect(TopFrame.text(line, colours: false) == "ab")
  }

  @Test func aLostConnectionIsSaid() {
    var state = Self.state
    state.lost = "nobody answers"
    let lines = TopFrame(state: state, view: TopView(), width: 120).screen(height: 24)
    #expect(plain(lines).contains("not connected: nobody answers; trying again"))
  }
}

@Suite struct DisplayTextTests {
  @Test(arguments: [
    ("abc", 5, "abc  "), ("abcdef", 5, "abcd…"), ("日本語", 6, "日本語"), ("日本語", 5, "日本…"),
    ("日本語", 4, "日… "), ("👩‍👩‍👧x", 3, "👩‍👩‍👧x"), ("e\u{301}a", 2, "e\u{301}a"),
    ("a\u{1B}[2Jb", 6, "a·[2Jb"), ("a\u{202E}b\u{200B}", 4, "a·b·"), ("❤\u{FE0F}", 3, "❤\u{FE0F} "),
    ("", 2, "  "), ("abc", 0, ""), ("abc", 1, "…"),
  ])
  func fits(_ text: String, _ width: Int, _ expected: String) {
    #expect(DisplayText.fit(text, width) == expected)
  }
}

@Suite struct TopViewTests {
  private func pressed(_ bytes: String, _ view: TopView = TopView()) -> TopView {
    var view = view
    for key in TopKey.keys(in: Array(bytes.utf8)) { _ = view.press(key, page: 10) }
    return view
  }

  private func order(_ view: TopView) -> [String] {
    view.arranged(TopFrameTests.state.streams).map(\.id)
  }

  @Test func keysSort() {
    #expect(order(TopView()) == ["a-2", "a-1", "a-4", "a-3"])
    #expect(order(pressed("s")) == ["a-2", "a-1", "a-4", "a-3"])
    #expect(order(pressed("t")) == ["a-2", "a-1", "a-4", "a-3"])
    #expect(order(pressed("tr")) == ["a-4", "a-3", "a-1", "a-2"])
    #expect(order(pressed("tt")) == order(pressed("tr")))
    #expect(order(pressed("m")).prefix(3) == ["a-4", "a-2", "a-1"])
    #expect(pressed("\u{1B}[C").sort == .firstToken)
    #expect(pressed("\u{1B}[D").sort == .route)
  }

  @Test func typingFilters() {
    let typing = pressed("/Claude")
    #expect(typing.isTyping)
    #expect(order(typing) == ["a-2"])
    // While it is typed, letters are no commands.
    #expect(pressed("/q").filter == "q")
    #expect(order(pressed("\r", typing)) == ["a-2"])
    #expect(pressed("\u{7F}\u{7F}", typing).filter == "Clau")
    #expect(pressed("\u{1B}", typing) == TopView())
    #expect(order(pressed("/queued all\r")) == ["a-4"])
  }

  @Test func keysScroll() {
    #expect(pressed("jj\u{1B}[Bk").offset == 2)
    #expect(pressed("\u{1B}[6~\u{1B}[6~\u{1B}[5~").offset == 10)
    #expect(pressed("kk").offset == 0)
  }

  @Test func waysOut() {
    var view = TopView()
    #expect(view.press(.character("q"), page: 1) == .quit)
    #expect(view.press(.control("c"), page: 1) == .quit)
    view.isTyping = true
    #expect(view.press(.control("c"), page: 1) == .quit)
    #expect(TopKey.keys(in: [3]) == [.control("c")])
  }

  @Test func unknownSequencesAreNoKeys() {
    #expect(TopKey.keys(in: Array("\u{1B}[15;2~q".utf8)) == [.character("q")])
    #expect(TopKey.keys(in: Array("\u{1B}".utf8)) == [.escape])
    #expect(TopKey.keys(in: Array("é日".utf8)) == [.character("é"), .character("日")])
    #expect(TopKey.keys(in: [0xFF]).count == 1)
  }
}

@Suite struct FigureTextTests {
  @Test(arguments: [
    (nil, "-"), (0, "0 ms"), (7.25, "7.3 ms"), (9.99, "10 ms"), (220.4, "220 ms"),
    (999.6, "1 s"), (1234, "1.23 s"), (9996, "10 s"), (45_120, "45.1 s"), (125_000, "2 min 5 s"),
    (7_260_000, "2 h 1 min"), (273_600_000, "3 d 4 h"),
  ])
  func times(_ milliseconds: Double?, _ text: String) {
    #expect(FigureText.time(milliseconds: milliseconds) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (41_234, "41 kB"), (5_200_000, "5.2 MB"),
    (999_900, "1 MB"), (3e15, "3000 TB"),
  ])
  func bytes(_ count: Double, _ text: String) { #expect(FigureText.bytes(count) == text) }

  @Test(arguments: [(0, "0"), (3.94, "3.9"), (179.4, "179"), (12_340, "12.3 k"), (2.5e6, "2.5 M")])
  func rates(_ value: Double, _ text: String) { #expect(FigureText.rate(value) == text) }
}
