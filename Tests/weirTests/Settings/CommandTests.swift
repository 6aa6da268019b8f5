// Goal: arguments are understood as documented, and what is wrong with them is said in one line.
// Method: tables of arguments.

import IO
import Testing

@testable import weir

private func parse(
  _ line: String, environment: [String: String] = [:]
) -> Result<Command, UsageError> {
  Result { () throws(UsageError) in
    try Command.parse(line.split(separator: " ").map(String.init), environment: environment)
  }
}

private func run(_ flags: [(String, String)], config: String? = nil) -> RunArguments {
  RunArguments(config: config, flags: flags.map { FlagValue(flag: $0.0, text: $0.1) })
}

struct CommandTests {
  @Test(
    "commands",
    arguments: [
      ("--upstream http://h", .run(run([("--upstream", "http://h")]))),
      ("run --config f --loops=2", .run(run([("--loops", "2")], config: "f"))),
      ("run --watch-config", .run(RunArguments(watchesConfig: true))),
      ("run --takeover /s", .run(RunArguments(takeover: "/s"))),
      ("run --upstream=http://h/?a=b", .run(run([("--upstream", "http://h/?a=b")]))),
      (
        "run --listen :1 --listen :2",
        .run(run([("--listen", ":1"), ("--listen", ":2")]))
      ),
      ("demo", .demo(seconds: nil)), ("demo --seconds 5", .demo(seconds: 5)),
      ("check --config f --print", .check(RunArguments(config: "f"), print: true)),
      ("check --upstream http://h", .check(run([("--upstream", "http://h")]), print: false)),
      ("observe", .observe(ObserveArguments())),
      (
        "observe body --content-type text/event-stream --path /v1 --content-encoding gzip "
          + "--status 429",
        .observe(
          ObserveArguments(
            file: "body", contentType: "text/event-stream", path: "/v1",
            contentEncoding: "gzip", status: 429))
      ),
      ("observe -", .observe(ObserveArguments())),
      ("observe -- --odd", .observe(ObserveArguments(file: "--odd"))),
      (
        "simulate --listen 127.0.0.1:1 --replay d --certificate c --key k",
        .simulate(
          SimulateArguments(
            listen: .loopback(port: 1), replay: "d",
            tls: SimulateArguments.TLSFiles(certificate: "c", key: "k")))
      ),
      ("top", .top(TopArguments())),
      (
        "top --admin 127.0.0.1:5 --once",
        .top(TopArguments(admin: .loopback(port: 5), once: true))
      ),
      ("healthcheck", .healthcheck(admin: .loopback(port: 9347))),
      ("healthcheck --admin 127.0.0.1:5", .healthcheck(admin: .loopback(port: 5))),
      ("reload", .reload(admin: .loopback(port: 9347))),
      ("drain --admin 127.0.0.1:5", .drain(admin: .loopback(port: 5))),
      ("help", .help(.overview)), ("--help", .help(.overview)), ("-h", .help(.overview)),
      ("help run", .help(.command(.run))), ("run --help", .help(.command(.run))),
      ("help settings", .help(.settings(.text))),
      ("help settings --format markdown", .help(.settings(.markdown))),
      ("version", .version), ("--version", .version), ("", .help(.overview)),
    ] as [(String, Command)])
  func commands(line: String, expected: Command) throws {
    #expect(try parse(line).get() == expected)
  }

  @Test(
    "mistakes",
    arguments: [
      ("rum", "weir: there is no command \"rum\"; is `weir run` meant?"),
      (
        "start",
        "weir: there is no command \"start\"; allowed: run, demo, check, observe, simulate, top, "
          + "healthcheck, reload, drain, help, version"
      ),
      ("--upstraem http://h", "weir run: there is no flag --upstraem; is --upstream meant?"),
      ("run --max_streams 1", "weir run: there is no flag --max_streams; is --max-streams meant?"),
      ("run --wibble", "weir run: there is no flag --wibble; see `weir help run`"),
      ("demo --wibble", "weir demo: there is no flag --wibble; allowed: --seconds"),
      ("version --all", "weir version: there is no flag --all; it takes none"),
      ("run --loops", "weir run: --loops needs a value: --loops N"),
      ("run --config", "weir run: --config needs a value: --config FILE"),
      ("run --loops 1 --loops 2", "weir run: --loops is given twice; give it once"),
      ("check --print --print", "weir check: --print is given twice; give it once"),
      ("check --print=yes", "weir check: --print takes no value"),
      ("run file", "weir run: there is no place for \"file\"; see `weir help run`"),
      (
        "demo --seconds 0",
        "--seconds: \"0\" is not allowed; allowed: a whole number from 1 to 86400"
      ),
      (
        "healthcheck --admin here",
        "--admin: \"here\" is not an address; allowed: 127.0.0.1:9346, [::1]:9346, :9346 (every "
          + "interface), or unix:/path"
      ),
      ("observe a b", "weir observe: it reads one file; 2 are given"),
      ("simulate --key k", "weir simulate: --certificate and --key need each other"),
      ("help setings", "weir help: there is nothing on \"setings\"; is settings meant?"),
      (
        "help settings --format pdf",
        "weir help: --format: \"pdf\" is unknown; allowed: text, markdown, example"
      ),
    ])
  func mistakes(line: String, expected: String) {
    guard case .failure(let error) = parse(line) else {
      Issue.record("accepted: \(line)")
      return
    }
    #expect(error.description == expected)
  }

  @Test("without arguments, variables decide whether there is something to run")
  func variables() throws {
    #expect(try parse("", environment: ["WEIR_UPSTREAM": "http://h"]).get() == .run(RunArguments()))
    #expect(try parse("", environment: ["WEIR_CONFIG": "f"]).get() == .run(RunArguments()))
    #expect(try parse("", environment: ["WEIR_CONFIG": ""]).get() == .help(.overview))
  }

  @Test("the admin address comes from a variable too, and the flag wins")
  func adminVariable() throws {
    let environment = ["WEIR_ADMIN": "127.0.0.1:7"]
    #expect(
      try parse("healthcheck", environment: environment).get()
        == .healthcheck(admin: .loopback(port: 7)))
    let flagged = try parse("healthcheck --admin 127.0.0.1:8", environment: environment).get()
    #expect(flagged == .healthcheck(admin: .loopback(port: 8)))
    guard case .failure(let error) = parse("healthcheck", environment: ["WEIR_ADMIN": "off"]) else {
      Issue.record("accepted an admin port that is off")
      return
    }
    #expect(error.description.hasPrefix("WEIR_ADMIN: \"off\" is not an address"))
  }
}
