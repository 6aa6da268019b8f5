// A reader's loop, as a log sees it, and how tests fill a log.

internal import Hub
internal import Synchronization
internal import TestSupport

/// Counts what it is told.
final class CountingListener: StreamListener {
  private let counts = Mutex<(grown: Int, stop: Int, released: Int)>((0, 0, 0))

  func hear(_ news: StreamNews, of id: StreamID) {
    counts.withLock { counts in
      switch news {
      case .grown: counts.grown += 1
      case .stop: counts.stop += 1
      case .released: counts.released += 1
      }
    }
  }

  var grown: Int { counts.withLock { $0.grown } }
  var stopped: Int { counts.withLock { $0.stop } }
  var released: Int { counts.withLock { $0.released } }
}

extension StreamCredential {
  static func key(_ text: String, cookie: String = "") -> StreamCredential {
    let (keys, cookies) = (Array(text.utf8), Array(cookie.utf8))
    return StreamCredential(keys: keys.span, cookie: cookies.span)
  }
}

/// A stream that a test writes.
final class WrittenStream {
  private var recorder: StreamRecorder
  let listener: CountingListener

  /// nil where the directory has no room for it.
  init?(
    in directory: StreamDirectory, _ framing: EventFraming = .serverSentEvents,
    of credential: StreamCredential = .key("k"), seed: UInt64 = 1
  ) {
    var random = SeededRandom(seed: seed)
    listener = CountingListener()
    let opened = directory.open(
      framing: framing, contentType: [], credential: credential, writer: listener,
      id: StreamID(using: &random))
    guard let opened else { return nil }
    recorder = opened
  }

  var log: StreamLog { recorder.log }

  @discardableResult
  func write(_ bytes: some Collection<UInt8>) -> Bool {
    let read = Array(bytes)
    return recorder.record(read.span)
  }

  @discardableResult
  func write(_ text: String) -> Bool { write(text.utf8) }

  func end(_ ending: StreamEnding = .whole, at now: UInt64 = 0) { recorder.end(ending, at: now) }
}

extension Subscription {
  /// All that there is to read now, and how it ends.
  mutating func readAll(atMost limit: Int = 4096) -> (bytes: [UInt8], last: String) {
    var bytes: [UInt8] = []
    while true {
      switch next(atMost: limit) {
      case .run(let run): run.append(to: &bytes)
      case .nothingYet: return (bytes, "more to come")
      case .ended(let ending): return (bytes, "\(ending)")
      case .lost(let loss): return (bytes, "\(loss)")
      }
    }
  }
}
