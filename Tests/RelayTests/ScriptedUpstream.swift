// A provider that does what a test says, byte for byte, and the words in which tests read what
// either side received.

internal import FakeKernel
internal import IO

final class ScriptedUpstream {
  let listener: FakeListener

  init(in world: FakeWorld, port: UInt16) throws {
    let reads = Switch()
    listener = try world.listen(on: .loopback(port: port)) { $0.isReading = reads.isOn }
    self.reads = reads
  }

  private final class Switch {
    var isOn = true
  }

  private let reads: Switch

  /// Whether connections to come are read at first.
  var readsAtOnce: Bool {
    get { reads.isOn }
    set { reads.isOn = newValue }
  }

  /// Every connection that weir made, in order, closed ones included.
  var connections: [FakePeer] { listener.accepted }

  subscript(index: Int) -> FakePeer { connections[index] }

  func close() { listener.close() }
}

extension FakePeer {
  /// All that was received, as text.
  var text: String { String(decoding: received, as: UTF8.self) }

  /// All that was received since the last call.
  func takeText() -> String { String(decoding: takeReceived(), as: UTF8.self) }

  /// How the other side ended: nothing yet, properly, or by breaking off.
  var seenEnd: String { failure != nil ? "reset" : hasEnded ? "fin" : "open" }
}

/// `GET path` as a client would ask weir for it, and as the upstream of a scenario gets it.
enum Get {
  static func asked(_ path: String = "/", _ fields: String = "", version: String = "1.1") -> String
  {
    "GET \(path) HTTP/\(version)\r\nHost: weir\r\n\(fields)\r\n"
  }

  static func forwarded(_ path: String = "/", _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: up.test\r\n\(fields)\r\n"
  }
}

enum Post {
  static func asked(_ body: String, _ fields: String = "", path: String = "/") -> String {
    "POST \(path) HTTP/1.1\r\nHost: weir\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  static func forwarded(_ body: String, _ fields: String = "", path: String = "/") -> String {
    "POST \(path) HTTP/1.1\r\nHost: up.test\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// `200 OK` with a body of a stated length.
func ok(_ body: String, _ fields: String = "") -> String {
  "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// A head that announces chunks.
let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
