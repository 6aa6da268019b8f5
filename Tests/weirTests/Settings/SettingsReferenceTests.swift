// Goal: what is written about the settings is what the table says, and the table is whole.
// Method: the checked-in files are compared with what the table makes; with WEIR_REGENERATE=1 in
// the environment they are written instead, and the comparison after that is an empty promise,
// so a run without it must follow.

import Foundation
import Testing

@testable import weir

private let packageRoot = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private func expectFile(_ path: String, holds text: String) throws {
  let url = packageRoot.appending(path: path)
  if ProcessInfo.processInfo.environment["WEIR_REGENERATE"] != nil {
    try Data(text.utf8).write(to: url)
  }
  let found = try String(decoding: Data(contentsOf: url), as: UTF8.self)
  #expect(found == text, "\(path) is out of date; run the tests once with WEIR_REGENERATE=1")
}

struct SettingsReferenceTests {
  @Test("docs/settings.md is what the table makes")
  func reference() throws {
    try expectFile("docs/settings.md", holds: CommandHelp.text(.settings(.markdown)))
  }

  @Test("weir.example.json5 is what the table makes")
  func example() throws {
    try expectFile("weir.example.json5", holds: CommandHelp.text(.settings(.example)))
  }

  @Test("docs/commands.md shows the help of every command")
  func help() throws {
    let names: [CommandName] = CommandName.allCases.filter { $0 != .help && $0 != .version }
    let texts =
      [("weir help", CommandHelp.text(.overview))]
      + names.map { ("weir help \($0.rawValue)", CommandHelp.text(.command($0))) }
    let sections = texts.map { "## `\($0.0)`\n\n```text\n\($0.1)```\n" }
    let opening = "# Commands\n\nWhat `weir help` prints; settings.md explains the settings.\n\n"
    try expectFile("docs/commands.md", holds: opening + sections.joined(separator: "\n"))
  }

  @Test("no line of a help text is wider than a terminal")
  func width() {
    let topics: [HelpTopic] =
      [.overview, .settings(.text)] + CommandName.allCases.map { .command($0) }
    for topic in topics {
      let lines = CommandHelp.text(topic).split(separator: "\n")
      #expect(lines.allSatisfy { $0.count <= 100 }, "\(topic)")
      #expect(!lines.isEmpty)
    }
  }

  @Test("the example file loads, and sets nothing but what it must to other than its default")
  func exampleLoads() throws {
    let loaded = try Settings.load(
      arguments: RunArguments(config: "e"), environment: [:],
      readFile: { _ in Array(CommandHelp.text(.settings(.example)).utf8) }
    ).get()
    #expect(loaded.warnings.isEmpty)
    var settings = loaded.settings
    #expect(settings.upstreams.keys.sorted() == ["openai"])
    #expect(settings.routes.map(\.name) == ["openai"])
    settings.upstreams = [:]
    settings.routes = []
    settings.limits = [:]
    settings.prices = [:]
    #expect(settings == Settings())
  }

