// Understands the arguments of `weir`. What the commands do lies elsewhere.

internal import IO

enum Command: Equatable, Sendable {
  case run(RunArguments)
  /// Nil goes on until a signal.
  case demo(seconds: Int?)
  case check(RunArguments, print: Bool)
  case observe(ObserveArguments)
  case simulate(SimulateArguments)
  case top(TopArguments)
  case healthcheck(admin: SocketAddress)
  case reload(admin: SocketAddress)
  case drain(admin: SocketAddress)
  case help(HelpTopic)
  case version

  /// Understands `arguments`, which do not hold the program's own name. Flags without a command
  /// mean `run`; nothing at all means `run` where variables say what to do, and help otherwise.
  static func parse(
    _ arguments: [String], environment: [String: String]
  ) throws(UsageError) -> Command {
    guard let first = arguments.first else {
      let isConfigured = ["WEIR_CONFIG", "WEIR_UPSTREAM"].contains {
        environment[$0]?.isEmpty == false
      }
      return isConfigured ? .run(RunArguments()) : .help(.overview)
    }
    switch first {
    case "--help", "-h": return .help(.overview)
    case "--version", "-V": return .version
    case _ where first.hasPrefix("-"): return try parse(.run, arguments[...], environment)
    default:
      guard let name = CommandName(rawValue: first) else { throw unknownCommand(first) }
      return try parse(name, arguments.dropFirst(), environment)
    }
  }

  private static func unknownCommand(_ name: String) -> UsageError {
    let names = CommandName.allCases.map(\.rawValue)
    let advice =
      nearestName(to: name, among: names).map { "is `weir \($0)` meant?" }
      ?? "allowed: \(names.joined(separator: ", "))"
    return UsageError("weir: there is no command \(quoted(name)); \(advice)")
  }

  private static func parse(
    _ name: CommandName, _ arguments: ArraySlice<String>, _ environment: [String: String]
  ) throws(UsageError) -> Command {
    let reader = try ArgumentReader(arguments, of: name)
    if reader.asksForHelp { return .help(.command(name)) }
    switch name {
    case .run: return .run(runArguments(reader))
    case .check: return .check(runArguments(reader), print: reader[.print] != nil)
    case .demo:
      return .demo(seconds: try reader.integer(.seconds, 1...86_400))
    case .observe: return .observe(try observeArguments(reader))
    case .simulate: return .simulate(try simulateArguments(reader))
    case .top:
      return .top(TopArguments(admin: try admin(reader, environment), once: reader[.once] != nil))
    case .healthcheck: return .healthcheck(admin: try admin(reader, environment))
    case .reload: return .reload(admin: try admin(reader, environment))
    case .drain: return .drain(admin: try admin(reader, environment))
    case .help: return .help(try helpTopic(reader))
    case .version: return .version
    }
  }

  private static func runArguments(_ reader: ArgumentReader) -> RunArguments {
    RunArguments(
      config: reader[.config], watchesConfig: reader[.watchConfig] != nil,
      takeover: reader[.takeover], flags: reader.flags)
  }

  private static func observeArguments(
    _ reader: ArgumentReader
  ) throws(UsageError) -> ObserveArguments {
    var arguments = ObserveArguments()
    guard reader.operands.count <= 1 else {
      throw UsageError("weir observe: it reads one file; \(reader.operands.count) are given")
    }
    arguments.file = reader.operands.first ?? "-"
    arguments.contentType = reader[.contentType]
    arguments.path = reader[.path]
    arguments.contentEncoding = reader[.contentEncoding]
    arguments.status = try reader.integer(.status, 100...599) ?? 200
    return arguments
  }

  private static func simulateArguments(
    _ reader: ArgumentReader
  ) throws(UsageError) -> SimulateArguments {
    var arguments = SimulateArguments()
    arguments.listen = try reader.address(.listen) ?? arguments.listen
    arguments.replay = reader[.replay]
    switch (reader[.certificate], reader[.key]) {
    case (nil, nil): break
    case (let certificate?, let key?):
      arguments.tls = SimulateArguments.TLSFiles(certificate: certificate, key: key)
    default: throw UsageError("weir simulate: --certificate and --key need each other")
    }
    return arguments
  }

  /// The admin address of the weir to ask: the option's, or `WEIR_ADMIN`'s, or the default.
  private static func admin(
    _ reader: ArgumentReader, _ environment: [String: String]
  ) throws(UsageError) -> SocketAddress {
    if let address = try reader.address(.admin) { return address }
    guard let text = environment["WEIR_ADMIN"], !text.isEmpty else { return .loopback(port: 9347) }
    guard let address = SocketAddress(listening: text) else {
      throw UsageError(
        "WEIR_ADMIN: \(quoted(text)) is not an address; allowed: "
          + SettingKind<SocketAddress>.address.allowed)
    }
    return address
  }

  private static func helpTopic(_ reader: ArgumentReader) throws(UsageError) -> HelpTopic {
    guard let topic = reader.operands.first else { return .overview }
    if topic == "settings" {
      guard let text = reader[.format] else { return .settings(.text) }
      guard let format = SettingsFormat(rawValue: text) else {
        throw UsageError(
          "weir help: --format: \(quoted(text)) is unknown; allowed: text, markdown, example")
      }
      return .settings(format)
    }
    guard let command = CommandName(rawValue: topic) else {
      let topics = CommandName.allCases.map(\.rawValue) + ["settings"]
      let advice =
        nearestName(to: topic, among: topics).map { "is \($0) meant?" }
        ?? "allowed: \(topics.joined(separator: ", "))"
      throw UsageError("weir help: there is nothing on \(quoted(topic)); \(advice)")
    }
    return .command(command)
  }
}

extension ArgumentReader {
  fileprivate func integer(
    _ option: CommandOption, _ range: ClosedRange<Int>
  ) throws(UsageError) -> Int? {
    guard let text = self[option] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError(
        "\(option.name): \(quoted(text)) is not allowed; allowed: a whole number from "
          + "\(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  fileprivate func address(_ option: CommandOption) throws(UsageError) -> SocketAddress? {
    guard let text = self[option] else { return nil }
    guard let address = SocketAddress(listening: text) else {
      throw UsageError(
        "\(option.name): \(quoted(text)) is not an address; allowed: "
          + SettingKind<SocketAddress>.address.allowed)
    }
    return address
  }
}
