// Goal: settings come out as written, from where they were written, and every mistake is named
// with its place. Method: small files, variables and flags loaded without a file system.

import Foundation
import IO
import Tap
import Testing

@testable import weir

private struct NoSuchFile: Error, CustomStringConvertible {
  var description: String { "No such file or directory" }
}

private func load(
  _ file: String? = nil, environment: [String: String] = [:], flags: [(String, String)] = [],
  files: [String: String] = [:]
) -> Result<LoadedSettings, SettingsErrors> {
  var files = files
  files["w.json5"] = file
  let arguments = RunArguments(
    config: file == nil ? nil : "w.json5",
    flags: flags.map { FlagValue(flag: $0.0, text: $0.1) })
  return Settings.load(arguments: arguments, environment: environment) { path in
    guard let text = files[path] else { throw NoSuchFile() }
    return Array(text.utf8)
  }
}

private func errors(_ result: Result<LoadedSettings, SettingsErrors>) -> [String] {
  if case .failure(let errors) = result { errors.all.map(\.description) } else { [] }
}

/// A file that is valid, with more settings at its end.
private func file(_ more: String = "", upstream: String = "", route: String = "") -> String {
  """
  { upstreams: { u: { url: "http://h", \(upstream) } },
    routes: [{ name: "r", upstream: "u", \(route) }],
    \(more) }
  """
}

struct SettingsSourcesTests {
  @Test("an upstream from a flag alone is enough")
  func upstreamAlone() throws {
    let loaded = try load(flags: [("--upstream", "https://api.openai.com")]).get()
    let settings = loaded.settings
    #expect(settings.upstreams["default"]?.targets.map(\.description) == ["https://api.openai.com"])
    #expect(settings.routes.map(\.name) == ["default"])
    #expect(settings.routes.map(\.path) == ["/"])
    #expect(settings.routes.map(\.upstream) == ["default"])
    #expect(settings.limits.isEmpty)
    #expect(settings.listen.map(\.address.description) == ["127.0.0.1:9346"])
    #expect(settings.admin.listen?.description == "127.0.0.1:9347")
    #expect(loaded.warnings.isEmpty)
  }

  @Test("flags make the limit all, and its queue")
  func limitFromFlags() throws {
    let flags = [("--upstream", "http://h"), ("--max-streams", "2"), ("--queue", "50")]
    let settings = try load(flags: flags).get().settings
    #expect(settings.limits["all"]?.maxStreams == 2)
    #expect(settings.limits["all"]?.queue.max == 50)
    #expect(settings.routes.map(\.limits) == [["all"]])
  }

  @Test("a limit from flags stands before the file's own limits on every route")
  func limitOverFile() throws {
    let text = file("limits: { k: { by: 'client', max_streams: 1 } }", route: "limits: ['k']")
    let settings = try load(text, flags: [("--max-streams", "9")]).get().settings
    #expect(settings.routes.map(\.limits) == [["all", "k"]])
  }

  @Test("a flag changes the file's own limit all and leaves its routes alone")
  func limitInFile() throws {
    let text = file("limits: { all: { max_streams: 1, queue: { max: 3 } } }")
    let loaded = try load(text, flags: [("--max-streams", "9")]).get()
    #expect(loaded.settings.limits["all"]?.maxStreams == 9)
    #expect(loaded.settings.limits["all"]?.queue.max == 3)
    #expect(loaded.settings.routes.map(\.limits) == [[]])
    #expect(loaded.warnings == ["w.json5:3:18: limits.all: no route uses it"])
  }

  @Test("an upstream from a flag takes what the file's routes leave")
  func upstreamBesideFile() throws {
    let text = file(route: "path: '/a/'")
    let settings = try load(text, flags: [("--upstream", "http://d")]).get().settings
    #expect(settings.routes.map(\.name) == ["r", "default"])
    #expect(settings.routes.map(\.upstream) == ["u", "default"])
  }

