// The texts of `weir help`, made from the commands' options and the table of settings.

enum CommandHelp {
  static func text(_ topic: HelpTopic) -> String {
    switch topic {
    case .overview: overview
    case .command(let name): text(of: name)
    case .settings(let format): SettingsReference.written(format)
    }
  }

  private static var overview: String {
    let commands = CommandName.allCases.map { ("weir \($0.rawValue)", $0.summary) }
    return """
      weir: a sidecar that passes LLM streams through untouched, measures them and limits them

        weir --upstream https://api.openai.com
        then point the app's base URL at http://127.0.0.1:9346

      Commands:
      \(columns(commands))
      `weir help COMMAND` shows a command's options, `weir help settings` every setting.
      Exit codes: 0 done, 1 bad settings or arguments, 2 an address cannot be bound.

      """
  }

  private static func text(of command: CommandName) -> String {
    var usage = "weir \(command.rawValue)"
    if let operand = command.operand { usage += " \(operand)" }
    if !command.options.isEmpty || command.takesSettings { usage += " [OPTIONS]" }
    var text = "\(usage)\n  \(command.summary)\n"
    let options = command.options.map { option in
      (option.name + (option.placeholder.map { " " + $0 } ?? ""), option.help)
    }
    if !options.isEmpty { text += "\nOptions:\n\(columns(options))" }
    if command == .check { text += "\nThe flags of `weir run` that stand for settings, too.\n" }
    if command == .run {
      let flags = SettingsTable.flagged.map { row, flag in
        let note = row.defaultText.map { " (\($0))" } ?? ""
        return ("\(flag.name) \(flag.placeholder)", row.help + note)
      }
      text += "\nSettings, each also as a variable such as WEIR_UPSTREAM:\n\(columns(flags))"
    }
    return text
  }

  /// Names on the left, what they mean on the right, wrapped.
  private static func columns(_ rows: [(String, String)]) -> String {
    let width = min(28, rows.map(\.0.count).max() ?? 0)
    return rows.map { name, meaning in
      let lines = wrapped(meaning, width: 96 - width)
      let indent = String(repeating: " ", count: width + 4)
      let isLong = name.count > width
      let first =
        isLong
        ? "  \(name)\n\(indent)"
        : "  \(name)" + String(repeating: " ", count: width - name.count + 2)
      return first + lines.joined(separator: "\n" + indent) + "\n"
    }.joined()
  }
}
