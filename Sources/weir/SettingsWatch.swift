// Notices that the files which settings came from have changed, for `--watch-config`: in a
// Kubernetes pod nobody can send SIGHUP, and kubelet swaps a mounted ConfigMap by a symbolic link.

import Glibc
import IO

/// Looks at the files every two seconds: that follows links and works on every file system, where
/// inotify would have to watch each link and folder on the way.
final class SettingsWatch: TimerOwner {
  private let loop: EventLoop
  private var seen: [String: FileStamp?] = [:]
  private var timer: LoopTimer?
  private let changed: () -> Void

  private static let interval = Duration.seconds(2)

  /// Calls `changed` on the loop when a file of `files` is another than it was, until `refresh`.
  init(_ files: [String], on loop: EventLoop, changed: @escaping () -> Void) {
    self.loop = loop
    self.changed = changed
    follow(files)
    let timer = LoopTimer(on: loop, owner: self)
    timer.set(loop.now + Self.interval)
    self.timer = timer
  }

  /// Watches these files from now on; those that it watched already as they were then.
  func follow(_ files: [String]) {
    let known = seen
    seen = [:]
    for file in files { seen[file] = known[file] ?? FileStamp(of: file) }
  }

  /// Takes the files as they are now. To be called before they are read again: what changes in
  /// between is then seen as a change.
  func refresh() {
    for file in Array(seen.keys) { seen[file] = FileStamp(of: file) }
  }

  func timerFired(_ timer: LoopTimer) {
    timer.set(loop.now + Self.interval)
    let isSame = seen.allSatisfy { file, stamp in FileStamp(of: file) == stamp }
    if !isSame { changed() }
  }
}

/// What tells one state of a file from the next.
private struct FileStamp: Equatable {
  let device: UInt
  let node: UInt
  let size: Int
  /// When it was changed: the bytes of a timespec.
  let time: [UInt8]

  /// nil where there is no such file.
  init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt(status.st_dev)
    node = UInt(status.st_ino)
    size = Int(status.st_size)
    time = withUnsafeBytes(of: status.st_mtim) { Array($0) }
  }
}
