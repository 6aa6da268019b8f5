// Finds the recorded provider responses, which live beside the package and are not part of it.

internal import Foundation

/// The recorded responses that tests replay where they are to be had.
package enum Corpus {
  /// The folder of recordings: `WEIR_CORPUS`, else `../shared/corpus` beside the package root, or
  /// nil where neither is there; a test then says that it skipped.
  package static let folder: String? = {
    if let named = ProcessInfo.processInfo.environment["WEIR_CORPUS"] {
      return isFolder(named) ? named : nil
    }
    let beside = packageRoot.deletingLastPathComponent().appendingPathComponent("shared/corpus")
    return isFolder(beside.path) ? beside.path : nil
  }()

  /// The bytes of one file of the corpus, nil where there is no corpus or no such file.
  package static func bytes(of file: String) -> [UInt8]? {
    guard let folder, let data = FileManager.default.contents(atPath: folder + "/" + file) else {
      return nil
    }
    return [UInt8](data)
  }

  /// What the index says of each recording; empty where there is no corpus.
  package static var entries: [[String: Any]] {
    guard let index = bytes(of: "index.json") else { return [] }
    return (try? JSONSerialization.jsonObject(with: Data(index)) as? [[String: Any]]) ?? []
  }

  /// Tests/TestSupport/Corpus.swift lies three levels under the root.
  private static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }
}