  @Test("what the example file comments out is allowed too, once its place is known")
  func proposals() throws {
    // Each commented setting of a single value is put into the file by itself.
    let text = CommandHelp.text(.settings(.example))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // Objects that are commented out as a whole are opened, so that what they hold has a place.
      let bare = line.drop { $0 == " " }
      return bare.hasPrefix("// ") && (bare.hasSuffix(": {") || bare == "// },")
        ? String(bare.dropFirst(3)) : String(line)
    }
    var tried = 0
    for (index, line) in lines.enumerated() {
      let trimmed = line.drop { $0 == " " }
      guard trimmed.hasPrefix("// "), trimmed.hasSuffix(","),
        trimmed.dropFirst(3).firstMatch(of: /^[a-z_]+: ["\[]/) != nil
      else { continue }
      var changed = lines
      changed[index] = String(trimmed.dropFirst(3))
      let found = unknownSettings(changed.joined(separator: "\n"))
      #expect(found.isEmpty, "\(line): \(found)")
      tried += 1
    }
    #expect(tried >= 12)
  }

  /// Messages that say that a setting or its value is not allowed, as against what two settings
  /// ask of each other and files that are not there.
  private func unknownSettings(_ text: String) -> [String] {
    let pem = "-----BEGIN CERTIFICATE----------BEGIN PRIVATE KEY-----"
    let result = Settings.load(
      arguments: RunArguments(config: "e"), environment: ["OPENAI_API_KEY": "k"],
      readFile: { Array(($0 == "e" ? text : pem).utf8) })
    guard case .failure(let errors) = result else { return [] }
    let ties = ["need each other", "both are set", "this setting is missing"]
    return errors.all.map(\.description).filter { message in
      !ties.contains { message.contains($0) }
    }
  }
}

struct SettingsTableTests {
  @Test("every row says what it is, and every value what follows from it")
  func sentences() {
    for row in SettingsTable.rows {
      #expect(row.help.hasSuffix("."), "\(row.pattern)")
      if row.shape == .value {
        #expect(row.consequence.hasSuffix("."), "\(row.pattern)")
        #expect(!row.allowed.isEmpty, "\(row.pattern)")
      }
    }
  }

  @Test("no pattern, flag or variable stands twice")
  func unique() {
    let patterns = SettingsTable.rows.map(\.pattern)
    #expect(Set(patterns).count == patterns.count)
    let flags = SettingsTable.flagged.map(\.flag.name)
    #expect(Set(flags).count == flags.count)
    #expect(flags.count > 20)
  }

  @Test("the flags that the command line promises set what they promise")
  func promisedFlags() {
    let paths = Dictionary(
      uniqueKeysWithValues: SettingsTable.flagged.map { ($0.flag.name, $0.row.flaggedPath) })
    #expect(paths["--upstream"] == ["upstreams", "default", "url"])
    #expect(paths["--upstream-ca"] == ["upstreams", "default", "tls", "ca_file"])
    #expect(paths["--upstream-server-name"] == ["upstreams", "default", "tls", "server_name"])
    #expect(paths["--listen"] == ["listen"])
    #expect(paths["--admin"] == ["admin", "listen"])
    #expect(paths["--max-streams"] == ["limits", "all", "max_streams"])
    #expect(paths["--queue"] == ["limits", "all", "queue", "max"])
    #expect(paths["--loops"] == ["loops"])
    #expect(SettingFlag.flag("--upstream-ca", "FILE").variable == "WEIR_UPSTREAM_CA")
  }

  @Test("the defaults are those that the product promises")
  func defaults() {
    let texts = Dictionary(
      uniqueKeysWithValues: SettingsTable.rows.map { ($0.pattern, $0.defaultText) })
    let promised = [
      "listen[].address": "\"127.0.0.1:9346\"", "admin.listen": "\"127.0.0.1:9347\"",
      "upstreams.*.connect_timeout": "\"10s\"", "upstreams.*.first_byte_timeout": "\"600s\"",
      "upstreams.*.idle_timeout": "\"600s\"", "upstreams.*.stream_timeout": "\"off\"",
      "upstreams.*.retry.attempts": "2", "upstreams.*.retry.backoff": "\"100ms\"",
      "upstreams.*.delayed_acks": "true",
      "upstreams.*.keep_alive.max_idle": "64", "upstreams.*.keep_alive.idle_timeout": "\"60s\"",
      "relay_buffer": "\"64KiB\"", "max_request_body": "\"off\"", "max_series": "20000",
      "tunnel_idle_timeout": "\"1h\"", "drain_delay": "\"0s\"", "loops": "\"auto\"",
      "log.format": "\"json\"", "log.to": "\"stdout\"", "log.level": "\"info\"",
    ]
    for (pattern, text) in promised { #expect(texts[pattern] == text, "\(pattern)") }
  }
}
