// Small scripts of system calls and what Linux answers to each: what the fake kernel must answer.

internal import Testing

struct Scenario: CustomTestStringConvertible, Sendable {
  let name: String
  let expected: [String]
  let play: @Sendable (Stage) throws -> Void

  var testDescription: String { name }

  init(
    _ name: String, expected: [String], _ play: @escaping @Sendable (Stage) throws -> Void
  ) {
    self.name = name
    self.expected = expected
    self.play = play
  }
}

let scenarios = Scenario.connections + Scenario.resets + Scenario.listeners + Scenario.readiness