  @Test("flags win over variables, variables over the file, the file over defaults")
  func precedence() throws {
    let text = file("loops: 2, drain_timeout: '5s', drain_delay: '1s', backlog: 7")
    let environment = ["WEIR_LOOPS": "3", "WEIR_DRAIN_TIMEOUT": "6s"]
    let loaded = try load(text, environment: environment, flags: [("--loops", "4")]).get()
    #expect(loaded.settings.loops == 4)
    #expect(loaded.settings.drainTimeout == .seconds(6))
    #expect(loaded.settings.drainDelay == .seconds(1))
    #expect(loaded.settings.maxSeries == 20_000)
    let origins = Dictionary(
      uniqueKeysWithValues: loaded.effective.map { ($0.path, $0.origin.description) })
    #expect(origins["loops"] == "--loops")
    #expect(origins["drain_timeout"] == "WEIR_DRAIN_TIMEOUT")
    #expect(origins["drain_delay"] == "w.json5:3:47")
    #expect(origins["max_series"] == "default")
  }

  @Test("an empty variable is none")
  func emptyVariable() throws {
    let environment = ["WEIR_UPSTREAM": "http://h", "WEIR_LOOPS": ""]
    let loaded = try load(environment: environment).get()
    #expect(loaded.settings.loops == nil)
  }

  @Test("WEIR_CONFIG names the file")
  func configVariable() throws {
    let result = Settings.load(
      arguments: RunArguments(), environment: ["WEIR_CONFIG": "x"],
      readFile: { _ in Array(file().utf8) })
    #expect(try result.get().file == "x")
  }

  @Test(
    "listen takes one address, an object, or several",
    arguments: [
      ("'127.0.0.1:1'", ["127.0.0.1:1"]), ("{ address: 'unix:/s' }", ["unix:/s"]),
      ("['[::1]:1', { address: ':2' }]", ["[::1]:1", "0.0.0.0:2"]),
    ])
  func listenForms(text: String, expected: [String]) throws {
    let settings = try load(file("listen: \(text)")).get().settings
    #expect(settings.listen.map(\.address.description) == expected)
  }

