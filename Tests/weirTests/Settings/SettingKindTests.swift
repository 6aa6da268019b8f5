// Goal: each kind of value takes what it says is allowed, refuses the rest, and spells a value so
// that it reads back. Method: tables of texts.

import IO
import Testing

@testable import weir

private func parse<Value>(_ kind: SettingKind<Value>, _ text: String) -> Value? {
  try? kind.parse(SettingsScalar(.string(text), written: text))
}

struct SettingKindTests {
  @Test(
    "durations",
    arguments: [
      ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)),
      ("1h", .seconds(3600)), ("720h", .seconds(2_592_000)), ("721h", nil), ("0s", nil),
      ("10", nil), ("s", nil), ("-1s", nil), ("1.5s", nil), ("1 s", nil), ("1d", nil), ("٣s", nil),
      ("99999999999999999999s", nil), ("9223372036854775807h", nil), ("off", nil), ("", nil),
    ] as [(String, Duration?)])
  func durations(text: String, expected: Duration?) {
    #expect(parse(SettingKind<Duration>.duration(), text) == expected)
  }

  @Test("durations read back as they are spelled", arguments: ["500ms", "10s", "90s", "1h", "24h"])
  func durationSpelling(text: String) {
    #expect(Duration(spelled: text)?.spelled == text)
  }

  @Test("off is nil where it is allowed")
  func off() throws {
    let kind = SettingKind<Duration?>.durationOrOff
    let scalar = SettingsScalar(.string("off"), written: "off")
    #expect(try kind.parse(scalar) == nil)
    #expect(kind.spell(nil) == "\"off\"")
  }

  @Test(
    "sizes",
    arguments: [
      ("1B", 1), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("5GiB", nil),
      ("64", nil), ("64KB", nil), ("64k", nil), ("KiB", nil), ("0B", nil), ("-1KiB", nil),
      ("9999999999999GiB", nil),
    ] as [(String, Int?)])
  func sizes(text: String, expected: Int?) {
    #expect(parse(SettingKind<Int>.size(1...4 << 30), text) == expected)
  }

  @Test(
    "URLs",
    arguments: [
      ("https://api.openai.com", "https://api.openai.com", "api.openai.com", 443, ""),
      ("https://api.openai.com/", "https://api.openai.com", "api.openai.com", 443, ""),
      ("http://localhost:8080/v1/", "http://localhost:8080/v1", "localhost", 8080, "/v1"),
      ("HTTPS://h:443/a%20b", "https://h/a%20b", "h", 443, "/a%20b"),
      ("http://[::1]:9000", "http://[::1]:9000", "::1", 9000, ""),
      ("http://[::1]", "http://[::1]", "::1", 80, ""),
      ("http://10.0.0.1", "http://10.0.0.1", "10.0.0.1", 80, ""),
    ])
  func urls(text: String, spelled: String, host: String, port: UInt16, path: String) throws {
    let url = try UpstreamURL(text)
    #expect(url.description == spelled)
    #expect(url.host == host)
    #expect(url.port == port)
    #expect(url.path == path)
  }

  @Test(
    "bad URLs",
    arguments: [
      ("api.openai.com", "does not begin with"), ("ftp://h", "does not begin with"),
      ("https://", "has no host"), ("https:///v1", "has no host"),
      ("https://key@h", "carries credentials"), ("https://h:0", "port"),
      ("https://h:65536", "port"), ("https://h:", "port"), ("https://h:+80", "port"),
      ("https://h?x=1", "query"), ("https://h/#a", "fragment"), ("https://h/a b", "space"),
      ("https://h\r\nx: y", "space"), ("https://hö", "space"), ("https://::1", "port"),
      ("https://[::1", "brackets"), ("https://[h]", "brackets"), ("https://[::1]x", "brackets"),
      ("https://-h", "no name"), ("https://a_b*c", "no name"),
    ])
  func badURLs(text: String, reason: String) {
    let refusal = #expect(throws: SettingRefusal.self) { try UpstreamURL(text) }
    #expect(refusal?.reason?.contains(reason) == true, "\(refusal?.reason ?? "-")")
  }

  @Test("the authority names the port only where it is not the scheme's own")
  func authority() throws {
    #expect(try UpstreamURL("https://h:443").authority == "h")
    #expect(try UpstreamURL("https://h:80").authority == "h:80")
    #expect(try UpstreamURL("http://[::1]:8080").authority == "[::1]:8080")
  }

  @Test(
    "header values cannot begin another header",
    arguments: ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\u{7f}", "\u{1}", " a", "a ", ""])
  func badHeaderValues(text: String) {
    #expect(parse(SettingKind<Secret>.headerValue, text) == nil)
  }

  @Test("header values are any other bytes", arguments: ["Bearer x", "a\tb", "é", "{\"a\":1}"])
  func headerValues(text: String) {
    #expect(parse(SettingKind<Secret>.headerValue, text)?.bytes == Array(text.utf8))
  }

  @Test(
    "headers that frame a message are the relay's own",
    arguments: ["Host", "content-length", "Transfer-Encoding", "connection", "a b", "a:", "", "é"])
  func badHeaderNames(text: String) {
    #expect(parse(.headerName(rewritable: true), text) == nil)
  }

  @Test(
    "other header names may be set", arguments: ["authorization", "X-Api-Key", "a!#$%&'*+.^_`|~"])
  func headerNames(text: String) {
    #expect(parse(.headerName(rewritable: true), text) == text)
  }

  @Test(
    "what a limit counts by",
    arguments: [
      ("none", LimitSettings.Key.none), ("route", .route), ("model", .model),
      ("client", .client), ("header:Authorization", .header("authorization")),
      ("header:", nil), ("header:a b", nil), ("key", nil),
    ] as [(String, LimitSettings.Key?)])
  func limitKeys(text: String, expected: LimitSettings.Key?) {
    #expect(parse(SettingKind<LimitSettings.Key>.limitKey, text) == expected)
  }

  @Test("a hashed key has 64 hexadecimal digits, and case does not matter")
  func hashedKeys() {
    let digits = String(repeating: "aB", count: 32)
    #expect(parse(.limitKeyValue, "sha256:" + digits) == "sha256:" + digits.lowercased())
    #expect(parse(.limitKeyValue, "sha256:" + digits.dropLast()) == nil)
    #expect(parse(.limitKeyValue, "sha256:" + digits.dropLast() + "g") == nil)
    #expect(parse(.limitKeyValue, "gpt-4o") == "gpt-4o")
  }

  @Test("a secret shows itself nowhere")
  func secrets() {
    let secret = Secret(bytes: Array("sk-planted".utf8))
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped] {
      #expect(!text.contains("planted"))
      #expect(!text.contains("115"))
    }
  }

  @Test(
    "strings are spelled so that they read back", arguments: ["", "a\"b\\c", "\n\r\t\0\u{7f}é🌊"])
  func quoting(text: String) throws {
    let value = try JSON5Reader.read(Array(quoted(text).utf8))
    #expect(value.content == .string(text))
  }
}
