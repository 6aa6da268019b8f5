// Clients of the hub's WebSocket that ask for what they may not have, talk nonsense, or take nothing: each is
// told why, and nobody else notices.

internal import Connections
internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing
internal import Wire

@Suite struct SocketFaultTests {
  // Goal: a stream is its maker's; who else asks is told so, and nobody notices.
  @Test func credentials() throws {
    let (stage, socket, upstream, id) = try SocketScenario.streaming()
    defer { stage.close() }
    let other = SocketClient(stage)
    other.say(#"{"type":"subscribe","stream":"\#(id)"}"#)
    other.say(#"{"type":"stop","stream":"\#(id)"}"#)
    other.say(#"{"type":"hello","headers":{"Authorization":"Bearer wrong"}}"#)
    other.say(#"{"type":"subscribe","stream":"\#(id)"}"#)
    other.say(#"{"type":"subscribe","stream":"00000000000000000000000000000000"}"#)
    other.say(#"{"type":"hello","headers":{"Authorization":"Bearer k"}}"#)
    other.say(#"{"type":"subscribe","stream":"\#(id)","after":2}"#)
    #expect(
      try other.heard() == [
        "error forbidden", "error forbidden", "ready", "error forbidden", "error unknown", "ready",
        "subscribed 2", "chunk 3 {\"n\":3}",
      ])
    upstream[0].send(chunk(events(1, from: 4)))
    stage.settle()
    #expect(try socket.heard() == chunkLines(4...4))
    #expect(stage.endings == [])
  }

  // Goal: what is no command is answered as a message, and the socket lives on.
  @Test(arguments: [
    ("{", "error bad_json"), ("[]", "error invalid_request"), ("{}", "error invalid_request"),
    (#"{"type":"dance"}"#, "error unknown_command"),
    (#"{"type":"start"}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","what":1}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x y"}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"a":"b\r\nc: d"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"a: b\r\nc":"d"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","headers":{"Content-Length":"5"}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","method":"CONNECT"}"#, "error invalid_request"),
    (#"{"type":"subscribe","stream":"nonsense"}"#, "error unknown"),
    (#"{"type":"subscribe","after":1}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","format":"raw","pacing":{}}"#, "error invalid_request"),
    (#"{"type":"start","path":"/x","pacing":{"chunk_chars":0}}"#, "error invalid_request"),
  ])
  func badCommands(_ text: String, _ answer: String) throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(text)
    #expect(try socket.heard() == [answer])
    #expect(upstream.connections.isEmpty)
    socket.say(#"{"type":"hello","id":"still here"}"#)
    #expect(try socket.messages().first?["id"] as? String == "still here")
    #expect(stage.endings == [])
  }

  // Goal: what `hello` brings can end no line either.
  @Test func badDefaults() throws {
    let (stage, upstream) = try SocketScenario.stage()
    defer { stage.close() }
    let socket = SocketClient(stage)
    socket.say(#"{"type":"hello","headers":{"Authorization":"a\r\nTransfer-Encoding: chunked"}}"#)
    socket.say(#"{"type":"start","path":"/x","body":{}}"#)
    #expect(try socket.heard() == ["ready", "error invalid_request"])
    #expect(upstream.connections.isEmpty)
  }

  // Goal: a socket ends with the code of RFC 6455, and its neighbour does not notice.
  @Test func badFrames() throws {
    let (stage, socket, upstream, _) = try SocketScenario.streaming(
      .keeping { $0.hub.socket.messageLimitBytes = 1_000 })
    defer { stage.close() }
    let (binary, long) = (SocketClient(stage), SocketClient(stage))
    binary.say("x", opcode: .binary)
    long.say(String(repeating: "x", count: 1_001))
    #expect(try binary.heard() == ["close 1003"])
    #expect(try long.heard() == ["close 1009"])
    let breaches: [(bytes: [UInt8], code: Int)] = [
      ([0x81, 0x01, 0x61], 1002),  // no mask
      ([0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007),  // no UTF-8
    ]
    for (bytes, code) in breaches {
      let client = SocketClient(stage)
      client.peer.send(bytes)
      stage.settle()
      #expect(try client.heard() == ["close \(code)"])
    }
    upstream[0].send(chunk(events(1, from: 4)))
    stage.settle()
    #expect(try socket.heard() == chunkLines(4...4))
  }

  // Goal: the bounds on readers hold for sockets: who is one too many is told so in a message, and
  // no request goes out whose answer nobody may read.
  @Test func tooManyReaders() throws {
    let (stage, socket, upstream, id) = try SocketScenario.streaming(
      .keeping {
        $0.hub.bounds.subscribers = 2
        $0.hub.bounds.streamSubscribers = 1
      })
    defer { stage.close() }
    let (other, third) = (SocketClient(stage), SocketClient(stage))
    for client in [other, third] {
      client.say(#"{"type":"hello","headers":{"Authorization":"Bearer k"}}"#)
      client.say(#"{"type":"subscribe","stream":"\#(id)","after":3}"#)
    }
    #expect(try other.heard() == ["ready", "subscribed 3"])
    #expect(try third.heard() == ["ready", "error stream_full"])
    third.say(SocketScenario.start)
    #expect(try third.heard() == ["error hub_full"])
    #expect(upstream.connections.count == 1)
    // Who pauses keeps its place.
    other.say(#"{"type":"pause"}"#)
    third.say(SocketScenario.start)
    #expect(try third.heard() == ["error hub_full"])
    other.say(#"{"type":"unsubscribe","stream":"\#(id)"}"#)
    third.say(#"{"type":"subscribe","stream":"\#(id)","after":3}"#)
    #expect(try third.heard() == ["subscribed 3"])
    upstream[0].send(chunk(events(1, from: 4)) + lastChunk)
    stage.settle()
    for client in [socket, third] { #expect(try client.heard() == chunkLines(4...4) + ["done 4"]) }
    other.say(#"{"type":"subscribe","stream":"\#(id)","after":3}"#)
    #expect(try other.heard() == ["unsubscribed", "subscribed 3"] + chunkLines(4...4) + ["done 4"])
  }

  // Goal: requests that wait for their answers take no more memory than one message may; when one has
  // begun there is room again.
  @Test func bodiesAreBounded() throws {
    let (stage, upstream) = try SocketScenario.stage(
      .keeping { $0.hub.socket.messageLimitBytes = 10_000 })
    defer { stage.close() }
    let socket = SocketClient(stage)
    let body = String(repeating: "x", count: 4_000)
    let start = #"{"type":"start","path":"/v1/x","body":"\#(body)"}"#
    for _ in 0..<3 { socket.say(start) }
    #expect(try socket.heard() == ["error too_many"])
    #expect(upstream.connections.count == 2)
    upstream[0].send(eventHead)
    stage.settle()
    socket.say(start)
    #expect(try socket.heard() == ["started"])
    #expect(upstream.connections.count == 3)
  }

  // Goal: what `hello` brings is kept as long as its socket, and so has a bound.
  @Test func helloIsBounded() throws {
    let (stage, _) = try SocketScenario.stage(.keeping { $0.server.headLimitBytes = 1_000 })
    defer { stage.close() }
    let socket = SocketClient(stage)
    for number in 0..<4 {
      let value = String(repeating: "v", count: 300)
      socket.say(#"{"type":"hello","headers":{"x-\#(number)":"\#(value)"}}"#)
    }
    #expect(try socket.heard() == ["ready", "ready", "ready", "error invalid_request"])
    socket.say(#"{"type":"hello","headers":{"x-0":"short"}}"#)
    #expect(try socket.heard() == ["ready"])
  }

  // Goal: a client that does not read holds up its own streams and their providers, within bounds,
  // and nobody else.
  @Test func clientThatDoesNotRead() throws {
    let (stage, socket, upstream, id) = try SocketScenario.streaming(
      .keeping {
        $0.hub.socket.queueLimitBytes = 32_768
        $0.hub.socket.pingInterval = .seconds(600)
        $0.server.slowClientTimeout = .seconds(60)
        $0.upstreams[0].idleTimeout = .seconds(600)
      })
    defer { stage.close() }
    let other = SocketClient(stage, "/weir/ws", "Authorization: Bearer k\r\n")
    other.say(#"{"type":"subscribe","stream":"\#(id)","after":3}"#)
    socket.peer.isReading = false
    let big = "data: \"" + String(repeating: "x", count: 1_000) + "\"\n\n"
    for _ in 0..<2_000 { upstream[0].send(chunk(big)) }
    var most = 0
    stage.run(for: .seconds(20)) {
      most = max(most, stage.relay.subscriberBytes)
      return false
    }
    #expect(most < 100_000)
    #expect(upstream[0].unsentByteCount > 0)
    socket.peer.isReading = true
    stage.run(for: .seconds(5))
    #expect(try socket.messages().count == 2_000)
    #expect(try other.messages().count == 2_001)
  }

  // Goal: a client that sends commands and never reads the answers holds weir to its bound and is cut in
  // the end; nobody else notices.
  @Test func clientThatOnlySends() throws {
    let (stage, socket, upstream, _) = try SocketScenario.streaming(
      .keeping {
        $0.hub.socket.queueLimitBytes = 32_768
        $0.hub.socket.pingInterval = .seconds(600)
        $0.server.slowClientTimeout = .seconds(30)
        $0.upstreams[0].idleTimeout = .seconds(600)
      })
    defer { stage.close() }
    let flood = SocketClient(stage)
    flood.peer.isReading = false
    var command: [UInt8] = []
    FrameWriter.append(
      .text, Array(#"{"type":"dance"}"#.utf8).span, mask: MaskingKey(1), to: &command)
    for _ in 0..<100 { flood.peer.send(Array(repeatElement(command, count: 1_000).joined())) }
    var most = 0
    stage.run(for: .seconds(29)) {
      most = max(most, stage.relay.subscriberBytes)
      return false
    }
    #expect(most > 32_768 && most < 34_000)
    #expect(flood.peer.unsentByteCount > 0)
    upstream[0].send(chunk(events(1, from: 4)))
    stage.run(for: .seconds(10))
    #expect(try socket.heard() == chunkLines(4...4))
    flood.peer.isReading = true
    stage.settle()
    #expect(flood.peer.seenEnd != "open")
  }

  // Goal: who may not, or asks wrongly, gets a status.
  @Test func refusedHandshakes() throws {
    let (stage, _) = try SocketScenario.stage(
      .keeping { $0.hub.crossOrigin.origins = [Array("https://a.b".utf8)] })
    defer { stage.close() }
    let cases = [
      ("Origin: https://evil.example\r\n", "403"), ("Origin: https://a.b\r\n", "101"),
      ("Origin: http://weir\r\n", "101"), ("", "101"),
    ]
    for (fields, status) in cases {
      #expect(SocketClient(stage, "/weir/ws", fields).head.hasPrefix("HTTP/1.1 \(status) "))
    }
    let plain = stage.client(Get.asked("/weir/ws"))
    let old = stage.client(
      SocketClient.handshake().replacing("Version: 13", with: "Version: 8"))
    stage.settle()
    #expect(plain.text.hasPrefix("HTTP/1.1 400 "))
    #expect(old.text.hasPrefix("HTTP/1.1 426 "))
    #expect(old.text.contains("Sec-WebSocket-Version: 13\r\n"))
  }
}