  @Test("--listen takes several, as do several --listen")
  func listenFlags() throws {
    let flags = [
      ("--upstream", "http://h"), ("--listen", "127.0.0.1:1,127.0.0.1:2"),
      ("--listen", "unix:/s"),
    ]
    let settings = try load(flags: flags).get().settings
    #expect(
      settings.listen.map(\.address.description) == ["127.0.0.1:1", "127.0.0.1:2", "unix:/s"])
  }

  @Test("a listener's own tls wins over the common one")
  func listenerTLS() throws {
    let pem = "-----BEGIN CERTIFICATE-----", key = "-----BEGIN PRIVATE KEY-----"
    let text = file(
      """
      tls: { certificate: 'c', key: 'file:k' },
      listen: [':1', { address: ':2', tls: { certificate: 'd', key: 'k', client_ca: 'c' } }]
      """)
    let settings = try load(text, files: ["c": pem, "d": pem, "k": key]).get().settings
    #expect(settings.tls(of: settings.listen[0])?.certificate == "c")
    #expect(settings.tls(of: settings.listen[0])?.key == "k")
    #expect(settings.tls(of: settings.listen[1])?.certificate == "d")
    #expect(settings.tls(of: settings.listen[1])?.clientCA == "c")
  }

  @Test("admin off")
  func adminOff() throws {
    let settings = try load(file(), flags: [("--admin", "off")]).get().settings
    #expect(settings.admin.listen == nil)
    #expect(try load(file("admin: { listen: 'off' }")).get().settings.admin.listen == nil)
  }

  @Test("a whole file as the documentation shows it")
  func outline() throws {
    let text = """
      {
        listen: "127.0.0.1:9346",
        admin: { listen: "127.0.0.1:9347" },
        upstreams: {
          openai: {
            endpoints: ["https://a.example/v1", "https://b.example/v1"], balance: "least_streams",
            tls: { server_name: "api.openai.com" },
            connect_timeout: "11s", first_byte_timeout: "12s", idle_timeout: "off",
            stream_timeout: "1h", retry: { attempts: 3, backoff: "200ms", statuses: [429] },
            keep_alive: { max_idle: 5, idle_timeout: "6s" },
          },
        },
        routes: [
          { name: "openai", path: "/openai/", strip: true, upstream: "openai",
            limits: ["all", "per-key"], dialect: "openai-chat", tenant_header: "x-tenant",
            request_headers: { set: { authorization: "Bearer ${KEY}" }, remove: ["x-a"] } },
          { name: "rest", path: "/", upstream: "openai" },
        ],
        limits: {
          all: { max_streams: 200, queue: { max: 100, timeout: "11s" } },
          "per-key": { by: "header:Authorization", max_streams: 8, weights: { a: 3 } },
          "per-model": { by: "model", max_streams: 20, overrides: { "gpt-4o": 5 } },
        },
        prices: { "gpt-4o": { input: 2.5, cached_input: 1.25, output: 10.0 } },
        log: { format: "json", to: "stderr", level: "error" },
      }
      """
    let settings = try load(text, environment: ["KEY": "sk-1"]).get().settings
    let upstream = try #require(settings.upstreams["openai"])
    #expect(upstream.targets.map(\.host) == ["a.example", "b.example"])
    #expect(upstream.tls.serverName == "api.openai.com")
    #expect(upstream.connectTimeout == .seconds(11))
    #expect(upstream.firstByteTimeout == .seconds(12))
    #expect(upstream.idleTimeout == nil)
    #expect(upstream.streamTimeout == .seconds(3600))
    #expect(upstream.retry.attempts == 3)
    #expect(upstream.retry.backoff == .milliseconds(200))
    #expect(upstream.retry.statuses == [429])
    #expect(upstream.keepAlive.maxIdle == 5)
    #expect(upstream.keepAlive.idleTimeout == .seconds(6))
    let route = settings.routes[0]
    #expect(route.strip)
    #expect(route.limits == ["all", "per-key"])
    #expect(route.dialect == .named(.openAIChat))
    #expect(route.tenantHeader == "x-tenant")
    #expect(route.requestHeaders.set["authorization"]?.bytes == Array("Bearer sk-1".utf8))
    #expect(route.requestHeaders.remove == ["x-a"])
    #expect(settings.limits["all"]?.queue.timeout == .seconds(11))
    #expect(settings.limits["per-key"]?.by == .header("authorization"))
    #expect(settings.limits["per-key"]?.weights == ["a": 3])
    #expect(settings.limits["per-model"]?.overrides == ["gpt-4o": 5])
    #expect(settings.prices["gpt-4o"]?.input == 2.5)
    #expect(settings.prices["gpt-4o"]?.cachedInputPrice == 1.25)
    #expect(settings.prices["gpt-4o"]?.cacheWriteInputPrice == 2.5)
    #expect(settings.prices["gpt-4o"]?.output == 10)
    #expect(settings.log.to == .standardError)
    #expect(settings.log.level == .error)
  }
}

struct SettingsSecretsTests {
  private let route = """
    request_headers: { set: { authorization: "Bearer ${KEY}", 'x-key': "file:/run/key",
      'x-plain': "plain-secret" } }
    """

  @Test("secrets come from variables and files and are shown nowhere")
  func masked() throws {
    let loaded = try load(
      file(route: route), environment: ["KEY": "env-secret"],
      files: ["/run/key": "file-secret\n"]
    ).get()
    let set = try #require(loaded.settings.routes.first).requestHeaders.set
    #expect(set["authorization"]?.bytes == Array("Bearer env-secret".utf8))
    #expect(set["x-key"]?.bytes == Array("file-secret".utf8))
    var dumped = ""
    dump(loaded, to: &dumped)
    for text in [loaded.listing, loaded.json, "\(loaded)", dumped] {
      #expect(!text.contains("-secret"))
    }
    #expect(loaded.listing.contains("routes[0].request_headers.set.authorization: \"***\""))
  }

