// What requests may ask of the simulated provider, and what they are told when they may not.

@testable internal import Simulator
internal import Testing
internal import Wire

@Suite struct ScenarioTests {
  // Goal: every header is understood. Method: one request with each, in letters of any case.
  @Test func headersBecomeAScenario() throws {
    var expected = Scenario()
    expected.events = 100
    expected.eventBytes = 512
    expected.stamps = true
    expected.headDelay = .milliseconds(5)
    expected.ttft = .milliseconds(200)
    expected.gap = .microseconds(20)
    expected.chunking = .perWrite(32)
    expected.framing = .chunked
    expected.compresses = true
    expected.interim = 103
    expected.sendsTrailers = true
    expected.bodyReadDelay = .seconds(60)
    expected.fault = .reset
    expected.faultAfter = 7
    let found = try scenario([
      "X-Sim-Events: 100", "x-sim-event-bytes: 512", "x-sim-stamp: 1", "x-sim-head-delay: 5ms",
      "x-sim-ttft: 200ms", "X-SIM-GAP: 20us", "x-sim-chunking: 32-per-write",
      "x-sim-framing: chunked", "x-sim-encoding: gzip", "x-sim-interim: 103",
      "x-sim-trailers: 1", "x-sim-delay-body-read: 1m", "x-sim-fault: reset",
      "x-sim-fault-after: 7", "accept: */*",
    ])
    #expect(found == expected)
    #expect(try scenario([]) == Scenario())
    #expect(try scenario(["x-sim-replay: openai-chat/text.sse"]).replay == "openai-chat/text.sse")
    #expect(try scenario(["x-sim-chunking: random:9"]).chunking == .random(seed: 9))
    #expect(try scenario(["x-sim-status: 529", "x-sim-echo: 0"]).status == 529)
  }

  // Goal: a wrong value is answered with what is right, never guessed at.
  @Test(arguments: [
    ("x-sim-fault: explode", "x-sim-fault: 'explode' is not allowed; allowed: reset-before-head"),
    ("x-sim-ttft: 200", "x-sim-ttft: '200' is not allowed; allowed: a whole number with us"),
    ("x-sim-ttft: 1.5s", "x-sim-ttft: '1.5s' is not allowed"),
    ("x-sim-ttft: -1s", "x-sim-ttft: '-1s' is not allowed"),
    ("x-sim-ttft: 61m", "x-sim-ttft: '61m' is not allowed"),
    ("x-sim-ttft: 99999999999999999999s", "is not allowed"),
    ("x-sim-chunking: 0-per-write", "x-sim-chunking: '0-per-write' is not allowed; allowed: whole"),
    ("x-sim-chunking: random:", "x-sim-chunking: 'random:' is not allowed"),
    ("x-sim-status: 101", "x-sim-status: '101' is not allowed; allowed: 200 to 599"),
    ("x-sim-events: +1", "x-sim-events: '+1' is not allowed"),
    ("x-sim-replay: ../secret", "x-sim-replay: '../secret' is not allowed"),
    ("x-sim-replay: /etc/passwd", "x-sim-replay: '/etc/passwd' is not allowed"),
    ("x-sim-speed: 9", "x-sim-speed: no such header; there are: x-sim-replay, x-sim-events"),
    ("x-sim-stamp: 1", "x-sim-stamp and x-sim-event-bytes need x-sim-events"),
    ("x-sim-gap: 1ms\r\nx-sim-gap: 1ms", "x-sim-gap: given twice"),
    ("x-sim-fault-after: 2", "x-sim-fault-after needs an x-sim-fault inside the body: reset"),
    ("x-sim-events: 0\r\nx-sim-framing: length", "a body without end has no length"),
    ("x-sim-framing: close\r\nx-sim-trailers: 1", "trailers and garbage-chunk need chunked"),
    ("x-sim-events: 1\r\nx-sim-echo: 1", "only one can be answered"),
  ])
  func wrongValuesAreNamed(_ lines: String, _ message: String) throws {
    let error = #expect(throws: ScenarioError.self) { try scenario([lines]) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  // Goal: the help leaves nothing out. Method: every name of the tables occurs in it.
  @Test func helpNamesEverything() {
    let help = SimulatorHelp.text
    for field in ScenarioField.allCases { #expect(help.contains("  \(field.rawValue) ")) }
    for fault in Fault.allCases { #expect(help.contains("  \(fault.rawValue) ")) }
    for recording in BuiltInRecordings.all { #expect(help.contains("  \(recording.name)\n")) }
    #expect(!help.split(separator: "\n").contains { $0.count > 130 })
  }

  private func scenario(_ headers: [String]) throws -> Scenario {
    try Scenario(of: RequestHead(parsing: Array(Requests.get("/", headers).utf8)))
  }
}
