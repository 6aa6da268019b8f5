// Goal: every mistake is named with its place, once. Method: small files, variables and flags that are
// wrong, loaded without a file system.

import Foundation
import IO
import Tap
import Testing

@testable import weir

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