  @Test("keys of a limit by header may be credentials and are shown nowhere")
  func limitKeys() throws {
    let hash = "sha256:" + String(repeating: "0", count: 64)
    let text = file(
      """
      limits: {
        h: { by: 'header:authorization', max_streams: 1,
          weights: { 'Bearer planted': 2, '\(hash)': 3 }, overrides: { 'Bearer planted': 4 } },
        m: { by: 'model', max_streams: 1, overrides: { 'gpt-4o': 5 } } }
      """, route: "limits: ['h', 'm']")
    let loaded = try load(text).get()
    #expect(loaded.settings.limits["h"]?.weights == ["Bearer planted": 2, hash: 3])
    #expect(!loaded.listing.contains("planted"))
    #expect(!loaded.json.contains("planted"))
    #expect(loaded.listing.contains("limits.h.weights.\"***\": 2"))
    #expect(loaded.listing.contains(hash))
    #expect(loaded.listing.contains("limits.m.overrides.gpt-4o: 5"))
    let wrong = errors(load(text.replacing("'Bearer planted': 2", with: "'Bearer planted': 0")))
    #expect(wrong.count == 1)
    #expect(wrong.first?.contains("planted") == false)
  }

  @Test(
    "a URL's password or query is not quoted",
    arguments: ["https://u:planted@h", "https://h?k=planted"])
  func urlCredentials(url: String) {
    let messages = errors(load(flags: [("--upstream", url)]))
    #expect(messages.count == 1)
    #expect(messages[0].hasPrefix("--upstream: upstreams.default.url: its value "))
    #expect(!messages[0].contains("planted"))
  }

  @Test("what is in force is shown as JSON too")
  func json() throws {
    let loaded = try load(file(route: route), environment: ["KEY": "k"], files: ["/run/key": "k"])
      .get()
    let parsed = try JSONSerialization.jsonObject(with: Data(loaded.json.utf8))
    let objects = try #require(parsed as? [[String: Any]])
    #expect(objects.count == loaded.effective.count)
    let series = try #require(objects.first { $0["setting"] as? String == "max_series" })
    #expect(series["value"] as? Int == 20_000)
    #expect(series["origin"] as? String == "default")
  }

  @Test("what a variable gave is shown by the variable's name, in messages too")
  func expandedElsewhere() throws {
    let text = file(upstream: "connect_timeout: '${T}'")
    let loaded = try load(text, environment: ["T": "3s"]).get()
    #expect(loaded.settings.upstreams["u"]?.connectTimeout == .seconds(3))
    #expect(loaded.listing.contains("upstreams.u.connect_timeout: \"${T}\""))
    let messages = errors(load(text, environment: ["T": "hidden"]))
    #expect(messages.count == 1)
    #expect(messages[0].hasPrefix("w.json5:1:55: upstreams.u.connect_timeout: \"${T}\" is not"))
  }

  @Test("a variable may give a number or a boolean")
  func expandedNumber() throws {
    let text = file("loops: '${N}'", route: "strip: '${B}'")
    let settings = try load(text, environment: ["N": "3", "B": "true"]).get().settings
    #expect(settings.loops == 3)
    #expect(settings.routes[0].strip)
  }

  @Test("what a variable holds is not looked through again, and $${ is plain")
  func noSecondExpansion() throws {
    let text = file(
      route: "request_headers: { set: { a: '${A}', b: '$${A}', c: 'a$b$', d: '${A}${A}' } }")
    let set = try load(text, environment: ["A": "${B}"]).get().settings.routes[0].requestHeaders.set
    #expect(set["a"]?.bytes == Array("${B}".utf8))
    #expect(set["b"]?.bytes == Array("${A}".utf8))
    #expect(set["c"]?.bytes == Array("a$b$".utf8))
    #expect(set["d"]?.bytes == Array("${B}${B}".utf8))
  }

  @Test("a variable or a file that holds a line break cannot add a header")
  func injection() {
    let messages = errors(
      load(
        file(route: route), environment: ["KEY": "x\r\nHost: evil"],
        files: ["/run/key": "a\nb: c"]))
    #expect(messages.count == 2)
    for message in messages {
      #expect(message.contains("its value holds a control character"))
      #expect(!message.contains("evil"))
    }
  }
}

