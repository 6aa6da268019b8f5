// One frame of `weir top`: from what is known and the size of the terminal to lines of text. Pure,
// so that a test can look at it.

/// A piece of a line and how it looks.
struct StyledText: Equatable {
  enum Style: Equatable { case plain, bold, dim, good, warn, bad, inverse }

  var text: String
  var style = Style.plain

  init(_ text: String, _ style: Style = .plain) {
    self.text = text
    self.style = style
  }
}

typealias StyledLine = [StyledText]

/// All that a frame is made of.
struct TopState: Equatable {
  var address = ""
  /// nil until weir has said something.
  var snapshot: TopSnapshot?
  var streams: [TopStream] = []
  var liveCount = 0
  /// Why nothing is heard at present.
  var lost: String?
  /// Charts of block characters instead of digits alone.
  var isUnicode = true
}

struct TopFrame {
  let state: TopState
  let view: TopView
  let width: Int

  /// The lines of a screen, `height` of them.
  func screen(height: Int) -> [StyledLine] {
    var lines = summary(atMost: max(2, height / 2 - 1))
    let room = max(0, height - lines.count - 3)
    let rows = view.arranged(state.streams)
    let offset = min(view.offset, max(0, rows.count - room))
    lines.append([])
    lines.append(titles)
    lines += rows[min(offset, rows.count)...].prefix(room).map(row)
    if rows.isEmpty, room > 0 { lines.append([StyledText(emptyText, .dim)]) }
    while lines.count < height - 1 { lines.append([]) }
    lines = Array(lines.prefix(max(0, height - 1)))
    lines.append(footer(shown: min(room, rows.count), of: rows.count, from: offset))
    return lines.map(fitted)
  }

  /// All that is known, for a file or a pipe.
  var page: [StyledLine] {
    summary(atMost: .max) + [[], titles] + view.arranged(state.streams).map(row) + leftOut
  }

  /// Rows that a screen of that height shows of the table.
  func roomForRows(height: Int) -> Int {
    max(1, height - summary(atMost: max(2, height / 2 - 1)).count - 3)
  }
}

// MARK: - Above the table

extension TopFrame {
  private func summary(atMost limit: Int) -> [StyledLine] {
    guard let snapshot = state.snapshot else { return [head, []] }
    var lines = [head, totals(snapshot), distributions(snapshot)]
    lines += snapshot.limits.map(limitLine)
    if !snapshot.errors.isEmpty { lines.append(errorLine(snapshot)) }
    return Array(lines.prefix(limit))
  }

  private var head: StyledLine {
    guard let snapshot = state.snapshot else {
      return [StyledText("weir top ", .bold), StyledText("\(state.address)  ", .dim), mood]
    }
    let loops = snapshot.loops == 1 ? "1 loop" : "\(snapshot.loops) loops"
    let about =
      "\(DisplayText.harmless(snapshot.version))  \(state.address)  up "
      + "\(FigureText.span(seconds: snapshot.uptimeSeconds))  \(loops)  "
    return [StyledText("weir ", .bold), StyledText(about, .dim), mood]
  }

  private var mood: StyledText {
    if let lost = state.lost { return StyledText("not connected: \(lost); trying again", .bad) }
    guard let snapshot = state.snapshot else { return StyledText("connecting", .dim) }
    if view.isHeld { return StyledText("paused", .warn) }
    return snapshot.isDraining ? StyledText("draining", .warn) : StyledText("live", .good)
  }

  private func totals(_ snapshot: TopSnapshot) -> StyledLine {
    var line: StyledLine = [
      StyledText("streams "), StyledText("\(snapshot.streams)", .bold),
      StyledText("  requests \(snapshot.requests), \(FigureText.rate(snapshot.requestRate))/s"),
      StyledText("  events \(FigureText.rate(snapshot.eventRate))/s"),
      StyledText("  \(FigureText.bytes(snapshot.byteRate))/s"),
    ]
    if snapshot.pausedNow > 0 {
      line.append(StyledText("  paused by backpressure \(snapshot.pausedNow)", .warn))
    }
    return line
  }

  private func distributions(_ snapshot: TopSnapshot) -> StyledLine {
    let window = FigureText.span(seconds: snapshot.windowSeconds)
    return [
      StyledText("TTFT "), figures(snapshot.firstToken), StyledText("  gaps "),
      figures(snapshot.gap), StyledText("  over \(window)", .dim),
    ]
  }

  private func figures(_ distribution: TopSnapshot.Distribution) -> StyledText {
    let times = [distribution.p50, distribution.p90, distribution.p99]
      .map { FigureText.time(milliseconds: $0) }.joined(separator: " / ")
    let chart = state.isUnicode ? " \(Self.chart(distribution.counts))" : ""
    return StyledText("p50 / 90 / 99: \(times)\(chart)", .bold)
  }

