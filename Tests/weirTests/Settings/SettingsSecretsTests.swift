// Goal: what is secret, and what a variable held, is shown nowhere. Method: small files loaded with
// variables and files that hold secrets, and all that is said of them.

import Foundation
import IO
import Tap
import Testing

@testable import weir

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
