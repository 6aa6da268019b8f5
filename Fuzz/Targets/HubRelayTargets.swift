// What clients say to the hub, through a whole relay on the fake kernel: requests under /weir/, and
// messages and frames on its WebSocket. Whatever comes, weir answers in its grammar and gives
// everything back.

internal import FakeKernel
internal import Hub
internal import Relay
internal import RelayWorld
internal import Wire

private let events = (1...5).map { "data: {\"n\":\($0)}\n\n" }.joined()

/// A relay that keeps one stream, of which its maker has five events.
private func keeping() -> (stage: RelayHarness, name: [UInt8]) {
  do {
    let options = RelayOptions.scenario { options in
      options.routes[0].hub = RouteHub()
      options.hub.bounds.retainNanoseconds = 60_000_000_000
    }
    let stage = try RelayHarness(options)
    let upstream = try stage.upstream()
    let maker = stage.client("GET /s HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer a\r\n\r\n")
    stage.settle()
    upstream[0].send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(events.utf8.count)"
        + "\r\n\r\n\(events)")
    stage.settle()
    let parts = maker.text.split(separator: "x-weir-stream: ")
    return (stage, Array((parts.last ?? "").utf8.prefix(32)))
  } catch {
    violated("the relay does not start", error, "")
  }
}

/// `input` with each `@` in place of which the stream's name stands.
private func named(_ input: some Sequence<UInt8>, _ name: [UInt8]) -> [UInt8] {
  input.flatMap { $0 == UInt8(ascii: "@") ? name : [$0] }
}

private func expectClean(_ stage: RelayHarness, _ received: [UInt8]) {
  let faults = stage.end()
  if !faults.isEmpty { violated("something was left", faults, latin(received)) }
}

/// Requests as they come over a connection.
func fuzzHubRequests(_ input: UnsafeRawBufferPointer) {
  let (stage, name) = keeping()
  let client = stage.client()
  client.send(named(input, name))
  stage.run(for: .seconds(20))
  let text = client.text
  if !text.isEmpty, !text.hasPrefix("HTTP/1.1 ") { violated("weir answered", text, "") }
  expectClean(stage, client.received)
}

/// Messages, one for each line; or, where the first byte says so, frames as they come.
func fuzzHubSocket(_ input: UnsafeRawBufferPointer) {
  guard let first = input.first else { return }
  let (stage, name) = keeping()
  let client = stage.client(
    "GET /weir/ws HTTP/1.1\r\nHost: weir\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Authorization: Bearer a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      + "Sec-WebSocket-Version: 13\r\n\r\n")
  stage.settle()
  let rest = Array(input.dropFirst())
  if first == UInt8(ascii: "#") {
    client.send(rest)
  } else {
    for line in rest.split(separator: 10).prefix(50) {
      var frame: [UInt8] = []
      FrameWriter.append(.text, named(line, name).span, mask: MaskingKey(0x1234_5678), to: &frame)
      client.send(frame)
    }
  }
  stage.run(for: .seconds(2))
  checkMessages(client.received)
  expectClean(stage, client.received)
}

/// All that came is a head, then whole frames; each message is an object with a type.
private func checkMessages(_ received: [UInt8]) {
  let parts = latin(received).split(separator: "\r\n\r\n", maxSplits: 1)
  guard parts.first?.hasPrefix("HTTP/1.1 101 ") == true else {
    violated("a handshake was answered", latin(received), "")
  }
  let frames = Array(received.dropFirst(parts[0].utf8.count + 4))
  do throws(FrameError) {
    try readMessages(frames)
  } catch {
    violated("a frame of weir's is none", error, latin(frames))
  }
}

private func readMessages(_ bytes: [UInt8]) throws(FrameError) {
  var reader = MessageReader(from: .server, limitBytes: 1 << 24)
  var position = 0
  while true {
    switch try reader.next(bytes.span, &position) {
    case .needMore, .close: return
    case .text:
      guard let document = JSONDocument(reader.message),
        document.members(of: document.root).first?.name == "type"
      else { violated("a message is none", latin(reader.message), "") }
    case .binary, .ping, .pong: break
    }
  }
}
