// The demo's clients: a few streams at a time, of every dialect, some of which go wrong.

import Connections
import IO
import Wire

/// Requests from a thread of its own, one after the other on each of a few lanes, until the
/// process ends.
final class DemoTraffic: Sendable {
  private let address: SocketAddress

  init(to address: SocketAddress) { self.address = address }

  func start() {
    let address = address
    _ = try? Thread.start("demo-traffic") {
      guard let loop = try? EventLoop(kernel: LinuxKernel(), eventsPerWait: 64) else { return }
      let lanes = (0..<10).map { DemoLane($0, to: address, on: loop) }
      withExtendedLifetime(lanes) { loop.run() }
    }
  }
}

/// One client after the other, each with a connection of its own.
private final class DemoLane: ResponseHandler, TimerOwner {
  private let address: SocketAddress
  private let loop: EventLoop
  private let supplies = ConnectionSupplies()
  private var turn: Int
  private var connector: Connector?
  private var connection: ClientConnection?
  private var timer: LoopTimer?

  init(_ number: Int, to address: SocketAddress, on loop: EventLoop) {
    self.address = address
    self.loop = loop
    turn = number
    timer = LoopTimer(on: loop, owner: self)
    timer?.set(loop.now + .milliseconds(40 * number))
  }

  func timerFired(_ timer: LoopTimer) {
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      guard case .success(let socket) = result else { return pause() }
      ask(over: socket)
    }
  }

  private func ask(over socket: ConnectedSocket) {
    let request = DemoRequest.all[turn % DemoRequest.all.count]
    turn += 1
    let stream = ByteStream(connected: socket, on: loop, tls: nil)
    let connection = ClientConnection(
      stream, to: address, headLimitBytes: 16 << 10, supplies: supplies)
    self.connection = connection
    connection.begin(self, isHEAD: false)
    let bytes = request.bytes
    connection.send(bytes.span)
  }

  private func pause() {
    connection?.close()
    connection = nil
    connector = nil
    timer?.set(loop.now + .milliseconds(150))
  }

  func responseHead(_ head: ResponseHead) {}
  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {}
  func responseReadEnded() {}
  func upstreamDrained() {}
  func responseEnded() { pause() }
  func responseFailed(_ failure: ResponseFailure) { pause() }
}

/// What the demo asks for, in turn.
private struct DemoRequest {
  var path: String
  var body: String
  var headers: [(name: String, value: String)] = []

  var bytes: [UInt8] {
    var writer = HeadWriter()
    writer.requestLine(method: "POST", target: path)
    writer.field("Host", "demo")
    writer.field("Content-Type", "application/json")
    writer.field("Content-Length", body.utf8.count)
    for header in headers { writer.field(Array(header.name.utf8), Array(header.value.utf8)) }
    writer.end()
    return writer.bytes + Array(body.utf8)
  }

  static let all: [DemoRequest] = [
    stream("/v1/chat/completions", "gpt-4o", [("x-sim-ttft", "220ms"), ("x-sim-gap", "30ms")]),
    stream("/v1/messages", "claude-sonnet-4", [("x-sim-ttft", "350ms"), ("x-sim-gap", "25ms")]),
    stream("/v1/responses", "gpt-4.1", [("x-sim-ttft", "180ms"), ("x-sim-gap", "15ms")]),
    stream("/api/chat", "llama3.2", [("x-sim-ttft", "60ms"), ("x-sim-gap", "40ms")]),
    DemoRequest(path: "/v1/chat/completions", body: #"{"model":"gpt-4o","messages":[]}"#),
    stream("/v1/chat/completions", "gpt-4o", [("x-sim-gap", "20ms"), ("x-sim-encoding", "gzip")]),
    stream("/v1/messages", "claude-sonnet-4", [("x-sim-ttft", "900ms"), ("x-sim-gap", "160ms")]),
    stream("/api/chat", "llama3.2", [("x-sim-ttft", "120ms"), ("x-sim-gap", "240ms")]),
    stream("/v1/responses", "gpt-4.1", [("x-sim-ttft", "1400ms"), ("x-sim-gap", "110ms")]),
    stream("/v1/chat/completions", "gpt-4o", [("x-sim-ttft", "300ms"), ("x-sim-gap", "200ms")]),
    stream("/v1/messages", "claude-sonnet-4", [("x-sim-status", "529")]),
    stream("/v1/messages", "claude-sonnet-4", [("x-sim-ttft", "500ms"), ("x-sim-gap", "75ms")]),
    stream(
      "/v1/chat/completions", "gpt-4o",
      [("x-sim-gap", "20ms"), ("x-sim-fault", "in-stream-error"), ("x-sim-fault-after", "4")]),
    stream(
      "/v1/messages", "claude-sonnet-4",
      [("x-sim-gap", "20ms"), ("x-sim-fault", "reset"), ("x-sim-fault-after", "5")]),
  ]

  private static func stream(
    _ path: String, _ model: String, _ headers: [(name: String, value: String)]
  ) -> DemoRequest {
    DemoRequest(
      path: path, body: #"{"model":"\#(model)","stream":true,"messages":[]}"#, headers: headers)
  }
}
