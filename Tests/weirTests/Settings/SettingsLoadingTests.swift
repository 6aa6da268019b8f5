// Goal: settings come out as written, from where they were written. Method: small files, variables and
// flags loaded without a file system.

import Foundation
import IO
import Tap
import Testing

@testable import weir

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
            delayed_acks: false,
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
    #expect(!upstream.delayedAcknowledgements)
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
