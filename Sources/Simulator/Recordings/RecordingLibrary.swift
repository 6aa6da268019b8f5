// One loop's recordings: the built-in ones, and those of a folder that were asked for so far.

final class RecordingLibrary {
  private let folder: RecordingFolder?
  private var loaded: [String: Recording] = [:]
  /// Whatever the folder holds, no more of it than this stays in memory.
  private static let mostLoaded = 1024

  init(folder: RecordingFolder?) { self.folder = folder }

  /// The folder's recording of that name, else the built-in one.
  func recording(named name: String) throws(RecordingError) -> Recording {
    if let recording = loaded[name] { return recording }
    do throws(RecordingError) {
      guard let folder else { throw RecordingError("\(name): no such recording is built in") }
      let recording = try folder.recording(named: name)
      if loaded.count == Self.mostLoaded { loaded.removeAll() }
      loaded[name] = recording
      return recording
    } catch {
      guard let builtIn = BuiltInRecordings.named(name) else { throw error }
      return builtIn
    }
  }
}