struct SettingsMistakesTests {
  @Test(
    "one mistake, one line",
    arguments: [
      ("lisen: ':1'", "w.json5:3:3: lisen: there is no such setting; is \"listen\" meant?"),
      (
        "log: { colour: 1 }",
        "w.json5:3:10: log.colour: there is no such setting; allowed: format, to, level"
      ),
      (
        "drain_timeout: 10",
        "w.json5:3:18: drain_timeout: 10 has no unit; allowed: a duration from \"0s\" to "
          + "\"720h\", in ms, s, m or h"
      ),
      (
        "relay_buffer: '1KiB'",
        "w.json5:3:17: relay_buffer: \"1KiB\" is out of range; allowed: a size from \"4KiB\" to "
          + "\"16MiB\", in B, KiB, MiB or GiB"
      ),
      (
        "loops: '2'",
        "w.json5:3:10: loops: \"2\" is not a number of loops; allowed: a whole number from 1 to 256, "
          + "or \"auto\""
      ),
      (
        "loops: Infinity",
        "w.json5:3:10: loops: Infinity is not a number of loops; allowed: a whole number from 1 to "
          + "256, or \"auto\""
      ),
      (
        "log: { level: 'inf' }",
        "w.json5:3:17: log.level: \"inf\" is unknown (is \"info\" meant?); allowed: \"debug\", "
          + "\"info\", \"warn\", \"error\""
      ),
      (
        "listen: 'localhost'",
        "w.json5:3:11: listen[0].address: \"localhost\" is not an address; allowed: "
          + "127.0.0.1:9346, [::1]:9346, :9346 (every interface), or unix:/path"
      ),
      ("listen: []", "w.json5:3:11: listen: the list is empty"),
      ("log: 'stdout'", "w.json5:3:8: log: a string is not an object; allowed: { … }"),
      (
        "backlog: null",
        "w.json5:3:12: backlog: null is not a whole number; allowed: a whole number from 1 to "
          + "65535"
      ),
      (
        "limits: { a: { max_streams: 0 } }",
        "w.json5:3:31: limits.a.max_streams: 0 is out of range; allowed: a whole number from 1 "
          + "to 1000000"
      ),
      (
        "limits: { a: {} }",
        "w.json5:3:16: limits.a.max_streams: this setting is missing; allowed: a whole number "
          + "from 1 to 1000000"
      ),
      (
        "limits: { 'a b': { max_streams: 1 } }",
        "w.json5:3:13: limits.\"a b\": \"a b\" is not a name; allowed: 1 to 64 letters, digits, "
          + "'-', '_' or '.'"
      ),
      (
        "limits: { a: { max_streams: 1, weights: { x: 2 } } }",
        "w.json5:3:43: limits.a.weights: the limit has no keys; set by, or leave this out"
      ),
      (
        "prices: { m: { input: -1, output: 2 } }",
        "w.json5:3:25: prices.m.input: -1 is below 0; allowed: a number of at least 0, in USD per "
          + "million tokens"
      ),
      (
        "listen: [':1', ':1']",
        "w.json5:3:18: listen[1].address: 0.0.0.0:1 is the address of listen[0].address too; "
          + "each needs one of its own"
      ),
      (
        "tls: { certificate: 'c', key: 'k' }",
        "w.json5:3:23: tls.certificate: the file \"c\" cannot be read: No such file or directory"
      ),
      (
        "takeover: '${NO}'",
        "w.json5:3:13: takeover: the environment variable NO is not set; set it, or write the value here"
      ),
      (
        "takeover: '${1}'",
        "w.json5:3:13: takeover: '${' opens no reference; allowed: ${NAME}, or $${ for a plain ${"
      ),
    ])
  func inFile(text: String, expected: String) {
    #expect(errors(load(file(text))).first == expected)
  }

