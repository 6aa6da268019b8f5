// Brings the sources together: flags over variables over the file over defaults.

/// Settings that passed every check, and what is worth saying about them.
struct LoadedSettings: Equatable, Sendable {
  let settings: Settings
  /// The file they came from, if any; it is what SIGHUP reads again.
  let file: String?
  /// Every file that was read: that one, certificates, and those of `file:PATH`.
  let files: [String]
  /// Every value in force, in the order of the table, secrets masked.
  let effective: [EffectiveSetting]
  /// What is allowed but hardly meant; one line each.
  let warnings: [String]
}

extension Settings {
  /// The settings that `weir run` with these arguments has. Every mistake is reported, not the
  /// first alone, save that a file which breaks the grammar ends at the break.
  ///
  /// `readFile` gives the bytes of the settings file, of certificates, and of `file:PATH`; what it
  /// throws becomes part of a message.
  static func load(
    arguments: RunArguments, environment: [String: String],
    readFile: @escaping (String) throws -> [UInt8]
  ) -> Result<LoadedSettings, SettingsErrors> {
    let files = FilesRead(readFile)
    let environment = environment.filter { !($0.value.isEmpty && $0.key.hasPrefix("WEIR_")) }
    let file = arguments.config ?? environment["WEIR_CONFIG"]
    var root = SettingsNode(.object([]), origin: .builtIn)
    if let file {
      do {
        root = try node(ofFile: file, environment: environment, readFile: files.read)
      } catch {
        return .failure(SettingsErrors([error]))
      }
    }
    root.overlayVariables(environment)
    root.overlayFlags(arguments.flags)
    root.completeDefaults()

    var settings = Settings()
    var reading = SettingsReading(readFile: files.read)
    reading.section(&settings, root, "")
    SettingsChecks.run(settings, &reading)
    let errors = reading.errors.map { $0.spelling(root.expansions) }
    guard errors.isEmpty else { return .failure(SettingsErrors(errors)) }
    return .success(
      LoadedSettings(
        settings: settings, file: file, files: files.names, effective: reading.effective,
        warnings: SettingsChecks.warnings(settings, reading).map { root.expansions.spelled($0) }
          + misspelledVariables(environment)))
  }

  private static func node(
    ofFile file: String, environment: [String: String],
    readFile: (String) throws -> [UInt8]
  ) throws(SettingsError) -> SettingsNode {
    let bytes: [UInt8]
    do {
      bytes = try readFile(file)
    } catch {
      throw SettingsError(
        origin: .builtIn, setting: nil,
        message: "the settings file \(quoted(file)) cannot be read: \(error)")
    }
    return try SettingsFile(name: file, environment: environment).node(from: bytes)
  }

  /// Variables that look like a setting's and are none. They are not refused, because Kubernetes
  /// puts variables of its own (`WEIR_SERVICE_HOST`) beside a service called weir.
  private static func misspelledVariables(_ environment: [String: String]) -> [String] {
    let known = SettingsTable.flagged.map(\.flag.variable) + ["WEIR_CONFIG"]
    return environment.keys.sorted().compactMap { name in
      guard name.hasPrefix("WEIR_"), !known.contains(name),
        let meant = nearestName(to: name, among: known)
      else { return nil }
      return "the variable \(name) is no setting; is \(meant) meant?"
    }
  }
}

extension SettingsNode {
  fileprivate mutating func overlayVariables(_ environment: [String: String]) {
    for (row, flag) in SettingsTable.flagged {
      guard let text = environment[flag.variable] else { continue }
      overlay(SettingsNode(text: text, origin: .variable(flag.variable)), at: row.flaggedPath)
    }
  }

  fileprivate mutating func overlayFlags(_ values: [FlagValue]) {
    for (row, flag) in SettingsTable.flagged {
      let texts = values.filter { $0.flag == flag.name }.map(\.text)
      guard !texts.isEmpty else { continue }
      let text = texts.joined(separator: ",")
      overlay(SettingsNode(text: text, origin: .flag(flag.name)), at: row.flaggedPath)
    }
  }

  /// Makes what flags and variables set up take part: the upstream `default` gets a route after
  /// all others, and the limit `all` stands before the other limits of every route.
  fileprivate mutating func completeDefaults() {
    var routes = self["routes"].map { $0.elements } ?? []
    if let upstream = self["upstreams"]?["default"], !upstream.isWritten, let known = routes,
      !known.contains(where: { $0["upstream"]?.isText("default") == true })
    {
      routes = known + [.defaultRoute(origin: upstream.origin)]
    }
    if let limit = self["limits"]?["all"], !limit.isWritten {
      routes = routes?.map { $0.limited(by: "all", origin: limit.origin) }
    }
    guard let routes, !routes.isEmpty else { return }
    let origin = self["routes"]?.origin ?? routes[0].origin
    overlay(SettingsNode(.list(routes), origin: origin), at: ["routes"])
  }

  /// Whether a file says it, as against flags and variables.
  private var isWritten: Bool {
    if case .file = origin { true } else { false }
  }

  private func isText(_ text: String) -> Bool {
    if case .scalar(let scalar) = content { scalar.string == text } else { false }
  }

  private static func defaultRoute(origin: SettingsOrigin) -> SettingsNode {
    var route = SettingsNode(.object([]), origin: origin)
    for (key, text) in [("name", "default"), ("path", "/"), ("upstream", "default")] {
      route.overlay(SettingsNode(text: text, origin: origin), at: [key])
    }
    return route
  }

  private func limited(by name: String, origin: SettingsOrigin) -> SettingsNode {
    let present = self["limits"].map { $0.elements } ?? []
    guard let present, !present.contains(where: { $0.isText(name) }) else { return self }
    var route = self
    let first = SettingsNode(text: name, origin: origin)
    let list = SettingsNode(.list([first] + present), origin: self["limits"]?.origin ?? origin)
    route.overlay(list, at: ["limits"])
    return route
  }
}

/// Remembers which files a reading asked for.
private final class FilesRead {
  private(set) var names: [String] = []
  private let readFile: (String) throws -> [UInt8]

  init(_ readFile: @escaping (String) throws -> [UInt8]) { self.readFile = readFile }

  func read(_ name: String) throws -> [UInt8] {
    if !names.contains(name) { names.append(name) }
    return try readFile(name)
  }
}
