// Whether the fake kernel answers as Linux does.

internal import FakeKernel
internal import IO
internal import Testing

@Suite struct ScenarioTests {
  // Goal: in calm weather the fake kernel answers a script of calls as Linux answers it.
  // Method: play each scenario and compare the transcript with what Linux answered.
  @Test(arguments: scenarios)
  func fakeKernelAnswersAsLinux(_ scenario: Scenario) throws {
    let world = FakeWorld(seed: 1, weather: .calm)
    let stage = try Stage(kernel: world.kernel, patience: .zero)
    try scenario.play(stage)
    #expect(stage.transcript == scenario.expected)
    stage.end()
    #expect(world.leftovers == [])
  }
}