  @Test(
    "mistakes of upstreams and routes",
    arguments: [
      (
        "", "upstream: 'v'",
        "w.json5:2:40: this key stands at 2:25 already; each key stands once"
      ),
      (
        "url2: 1", "", "w.json5:1:38: upstreams.u.url2: there is no such setting; is \"url\" meant?"
      ),
      (
        "endpoints: ['http://a']", "",
        "w.json5:1:19: upstreams.u: url and endpoints: both are set; set one of them"
      ),
      (
        "tls: { client_key: 'k' }", "",
        "w.json5:1:43: upstreams.u.tls: client_certificate and client_key need each other; set "
          + "both or none"
      ),
      (
        "", "limits: ['al']",
        "w.json5:2:49: routes[0].limits[0]: there is no limit \"al\"; limits is empty"
      ),
      (
        "", "path: 'v1/'",
        "w.json5:2:46: routes[0].path: \"v1/\" does not begin with '/'; allowed: a path that "
          + "begins with '/', without a query"
      ),
      (
        "", "request_headers: { set: { Host: 'x' } }",
        "w.json5:2:66: routes[0].request_headers.set.Host: \"Host\" is a header that weir sets "
          + "itself; allowed: letters, digits and !#$%&'*+-.^_`|~"
      ),
      (
        "", "request_headers: { set: { a: 'x', A: 'y' } }",
        "w.json5:2:69: routes[0].request_headers.set.a: \"A\" is the same header"
      ),
    ])
  func inParts(upstream: String, route: String, expected: String) {
    let result = load(
      file(upstream: upstream, route: route), files: ["k": "-----BEGIN PRIVATE KEY-----"])
    #expect(errors(result) == [expected])
  }

  // Found by the fuzz target `settings`.
  @Test("a secret that stands where a name belongs is shown as the file spells it")
  func misplacedSecret() {
    let result = load(
      file(upstream: "", route: "limits: ['a${KEY}', 'a${KEY}']"), environment: ["KEY": "sk-1234"])
    let shown = errors(result).joined(separator: "\n")
    #expect(shown.contains("there is no limit \"a${KEY}\""))
    #expect(shown.contains("\"a${KEY}\" stands in the list already"))
    #expect(!shown.contains("sk-1234"))
  }

