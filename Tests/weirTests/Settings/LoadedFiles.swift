// Settings files for the tests: loaded without a file system, and what is wrong with them.

@testable import weir

struct NoSuchFile: Error, CustomStringConvertible {
  var description: String { "No such file or directory" }
}

func load(
  _ file: String? = nil, environment: [String: String] = [:], flags: [(String, String)] = [],
  files: [String: String] = [:]
) -> Result<LoadedSettings, SettingsErrors> {
  var files = files
  files["w.json5"] = file
  let arguments = RunArguments(
    config: file == nil ? nil : "w.json5",
    flags: flags.map { FlagValue(flag: $0.0, text: $0.1) })
  return Settings.load(arguments: arguments, environment: environment) { path in
    guard let text = files[path] else { throw NoSuchFile() }
    return Array(text.utf8)
  }
}

func errors(_ result: Result<LoadedSettings, SettingsErrors>) -> [String] {
  if case .failure(let errors) = result { errors.all.map(\.description) } else { [] }
}

/// A file that is valid, with more settings at its end.
func file(_ more: String = "", upstream: String = "", route: String = "") -> String {
  """
  { upstreams: { u: { url: "http://h", \(upstream) } },
    routes: [{ name: "r", upstream: "u", \(route) }],
    \(more) }
  """
}