  /// A bar for each bucket from the first to the last that holds anything.
  static func chart(_ counts: [Int]) -> String {
    guard let first = counts.firstIndex(where: { $0 > 0 }), let most = counts.max(),
      let last = counts.lastIndex(where: { $0 > 0 })
    else { return "" }
    let bars = Array("▁▂▃▄▅▆▇█")
    let heights = counts[first...last].map { $0 == 0 ? " " : bars[($0 * 7 + most / 2) / most] }
    return "▕" + String(heights) + "▏"
  }

  private func limitLine(_ limit: TopSnapshot.Limit) -> StyledLine {
    // What can be full is one key, so that is what the bar shows.
    let most = max(limit.fullestKey, limit.keys <= 1 ? limit.inUse : 0)
    let share = Double(most) / Double(max(1, limit.maxStreams))
    let filled = min(20, Int((share * 20).rounded()))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
    var text = "\(most) of \(limit.maxStreams)"
    if limit.keys > 1 { text += " at most, \(limit.inUse) over \(limit.keys) keys" }
    return [
      StyledText("limit \(DisplayText.fit(limit.name, 12)) "),
      StyledText("[\(bar)] ", share >= 1 ? .warn : .good), StyledText(text),
      StyledText("  queued \(limit.queued)", limit.queued > 0 ? .warn : .dim),
    ]
  }

  private func errorLine(_ snapshot: TopSnapshot) -> StyledLine {
    let types = snapshot.errors.map { "\(DisplayText.harmless($0.type)) \($0.count)" }
    return [
      StyledText("errors \(snapshot.errorCount) of \(snapshot.ended)  ", .bad),
      StyledText(types.joined(separator: "  ")),
    ]
  }

  private func fitted(_ line: StyledLine) -> StyledLine {
    var (left, kept) = (width, StyledLine())
    for piece in line where left > 0 {
      let text = DisplayText.harmless(piece.text)
      let columns = DisplayText.columns(text)
      kept.append(StyledText(columns > left ? DisplayText.fit(text, left) : text, piece.style))
      left -= columns
    }
    return kept
  }
}

// MARK: - The table

extension TopFrame {
  private var columns: [TopColumn] { TopColumn.fitting(width) }

  private func columnWidth(_ column: TopColumn) -> Int {
    guard column == .model else { return column.width }
    let others = columns.dropFirst().reduce(0) { $0 + $1.width + 1 }
    return max(1, min(48, width - others))
  }

  private var titles: StyledLine {
    let cells = columns.map { column in
      let mark = column == view.sort ? (view.isDescending ? "v" : "^") : ""
      return DisplayText.fit(column.title + mark, columnWidth(column), right: column.isNumber)
    }
    let text = cells.joined(separator: " ")
    let used = DisplayText.columns(text)
    return [StyledText(text + String(repeating: " ", count: max(0, width - used)), .inverse)]
  }

  private func row(_ stream: TopStream) -> StyledLine {
    columns.flatMap { column in
      let space = column == columns.first ? "" : " "
      let text = DisplayText.fit(
        column.text(stream), columnWidth(column), right: column.isNumber)
      return [StyledText(space + text, style(column, stream))]
    }
  }

  private func style(_ column: TopColumn, _ stream: TopStream) -> StyledText.Style {
    guard column == .state else { return column == .model ? .bold : .plain }
    switch stream.state.prefix(while: { $0 != " " }) {
    case "streaming", "tunnel": return .good
    case "paused", "retrying": return .warn
    case "queued", "reading": return .dim
    default: return .plain
    }
  }

  private var emptyText: String {
    view.filter.isEmpty || state.streams.isEmpty ? "no stream is open" : "no stream matches"
  }

  private var leftOut: [StyledLine] {
    let left = state.liveCount - state.streams.count
    return left > 0 ? [[StyledText("\(left) more are open", .dim)]] : []
  }

  private func footer(shown: Int, of count: Int, from offset: Int) -> StyledLine {
    if view.isTyping {
      return fitted([
        StyledText("filter: \(view.filter)_"), StyledText("   Enter keeps it, Esc ends it", .dim),
      ])
    }
    var place = count > shown ? "\(offset + 1)-\(offset + shown) of \(count)  " : ""
    let left = state.liveCount - state.streams.count
    if left > 0 { place += "(+\(left))  " }
    if !view.filter.isEmpty { place += "filter: \(view.filter)  " }
    let help =
      "q quit  / filter  p pause  r reverse  sort: m model x state o route a age t TTFT s speed "
      + "g silent e events b bytes"
    return [StyledText(place), StyledText(help, .dim)]
  }
}

// MARK: - For terminals

extension TopFrame {
  /// The lines as a terminal wants them; `colours` false leaves the words alone.
  static func text(_ line: StyledLine, colours: Bool) -> String {
    line.map { piece in
      guard colours, let code = code(piece.style) else { return piece.text }
      return "\u{1B}[\(code)m\(piece.text)\u{1B}[0m"
    }.joined()
  }

  private static func code(_ style: StyledText.Style) -> String? {
    switch style {
    case .plain: nil
    case .bold: "1"
    case .dim: "2"
    case .good: "32"
    case .warn: "33"
    case .bad: "1;31"
    case .inverse: "7"
    }
  }
}
