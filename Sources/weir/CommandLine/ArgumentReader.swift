// Splits a command's arguments into options, flags of settings and operands, and refuses what
// the command does not know.

/// What is wrong with the arguments, in one line.
struct UsageError: Error, Equatable, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A command's arguments, split but not yet understood.
struct ArgumentReader {
  private var values: [String: String] = [:]
  /// Flags of settings, in the order given.
  private(set) var flags: [FlagValue] = []
  private(set) var operands: [String] = []
  private(set) var asksForHelp = false

  private let command: CommandName
  private let settingFlags: [String]

  /// Reads `--name value`, `--name=value`, and after `--` operands alone.
  init(_ arguments: some Sequence<String>, of command: CommandName) throws(UsageError) {
    self.command = command
    settingFlags = command.takesSettings ? SettingsTable.flagged.map(\.flag.name) : []
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        operands += rest
        break
      } else if argument == "--help" || argument == "-h" {
        asksForHelp = true
      } else if argument.hasPrefix("-") && argument != "-" {
        try readOption(argument, &rest)
      } else {
        operands.append(argument)
      }
    }
    if command.operand == nil, let operand = operands.first {
      throw UsageError(
        "weir \(command.rawValue): there is no place for \(quoted(operand)); see `weir help "
          + "\(command.rawValue)`")
    }
  }

  /// The option's value; nil if it was not given.
  subscript(option: CommandOption) -> String? { values[option.name] }

  private mutating func readOption(
    _ argument: String, _ rest: inout ArraySlice<String>
  ) throws(UsageError) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let attached = parts.count == 2 ? String(parts[1]) : nil
    let option = command.options.first { $0.name == name }
    guard option != nil || settingFlags.contains(name) else { throw unknown(name) }
    if let option, option.placeholder == nil {
      guard attached == nil else {
        throw UsageError("weir \(command.rawValue): \(name) takes no value")
      }
      try store("", name)
      return
    }
    guard let value = attached ?? rest.popFirst() else {
      let placeholder = option?.placeholder ?? SettingsTable.placeholder(of: name)
      throw UsageError(
        "weir \(command.rawValue): \(name) needs a value: \(name) \(placeholder)")
    }
    if option == nil {
      try append(FlagValue(flag: name, text: value))
    } else {
      try store(value, name)
    }
  }

  private mutating func store(_ value: String, _ name: String) throws(UsageError) {
    if values.updateValue(value, forKey: name) != nil { throw twice(name) }
  }

  /// Only `--listen` may be given more than once.
  private mutating func append(_ flag: FlagValue) throws(UsageError) {
    if flag.flag != "--listen", flags.contains(where: { $0.flag == flag.flag }) {
      throw twice(flag.flag)
    }
    flags.append(flag)
  }

  private func twice(_ name: String) -> UsageError {
    UsageError("weir \(command.rawValue): \(name) is given twice; give it once")
  }

  private func unknown(_ name: String) -> UsageError {
    let known = command.options.map(\.name) + settingFlags
    let advice =
      nearestName(to: name, among: known).map { "is \($0) meant?" }
      ?? (known.isEmpty
        ? "it takes none"
        : known.count <= 4
          ? "allowed: \(known.joined(separator: ", "))" : "see `weir help \(command.rawValue)`")
    return UsageError("weir \(command.rawValue): there is no flag \(name); \(advice)")
  }
}

extension SettingsTable {
  static func placeholder(of flag: String) -> String {
    flagged.first { $0.flag.name == flag }?.flag.placeholder ?? "VALUE"
  }
}