  @Test("routes that cannot be reached, or share a name, or lead nowhere")
  func routes() {
    let text = """
      { upstreams: { openai: { url: "http://h" } },
        routes: [
          { name: "a", path: "/v1/", upstream: "openai" },
          { name: "a", path: "/v1/chat", upstream: "opnai" },
          { name: "b", path: "/v2", upstream: "nowhere" },
          { name: "c", path: "/v2/x", upstream: "openai" },
        ] }
      """
    #expect(
      errors(load(text)) == [
        "w.json5:4:13: routes[1].name: routes[0] is called \"a\" too",
        "w.json5:4:24: routes[1].path: routes[0] (\"/v1/\") matches all of \"/v1/chat\" before "
          + "this route can; put this one first",
        "w.json5:4:46: routes[1].upstream: there is no upstream \"opnai\"; is \"openai\" meant?",
        "w.json5:5:41: routes[2].upstream: there is no upstream \"nowhere\"; allowed: openai",
      ])
  }

  @Test("a route needs a name, and one that metrics do not use themselves")
  func routeNames() {
    let text = """
      { upstreams: { u: { url: "http://h" } },
        routes: [
          { name: "none", path: "/y", upstream: "u" },
          { path: "/x", upstream: "u" },
        ] }
      """
    #expect(
      errors(load(text)) == [
        "w.json5:3:13: routes[0].name: \"none\" is taken: weir uses it itself; allowed: 1 to 64 "
          + "letters, digits, '-', '_' or '.'",
        "w.json5:4:5: routes[1].name: this setting is missing; allowed: 1 to 64 letters, digits, "
          + "'-', '_' or '.'",
      ])
  }

  @Test("all mistakes come at once, those of the file in its order")
  func allAtOnce() {
    let text = file("drain_delay: 1, loops: -1, log: { level: 2 }", upstream: "idle_timeout: 5")
    let messages = errors(
      load(text, environment: ["WEIR_BACKLOG": "x"], flags: [("--max-series", "1")]))
    let places = messages.map { $0.prefix { $0 != " " } }
    #expect(
      places == [
        "w.json5:1:52:", "w.json5:3:16:", "w.json5:3:26:", "w.json5:3:44:", "WEIR_BACKLOG:",
        "--max-series:",
      ])
  }

  @Test("a mistake is reported once, and others beside it too")
  func consequences() {
    let text = """
      { upstreams: { u: { url: "${NO}" }, v: { url: "http://h", tls: { client_key: "k" } } },
        routes: [
          { name: "none", upstream: "u" }, { name: "none", path: 1, upstream: "w" },
        ],
        routs: [] }
      """
    let messages = errors(load(text, files: ["k": "-----BEGIN PRIVATE KEY-----"]))
    let places = messages.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    #expect(
      places == [
        "w.json5:1:26: upstreams.u.url:", "w.json5:1:64: upstreams.v.tls:",
        "w.json5:3:13: routes[0].name:", "w.json5:3:46: routes[1].name:",
        "w.json5:3:60: routes[1].path:", "w.json5:3:73: routes[1].upstream:",
        "w.json5:5:3: routs:",
      ])
  }

  @Test("a flag or a variable that is wrong is named")
  func flagsAndVariables() {
    let messages = errors(
      load(
        environment: ["WEIR_QUEUE": "many"],
        flags: [("--upstream", "api.openai.com"), ("--max-streams", "1")]))
    #expect(
      messages == [
        "--upstream: upstreams.default.url: \"api.openai.com\" does not begin with http:// or "
          + "https://; allowed: https://HOST, http://HOST, each with a port and a path if wanted",
        "WEIR_QUEUE: limits.all.queue.max: \"many\" is not a whole number; allowed: a whole "
          + "number from 0 to 1000000",
      ])
  }

  @Test("a queue without a limit says what is missing")
  func queueAlone() {
    let messages = errors(load(flags: [("--upstream", "http://h"), ("--queue", "1")]))
    #expect(
      messages == [
        "--queue: limits.all.max_streams: this setting is missing; allowed: a whole number from "
          + "1 to 1000000"
      ])
  }

  @Test("nothing at all says how to begin")
  func nothing() {
    #expect(
      errors(load()) == [
        "upstreams: there is none; give --upstream URL, or --config FILE with upstreams and "
          + "routes in it"
      ])
  }

  @Test(
    "files that are no settings",
    arguments: [
      ("[1]", "w.json5:1:1: the file must hold one object: { listen: …, upstreams: …, routes: … }"),
      ("{ a: ", "w.json5:1:6: the end of the file begins no value"),
    ])
  func noSettings(text: String, expected: String) {
    #expect(errors(load(text)).first?.hasPrefix(expected) == true)
  }

  @Test("a missing file is named")
  func missingFile() {
    let result = Settings.load(
      arguments: RunArguments(config: "gone.json5"), environment: [:],
      readFile: { _ in throw NoSuchFile() })
    #expect(
      errors(result) == [
        "the settings file \"gone.json5\" cannot be read: No such file or directory"
      ])
  }

  @Test("a certificate file must hold one")
  func wrongFile() {
    let text = file("tls: { certificate: 'k', key: 'k' }")
    #expect(
      errors(load(text, files: ["k": "-----BEGIN EC PRIVATE KEY-----"])) == [
        "w.json5:3:23: tls.certificate: the file \"k\" holds no PEM certificate"
      ])
  }

  @Test("a variable that looks like a setting's is worth a warning, others are not")
  func misspelledVariable() throws {
    let environment = [
      "WEIR_UPSTREAM": "http://h", "WEIR_LOOP": "1", "WEIR_SERVICE_HOST": "x",
      "WEIR_PORT_9346_TCP": "y",
    ]
    let loaded = try load(environment: environment).get()
    #expect(loaded.warnings == ["the variable WEIR_LOOP is no setting; is WEIR_LOOPS meant?"])
  }
}
