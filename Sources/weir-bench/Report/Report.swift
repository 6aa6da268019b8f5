// The results as text: a table that reads well in a terminal and as Markdown.

struct Report {
  let results: Results
  let targets: [Target]
  /// Machine, versions, sizes: one line each.
  let circumstances: [String]

  var text: String {
    (circumstances.map { "- " + $0 } + [""] + goals + [""] + table + [""] + Self.legend)
      .joined(separator: "\n") + "\n"
  }

  private static let legend = [
    "Medians of all rounds; a ratio is the median of the rounds' own ratios, with the least and",
    "the most. `direct` is the bench without a proxy; latencies are what a proxy adds to it.",
    "Where more is better (1/s), a ratio over 1 is weir's lead; elsewhere one under 1. A goal holds",
    "if the median does. The best peer of a figure is the one whose median is the best.",
  ]

  /// Each goal that the run can say something about; the first weir's.
  private var goals: [String] {
    guard let weir = targets.first(where: { $0.kind == .weir }) else { return [] }
    var rows = [["goal for \(weir.name)", "limit", "measured", "holds"]]
    for goal in Goal.all {
      guard let measured = goal.measured(results, of: weir, among: targets) else { continue }
      rows.append([
        goal.figure.title, goal.text, cell(measured, goal.digits),
        goal.isReached(measured) ? "yes" : "**no**",
      ])
    }
    return Self.align(rows)
  }

  private var table: [String] {
    let weirs = targets.filter { $0.kind == .weir }
    let peers = targets.filter { $0.kind == .peer }
    let nginx = peers.filter { $0.name == "nginx" }
    let blind = targets.filter { $0.kind == .blind }
    var rows = [["figure", "unit"] + targets.map(\.name)]
    for weir in weirs where !nginx.isEmpty { rows[0].append("\(weir.name) ÷ nginx") }
    for weir in weirs where peers.count > 1 { rows[0].append("\(weir.name) ÷ best peer") }
    for (weir, blind) in zip(weirs, blind) { rows[0].append("\(weir.name) ÷ \(blind.name)") }
    for figure in Figure.all
    where targets.contains(where: { results.spread(figure, of: $0) != nil }) {
      var row = [figure.title, figure.unit]
      row += targets.map { cell(results.spread(figure, of: $0)?.median, figure.digits) }
      for weir in weirs where !nginx.isEmpty {
        row.append(cell(results.ratio(figure, of: weir, toBestOf: nginx)))
      }
      for weir in weirs where peers.count > 1 {
        row.append(cell(results.ratio(figure, of: weir, toBestOf: peers)))
      }
      for (weir, blind) in zip(weirs, blind) {
        row.append(cell(results.ratio(figure, of: weir, toBestOf: [blind])))
      }
      rows.append(row)
    }
    return Self.align(rows)
  }

  private func cell(_ value: Double?, _ digits: Int) -> String {
    value?.text(digits: digits) ?? "–"
  }

  private func cell(_ spread: Results.Spread?, _ digits: Int = 2) -> String {
    guard let spread else { return "–" }
    let (least, most) = (spread.least.text(digits: digits), spread.most.text(digits: digits))
    return "\(spread.median.text(digits: digits)) (\(least)–\(most))"
  }

  /// Rows with cells of equal width, the first row as heading.
  private static func align(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      "| " + cells.joined(separator: " | ") + " |"
    }
    var lines = rows.map { row in
      line(
        row.indices.map { column in
          let space = String(repeating: " ", count: widths[column] - row[column].count)
          return column < 2 ? row[column] + space : space + row[column]
        })
    }
    let rule = widths.indices.map { column in
      String(repeating: "-", count: widths[column] - (column < 2 ? 0 : 1)) + (column < 2 ? "" : ":")
    }
    lines.insert(line(rule), at: 1)
    return lines
  }
}

// MARK: - Into a file

extension Report {
  static let beginMark = "<!-- weir-bench: results begin -->"
  static let endMark = "<!-- weir-bench: results end -->"

  /// `document` with this report between its marks; the report alone, marked, if it has none.
  func placed(in document: String) -> String {
    let marked = "\(Self.beginMark)\n\n\(text)\n\(Self.endMark)"
    guard let begin = document.firstRange(of: Self.beginMark),
      let end = document[begin.upperBound...].firstRange(of: Self.endMark)
    else { return document + marked + "\n" }
    return document[..<begin.lowerBound] + marked + document[end.upperBound...]
  }
}
