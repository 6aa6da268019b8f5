// Goal: a run measures what its command line asks for, with the configurations that are written.
// Method: command lines and templates, and what becomes of them.

import IO
import Testing

@testable import weir_bench

@Suite struct SetupTests {
  private static func place(authority: String?) -> Placement {
    Placement(
      directory: "/d", listen: .loopback(port: 1), upstream: .loopback(port: 2),
      authority: authority)
  }

  @Test func `placeholders are filled and lines chosen by the provider's kind`() {
    let template = "a {listen}\n  #plain b {upstream}\n  #tls c {ca}\n# d {scheme}\n"
    #expect(
      Self.place(authority: nil).fill(template)
        == "a 127.0.0.1:1\n  b 127.0.0.1:2\n  #tls c \n# d http\n")
    #expect(
      Self.place(authority: "/ca").fill(template)
        == "a 127.0.0.1:1\n  #plain b 127.0.0.1:2\n  c /ca\n# d https\n")
  }

  @Test func `weir is told of the authority only with TLS`() {
    let target = Target.weir(name: "weir", path: "w", arguments: nil)
    let plain = Self.place(authority: nil).fill(target.command)
    #expect(
      plain == [
        "w", "run", "--upstream", "http://127.0.0.1:2", "--listen", "127.0.0.1:1", "--admin",
        "off", "--loops", "1", "--log-to", "off",
      ])
    let secure = Self.place(authority: "/ca").fill(target.command)
    #expect(secure[3] == "https://127.0.0.1:2")
    #expect(
      secure.suffix(4) == ["--upstream-ca", "/ca", "--upstream-server-name", "localhost"])
  }

  @Test func `a program is looked for in PATH, whatever stands before its name`() {
    #expect(Target(name: "a", kind: .peer, command: ["env", "A=b", "sh", "-c"]).isInstalled)
    #expect(Target(name: "b", kind: .peer, command: ["/bin/sh"]).isInstalled)
    #expect(
      !Target(name: "c", kind: .peer, command: ["env", "A=b", "no-such-program"]).isInstalled)
    #expect(Target.direct.isInstalled)
  }

  @Test func `two loops may run on either core`() {
    let target = Target.weir(name: "weir", path: "w", arguments: nil).with(loops: 2)
    #expect(target.command.starts(with: ["taskset", "-c", "0,1", "w", "run"]))
    #expect(target.command.contains("2") && !target.command.contains("1"))
  }

  @Test func `options are taken as they are written`() throws {
    let options = try Options([
      "--quick", "--weir", "old=/a/weir", "--weir", "/b/weir", "--only", "idle,flat",
      "--peers", "none", "--rounds", "2",
    ])
    #expect(options.weirs.map(\.name) == ["old", "weir"])
    #expect(options.weirs.map(\.path) == ["/a/weir", "/b/weir"])
    #expect(options.scenarios == [.idle, .flat])
    #expect(options.peers.isEmpty)
    #expect(options.rounds == 2)
    #expect(options.sizes.pacedStreams == 50)
  }

  @Test(arguments: [
    ["--rounds"], ["--rounds", "0"], ["--rounds", "many"], ["--peers", "nginx,apache"],
    ["--no-such-thing", "1"],
  ])
  func `a wrong command line is refused`(arguments: [String]) {
    #expect(throws: BenchError.self) { try Options(arguments) }
  }

  @Test func `a head's end and its body's length are found`() throws {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nbody"
    let head = Array(text.utf8).withUnsafeBytes { MessageHead($0) }
    #expect(head?.end == text.utf8.count - 4)
    #expect(head?.contentLength == 12)
    #expect(head?.closes == true)
    #expect(head?.isChunked == false)
    let part = Array(text.utf8.prefix(57)).withUnsafeBytes { MessageHead($0) }
    #expect(part == nil)
  }
}
