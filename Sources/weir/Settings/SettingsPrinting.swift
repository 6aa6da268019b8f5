// Shows the settings in force: for `weir check --print`, and as JSON for the admin port.

extension LoadedSettings {
  /// One line for each value, with where it came from; secrets are masked.
  var listing: String {
    let lines = effective.map { ("\($0.path): \($0.text)", $0.origin.description) }
    let width = min(72, lines.map(\.0.count).max() ?? 0)
    return lines.map { line, origin in
      line + String(repeating: " ", count: max(0, width - line.count)) + "  // \(origin)\n"
    }.joined()
  }

  /// A list of `{"setting", "value", "origin"}`; secrets are masked.
  var json: String {
    let objects = effective.map {
      "{\"setting\":\(quoted($0.path)),\"value\":\($0.text),"
        + "\"origin\":\(quoted($0.origin.description))}"
    }
    return "[\(objects.joined(separator: ","))]"
  }
}
