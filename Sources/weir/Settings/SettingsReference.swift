// Writes the table of settings out for readers: as the text of `weir help settings`, and as
// docs/settings.md. The example file is made in SettingsExample.swift.

enum SettingsReference {
  static func written(_ format: SettingsFormat) -> String {
    switch format {
    case .text: text
    case .markdown: markdown
    case .example: SettingsExample.text
    }
  }

  // MARK: Text

  private static var text: String {
    let opening = """
      Settings come from flags, then WEIR_* variables, then the file of --config, then defaults.
      In the file, ${NAME} in a string stands for a variable of the environment.


      """
    return opening + SettingsTable.rows.map(entry).joined(separator: "\n")
  }

  private static func entry(_ row: SettingRow) -> String {
    var lines = [row.pattern + (row.shape == .value ? "" : "  (\(row.shapeName))")]
    let sentences = [row.help, row.consequence].filter { !$0.isEmpty }.joined(separator: " ")
    lines += wrapped(sentences, width: 76).map { "    " + $0 }
    if row.shape == .value {
      lines += wrapped("allowed: \(row.allowed)", width: 76).map { "    " + $0 }
      lines.append("    default: \(row.defaultWords)")
    }
    if let flag = row.flag {
      lines.append("    flag: \(flag.name) \(flag.placeholder)   variable: \(flag.variable)")
    }
    if row.isMeaningful { lines.append("    \(row.reload.sentence)") }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Markdown

  private static var markdown: String {
    let opening = """
      # Settings

      Made from the table of settings by `weir help settings --format markdown`; edit the table,
      not this page. `weir.example.json5` shows all of them in one file.

      Settings come from flags, then `WEIR_*` variables, then the JSON5 file of `--config`, then
      defaults. Durations and sizes carry units: `"500ms"`, `"10s"`, `"5m"`, `"1h"`; `"64KiB"`,
      `"1MiB"`. In a string of the file `${NAME}` stands for the environment variable NAME, and
      `$${` for a plain `${`; where a setting is a secret, `file:PATH` stands for the file's
      content. Secrets are masked wherever settings are shown. Relative paths begin at the
      directory in which weir was started.

      In the names below `*` is a name of your choice and `[]` any element of a list.
      `weir check` validates a file; `weir check --print` also shows what is in force and where
      each value came from.


      """
    return opening + SettingsTable.rows.map(section).joined(separator: "\n")
  }

  private static func section(_ row: SettingRow) -> String {
    let mark = row.path.count == 1 ? "##" : "###"
    let sentences = [row.help, row.consequence].filter { !$0.isEmpty }.joined(separator: " ")
    var lines = ["\(mark) `\(row.pattern)`", ""] + wrapped(escaped(sentences), width: 98)
    let facts = facts(row)
    if !facts.isEmpty { lines += [""] + facts.map { "- \($0)" } }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func facts(_ row: SettingRow) -> [String] {
    var facts: [String] = []
    if row.shape == .value {
      facts.append("Allowed: \(escaped(row.allowed))")
      facts.append("Default: " + (row.defaultText.map { "`\($0)`" } ?? row.defaultWords))
    } else {
      facts.append("Holds: \(row.shapeName)")
    }
    if let flag = row.flag {
      facts.append("Flag: `\(flag.name) \(flag.placeholder)`; variable: `\(flag.variable)`")
    }
    if row.isMeaningful { facts.append(row.reload.sentence) }
    return facts
  }

  /// Signs that Markdown would take for its own.
  private static func escaped(_ text: String) -> String {
    text.map { "*_`|<>".contains($0) ? "\\\($0)" : String($0) }.joined()
  }
}

extension SettingRow {
  fileprivate var shapeName: String {
    switch shape {
    case .value: "a value"
    case .object: "an object"
    case .objects: "objects, each under a name of your choice"
    case .list(allowsOne: true): "one object or a list of them"
    case .list(allowsOne: false): "a list of objects"
    }
  }

  fileprivate var defaultWords: String {
    defaultText ?? (isRequired ? "none; it must be set" : "not set")
  }

  /// Whether a reload or a flag can change this row itself, and not only what it holds.
  fileprivate var isMeaningful: Bool { shape == .value || flag != nil }
}

/// Breaks a text into lines of at most `width` characters, at blanks.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + 1 + word.count <= width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
}
