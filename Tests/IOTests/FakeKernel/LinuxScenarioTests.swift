// Whether Linux answers the scenarios as they say it does.

internal import IO
internal import Testing

@Suite struct LinuxScenarioTests {
  // Goal: what the scenarios expect is what Linux does, so that the fake kernel stays honest.
  // Method: play each scenario on loopback. A wait that expects nothing gives up after 20 ms.
  @Test(arguments: scenarios)
  func linuxAnswersAsExpected(_ scenario: Scenario) throws {
    let stage = try Stage(kernel: LinuxKernel(), patience: .milliseconds(20))
    try scenario.play(stage)
    #expect(stage.transcript == scenario.expected)
    stage.end()
  }
}
