// The settings that weir runs with, and how new ones take their place: read from where the first came from,
// and in force only if there is nothing wrong with them.

import IO

/// Why new settings are not in force: a line for each mistake.
struct ReloadRefusal: Error {
  let reasons: String
}

/// Confined to the control thread.
final class SettingsInForce {
  private let arguments: RunArguments
  /// As they were read last.
  private(set) var loaded: LoadedSettings
  /// What holds of them: all but what takes a restart.
  private(set) var settings: Settings
  private var watch: SettingsWatch?

  init(_ arguments: RunArguments, _ loaded: LoadedSettings) {
    self.arguments = arguments
    self.loaded = loaded
    settings = loaded.settings
  }

  /// Calls `changed` when a file that they came from has changed, if that was asked for.
  func watchFiles(on loop: EventLoop, changed: @escaping () -> Void) {
    guard arguments.watchesConfig else { return }
    watch = SettingsWatch(loaded.files, on: loop, changed: changed)
  }

  /// Reads them again and returns what workers are to be told. A mistake changes nothing.
  func reload() throws(ReloadRefusal) -> WorkerOptions {
    watch?.refresh()
    let result = Settings.load(
      arguments: arguments, environment: ProcessEnvironment.variables,
      readFile: ProcessEnvironment.readFile)
    switch result {
    case .failure(let errors): throw ReloadRefusal(reasons: "\(errors)")
    case .success(let fresh): return try replace(by: fresh)
    }
  }

  private func replace(by fresh: LoadedSettings) throws(ReloadRefusal) -> WorkerOptions {
    do {
      let kept = fresh.settings.keepingStartup(of: settings)
      let options = try WorkerOptions(kept)
      (loaded, settings) = (fresh, kept)
      watch?.follow(fresh.files)
      return options
    } catch {
      throw ReloadRefusal(reasons: error.lines.joined(separator: "\n"))
    }
  }
}

extension Settings {
  /// Sockets stay as they were opened: what a reload may not change is taken from the old ones.
  fileprivate func keepingStartup(of old: Settings) -> Settings {
    var settings = self
    if settings.listen.map(\.address) != old.listen.map(\.address) {
      say("weir: listen has changed; that takes a restart (see --takeover)")
      settings.listen = old.listen
    }
    if settings.admin.listen != old.admin.listen || settings.loops != old.loops {
      say("weir: admin.listen or loops has changed; that takes a restart")
      settings.admin.listen = old.admin.listen
      settings.loops = old.loops
    }
    return settings
  }
}
