// Files whole: templates, and what the kernel tells under /proc.

import Glibc

enum Files {
  /// nil if the file cannot be read.
  static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
      bytes += piece[..<count]
    }
  }

  static func write(_ text: String, to path: String) throws(BenchError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw failure("write", path) }
      rest = rest.dropFirst(count)
    }
  }

  /// A new directory below the system's for temporary files.
  static func makeTemporaryDirectory() throws(BenchError) -> String {
    var template = Array("/tmp/weir-bench.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw failure("mkdtemp", "/tmp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Workers of another user keep their temporary files below it.
    chmod(path, 0o755)
    return path
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names in a directory, dots left out; none if it cannot be read.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// Removes a directory and all that is below it.
  static func removeDirectory(_ path: String) {
    for name in names(in: path) {
      let below = "\(path)/\(name)"
      if unlink(below) != 0 { removeDirectory(below) }
    }
    rmdir(path)
  }

  private static func failure(_ call: String, _ path: String) -> BenchError {
    BenchError("\(call) \(path): \(String(cString: strerror(errno)))")
  }
}
