// A simulated provider on a fake kernel, and clients that a script drives: the clock stands still
// but where the script moves it.

internal import FakeKernel
internal import Foundation
internal import IO
@testable internal import Simulator
internal import Testing
internal import Wire

final class ProviderStage {
  let world: FakeWorld
  let loop: EventLoop
  let provider: SimulatedProvider
  private var listener: Listener?
  let address: SocketAddress

  init(
    seed: UInt64 = 1, weather: Weather = .calm, folder: RecordingFolder? = nil,
    traceDepth: Int = 4096
  ) throws {
    let world = FakeWorld(seed: seed, weather: weather, traceDepth: traceDepth)
    let loop = try EventLoop(kernel: world.kernel)
    let provider = SimulatedProvider(on: loop, folder: folder)
    let sockets = try ListeningSockets.open(
      .loopback(port: 0), count: 1, backlog: 128, kernel: world.kernel)
    (self.world, self.loop, self.provider) = (world, loop, provider)
    address = sockets.address
    listener = try Listener(sockets.descriptors[0], on: loop) { descriptor, peer in
      provider.serve(descriptor, from: peer)
    }
    world.add(loop)
  }

  /// Closes what is open, so that what is left over afterwards is a leak.
  func end() {
    listener?.close()
    listener = nil
    provider.close()
  }

  func connect() -> FakePeer { world.connect(to: address) }

  /// A client that has sent `request` and was given `time` to hear the answer.
  @discardableResult
  func ask(_ request: String, for time: Duration = .seconds(10)) -> FakePeer {
    let client = connect()
    client.send(request)
    world.run(for: time)
    return client
  }

  /// The answer to one request.
  func answer(_ request: String, for time: Duration = .seconds(10)) throws -> ReceivedAnswer {
    try ReceivedAnswer(ask(request, for: time).received)
  }

  /// The sizes of all writes to clients so far.
  var writes: [Int] {
    world.trace.lines.compactMap { line in
      guard line.contains("  send("), let arrow = line.range(of: " -> ") else { return nil }
      return Int(line[arrow.upperBound...]).flatMap { $0 >= 0 ? $0 : nil }
    }
  }
}

/// Requests as clients send them.
enum Requests {
  /// `headers` are lines without their ends.
  static func post(
    _ path: String, _ headers: [String] = [], body: String = #"{"stream":true}"#
  ) -> String {
    let lines = ["POST \(path) HTTP/1.1", "host: sim", "content-length: \(body.utf8.count)"]
    return (lines + headers).joined(separator: "\r\n") + "\r\n\r\n" + body
  }

  static func get(_ path: String, _ headers: [String] = [], version: String = "1.1") -> String {
    (["GET \(path) HTTP/\(version)", "host: sim"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
  }

  /// A stream of generated events.
  static func events(_ count: Int, _ headers: [String] = []) -> String {
    get("/any", ["x-sim-events: \(count)"] + headers)
  }
}

/// What a client got, taken apart.
struct ReceivedAnswer {
  var interim: [ResponseHead] = []
  let head: ResponseHead
  /// The body with its framing.
  let wire: [UInt8]
  let payload: [UInt8]
  /// The size of each HTTP chunk; empty for other framings.
  let chunks: [Int]
  let trailer: String
  /// Whether the framing came to its end. For a body that ends with the connection, never.
  let isWhole: Bool
  /// What stands behind the answer.
  let rest: [UInt8]

  init(_ bytes: [UInt8], answeringHEAD: Bool = false) throws {
    var at = 0
    var head: ResponseHead
    repeat {
      let end = try #require(bytes[at...].firstRange(of: Array("\r\n\r\n".utf8))?.upperBound)
      head = try ResponseHead(parsing: Array(bytes[at..<end]), answeringHEAD: answeringHEAD)
      if head.isInformational { interim.append(head) }
      at = end
    } while head.isInformational
    self.head = head
    var reader = BodyReader(head.framing)
    var ranges: [Range<Int>] = []
    let body = Array(bytes[at...])
    let reading = reader.read(body.span, payload: &ranges)
    wire = Array(body[..<reading.consumed])
    rest = Array(body[reading.consumed...])
    payload = ranges.flatMap { body[$0] }
    isWhole = reading.state == .ended
    chunks = head.framing == .chunked ? ranges.map(\.count) : []
    let last = Array("\r\n0\r\n".utf8)
    let trailerStart = wire.lastRange(of: last)?.upperBound ?? wire.count
    trailer = String(decoding: wire[trailerStart...], as: UTF8.self)
  }

  func field(_ name: StaticString) -> String? {
    head.headers.first(name).map { head.headers.string($0) }
  }

  var text: String { String(decoding: payload, as: UTF8.self) }
}

extension [UInt8] {
  func lastRange(of other: [UInt8]) -> Range<Int>? {
    guard other.count <= count else { return nil }
    return stride(from: count - other.count, through: 0, by: -1)
      .first { self[$0..<$0 + other.count].elementsEqual(other) }
      .map { $0..<$0 + other.count }
  }
}
