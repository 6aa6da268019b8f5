// A folder of recorded answers, with or without an index of their content types.

internal import Glibc

/// Why a folder or a file of it cannot be replayed.
package struct RecordingError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

/// What `--replay` names. Its files are read when they are first asked for.
package struct RecordingFolder: Sendable {
  package let path: String
  private let entries: [String: IndexEntry]

  /// Reads `index.json` where the folder has one; throws if that cannot be read or understood, or
  /// if there is no such folder.
  package init(path: String) throws(RecordingError) {
    self.path = path
    guard FileReader.isDirectory(path) else {
      throw RecordingError("\(path) is no folder")
    }
    let file = path + "/index.json"
    guard FileReader.exists(file) else {
      entries = [:]
      return
    }
    let index = try FileReader.bytes(of: file)
    do throws(IndexError) {
      entries = try IndexReader.read(index)
    } catch {
      throw RecordingError("\(file), byte \(error.offset): \(error.reason)")
    }
  }

  /// How many recordings the index names.
  package var indexedCount: Int { entries.count }

  /// Reads one file. Blocks for as long as the disk does.
  func recording(named name: String) throws(RecordingError) -> Recording {
    let file = path + "/" + name
    guard FileReader.exists(file), !FileReader.isDirectory(file) else {
      throw RecordingError("\(name): neither built in nor in \(path)")
    }
    let body: [UInt8] = try FileReader.bytes(of: file)
    let entry = entries[name]
    return Recording(
      name: name, contentType: entry?.contentType ?? Self.contentType(of: name),
      status: entry?.status ?? 200, body: body, isStream: entry?.isStream)
  }

  private static func contentType(of name: String) -> String {
    switch name.split(separator: ".").last {
    case "sse": "text/event-stream"
    case "ndjson": "application/x-ndjson"
    case "eventstream": "application/vnd.amazon.eventstream"
    case "json": "application/json"
    default: "application/octet-stream"
    }
  }
}

/// Whole files into memory.
private enum FileReader {
  /// Larger than any recorded answer; keeps a wrong name from filling the memory.
  static let limitBytes = 256 << 20

  static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

  static func isDirectory(_ path: String) -> Bool {
    guard let folder = opendir(path) else { return false }
    closedir(folder)
    return true
  }

  static func bytes(of path: String) throws(RecordingError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw RecordingError("\(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 * 1024)
    while bytes.count <= limitBytes {
      let count = read(descriptor, &block, block.count)
      if count == 0 { return bytes }
      guard count > 0 else { throw RecordingError("\(path): \(String(cString: strerror(errno)))") }
      bytes += block[..<count]
    }
    throw RecordingError("\(path): larger than \(limitBytes) bytes")
  }
}
