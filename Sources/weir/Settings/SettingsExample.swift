// Writes weir.example.json5: every setting of the table in a file that weir itself accepts.

struct SettingsExample {
  private var lines: [String] = []

  static var text: String {
    var example = SettingsExample()
    example.lines = [
      "// Every setting of weir, with its default where it has one. Lines that are commented out",
      "// show a form, not a default. Made by `weir help settings --format example`.",
      "{",
    ]
    example.add(SettingsTable.rows[...], depth: 0, indent: 1)
    example.lines.append("}")
    return example.lines.joined(separator: "\n") + "\n"
  }

  /// Adds the rows of one object; those below it have longer paths than `depth` + 1.
  private mutating func add(_ rows: ArraySlice<SettingRow>, depth: Int, indent: Int) {
    var rest = rows
    while let row = rest.popFirst() {
      let held = rest.prefix { $0.path.count > row.path.count }
      rest = rest.dropFirst(held.count)
      guard case .key(let key) = row.path[depth] else { continue }
      let name = Self.spelledKey(key)
      addComment(row, indent)
      switch row.shape {
      case .value: addValue(row, name, indent)
      case .object: addObject(name, held, depth: depth + 1, indent, isProposed: row.isOff(held))
      case .objects:
        put("\(name): {", indent)
        addObject(
          row.exampleName(held), held, depth: depth + 2, indent + 1, isProposed: false)
        put("},", indent)
      case .list:
        put("\(name): [", indent)
        put("{", indent + 1)
        add(held, depth: depth + 2, indent: indent + 2)
        put("},", indent + 1)
        put("],", indent)
      }
    }
  }

  private mutating func addObject(
    _ name: String, _ held: ArraySlice<SettingRow>, depth: Int, _ indent: Int, isProposed: Bool
  ) {
    put((isProposed ? "// " : "") + "\(name): {", indent)
    add(held, depth: depth, indent: indent + 1)
    put((isProposed ? "// " : "") + "},", indent)
  }

  private mutating func addComment(_ row: SettingRow, _ indent: Int) {
    let sentences = [row.help, row.consequence].filter { !$0.isEmpty }.joined(separator: " ")
    let allowed = row.shape == .value ? " Allowed: \(row.allowed)." : ""
    if lines.last?.hasSuffix("{") != true { lines.append("") }
    for line in wrapped(sentences + allowed, width: 94 - 2 * indent) { put("// " + line, indent) }
  }

  private mutating func addValue(_ row: SettingRow, _ name: String, _ indent: Int) {
    switch row.example {
    case .set(let text): put("\(name): \(text),", indent)
    case .proposed(let text): put("// \(name): \(text),", indent)
    case .byDefault:
      put(row.defaultText.map { "\(name): \($0)," } ?? "// \(name): …,", indent)
    }
  }

  private mutating func put(_ line: String, _ indent: Int) {
    lines.append(String(repeating: "  ", count: indent) + line)
  }

  static func spelledKey(_ key: String) -> String {
    let isName = key.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") }
    return isName ? key : quoted(key)
  }
}

extension SettingRow {
  /// Whether all that it holds is commented out though some of it must be set, so that the object
  /// itself has to be too.
  fileprivate func isOff(_ held: ArraySlice<SettingRow>) -> Bool {
    held.contains { row in
      if case .proposed = row.example { row.isRequired } else { false }
    }
  }

  fileprivate func exampleName(_ held: ArraySlice<SettingRow>) -> String {
    guard let step = held.first?.path[path.count], case .name(let example, _) = step else {
      return "name"
    }
    return SettingsExample.spelledKey(example)
  }
}
