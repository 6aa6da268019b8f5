// A client of the hub's sockets, as a test speaks through it: commands as JSON texts, and what was
// heard as short lines.

internal import FakeKernel
internal import Foundation
internal import Relay
internal import RelayWorld
internal import Testing
internal import Wire

final class SocketClient {
  let peer: FakePeer
  private let stage: RelayHarness
  private var reader = MessageReader(from: .server, limitBytes: 1 << 26)
  private var received: [UInt8] = []
  private(set) var head = ""

  static func handshake(_ target: String = "/weir/ws", _ fields: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(fields)\r\n"
  }

  init(_ stage: RelayHarness, _ target: String = "/weir/ws", _ fields: String = "") {
    self.stage = stage
    peer = stage.client(Self.handshake(target, fields))
    stage.settle()
    received = peer.takeReceived()
    let end = received.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? received.count
    head = String(decoding: received[..<end], as: UTF8.self)
    received.removeFirst(end)
  }

  /// Sends a message and lets happen what follows.
  func say(_ text: String, opcode: Opcode = .text) {
    var bytes: [UInt8] = []
    FrameWriter.append(
      opcode, Array(text.utf8).span, mask: MaskingKey(0x0BAD_CAFE), to: &bytes)
    peer.send(bytes)
    stage.settle()
  }

  func say(close code: UInt16) {
    var bytes: [UInt8] = []
    FrameWriter.appendClose(CloseCode(rawValue: code), mask: MaskingKey(7), to: &bytes)
    peer.send(bytes)
    stage.settle()
  }

  /// What came since the last time, pings apart: each message as its object, `close` for a close.
  func messages() throws -> [[String: Any]] {
    let bytes = received + peer.takeReceived()
    received = []
    var (position, found): (Int, [[String: Any]]) = (0, [])
    while true {
      switch try reader.next(bytes.span, &position) {
      case .needMore: return found
      case .text:
        let object = try JSONSerialization.jsonObject(with: Data(reader.message))
        found.append(try #require(object as? [String: Any]))
      case .close(let code): found.append(["type": "close", "code": Int(code?.rawValue ?? 0)])
      case .binary, .ping, .pong: break
      }
    }
  }

  /// The same in lines: `chunk 3 text`, `done 3`, `error forbidden`, `close 1000`.
  func heard() throws -> [String] { try messages().map(Self.line) }

  static func line(_ message: [String: Any]) -> String {
    let type = message["type"] as? String ?? ""
    let number = { (key: String) in (message[key] as? Int).map { " \($0)" } ?? "" }
    switch type {
    case "chunk": return "chunk\(number("sequence"))\(number("offset")) \(message["data"] ?? "")"
    case "error":
      let error = message["error"] as? [String: Any]
      return "error \(error?["reason"] ?? "") \(message["status"] ?? "")"
        .trimmingCharacters(in: .whitespaces)
    case "gap": return "gap\(number("first"))\(number("last"))"
    case "close": return "close\(number("code"))"
    default: return type + number("sequence") + number("after")
    }
  }
}

/// `chunk` lines of the events that `events(_:from:)` writes.
func chunkLines(_ numbers: ClosedRange<Int>) -> [String] {
  numbers.map { "chunk \($0) {\"n\":\($0)}" }
}
