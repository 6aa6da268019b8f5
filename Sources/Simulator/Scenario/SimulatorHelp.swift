// What `weir simulate` can be asked for, as text for people; made of the tables that do it.

/// The help of the simulated provider, which it also gives at `GET /`.
package enum SimulatorHelp {
  package static let text: String = {
    var lines = [
      "A simulated LLM provider. It answers requests as the providers do, with recordings of its",
      "own, and lets each request choose timing, framing and faults by headers.",
      "", "Paths:",
    ]
    lines += table(
      ProviderAPI.allCases.map { ($0.examplePath, $0.meaning) })
    lines += ["", "Request headers:"]
    lines += table(ScenarioField.allCases.map { ($0.rawValue, $0.meaning) }) { field in
      ScenarioField(rawValue: field) == .fault
        ? nil : ScenarioField(rawValue: field).map { "allowed: \($0.allowed)" }
    }
    lines += ["", "Faults, for x-sim-fault:"]
    lines += table(Fault.allCases.map { ($0.rawValue, $0.meaning) })
    lines += ["", "Recordings, for x-sim-replay, beside those of a --replay folder:"]
    lines += BuiltInRecordings.all.map { "  " + $0.name }
    lines += [
      "", "Upgrade: websocket on any path is accepted, and every byte then comes back.", "",
    ]
    return lines.joined(separator: "\n")
  }()

  private static func table(
    _ rows: [(name: String, meaning: String)], note: (String) -> String? = { _ in nil }
  ) -> [String] {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.flatMap { row in
      let gap = String(repeating: " ", count: width - row.name.count + 2)
      let line = "  " + row.name + gap + row.meaning
      let indent = String(repeating: " ", count: width + 4)
      return [line] + (note(row.name).map { [indent + $0] } ?? [])
    }
  }
}
