// The admin port on a kernel and a clock that a test owns, with loops that lend what the test says.

import Connections
import FakeKernel
import IO
import Testing
import Wire

@testable import Admin
@testable import Relay
@testable import Telemetry

final class AdminStage {
  static let address = SocketAddress.loopback(port: 9347)

  let world: FakeWorld
  let loop: EventLoop
  let board: StatusBoard
  private(set) var feed: EventFeed!
  /// How often the loops were asked.
  private(set) var looks = 0
  /// What they lend from now on.
  var lent = [LoopStreams(loop: 0, requestIDs: .first)]
  /// Whether a look that is asked for comes to its end.
  var answersLooks = true
  private var pages: StatusPages!
  private var server: AdminServer!
  private var listener: Listener!

  init(_ weather: Weather = .calm) throws {
    world = FakeWorld(seed: 1, weather: weather)
    loop = try EventLoop(kernel: world.kernel)
    let identity = StatusIdentity(version: "1.2.3", commit: "abc", loops: 1)
    board = StatusBoard(identity, start: world.now)
    let look = { [unowned self] (completion: @escaping () -> Void) in self.look(completion) }
    feed = EventFeed(on: loop, board: board, look: look)
    pages = StatusPages(on: loop, board: board, feed: feed, look: look)
    let server = AdminServer(on: loop, pages: pages.all)
    self.server = server
    let sockets = try ListeningSockets.open(
      Self.address, count: 1, backlog: 128, kernel: world.kernel)
    listener = try Listener(sockets.descriptors[0], on: loop) { server.serve($0, from: $1) }
    world.add(loop)
  }

  private func look(_ completion: @escaping () -> Void) {
    looks += 1
    guard answersLooks else { return }
    board.take(lent, StatusFigures(), limits: [], at: world.now)
    for place in lent.indices { lent[place].ended = [] }
    completion()
  }

  /// A client that asks for `target`.
  func ask(
    _ target: String, host: String = "localhost:9347", method: String = "GET",
    version: String = "1.1", _ fields: String = ""
  ) -> FakePeer {
    let client = world.connect(to: Self.address)
    client.send("\(method) \(target) HTTP/\(version)\r\nHost: \(host)\r\n\(fields)\r\n")
    return client
  }

  /// Lets the clock run; a loop that spins fails the test.
  func run(for duration: Duration) { #expect(world.run(for: duration) != .livelock, "\(world)") }
}

extension FakePeer {
  var text: String { String(decoding: received, as: UTF8.self) }

  var status: Int? { text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }

  /// What follows the head.
  var body: String { text.components(after: "\r\n\r\n") }

  /// The names of the events received so far, as a parser of server-sent events finds them, and
  /// comments as `:`.
  var events: [String] {
    let bytes = Dechunked(received).body
    var names: [String] = []
    var parser = EventParser()
    var position = 0
    while let token = parser.next(bytes.span, from: &position) {
      switch token {
      case .event: names.append(String(decoding: parser.name, as: UTF8.self))
      case .comment: names.append(":")
      default: break
      }
    }
    return names
  }
}

/// A body, its chunk framing taken off by the parser that weir's own connections use.
struct Dechunked {
  let body: [UInt8]

  init(_ message: [UInt8]) {
    let text = String(decoding: message, as: UTF8.self)
    let head = text.prefix(upTo: text.firstIndex(of: "\r\n\r\n", else: text.endIndex))
    let payload = Array(message.dropFirst(head.utf8.count + 4))
    guard head.contains("Transfer-Encoding: chunked") else {
      body = payload
      return
    }
    var reader = BodyReader(.chunked)
    var ranges: [Range<Int>] = []
    _ = reader.read(payload.span, payload: &ranges)
    body = ranges.flatMap { Array(payload[$0]) }
  }
}

extension String {
  func firstIndex(of part: String, else other: Index) -> Index {
    firstRange(of: part)?.lowerBound ?? other
  }

  func components(after part: String) -> String {
    firstRange(of: part).map { String(self[$0.upperBound...]) } ?? ""
  }
}

extension RequestIDs {
  static let first = RequestIDs(prefix: 0xABCD_0123)
  /// Of requests that have ended.
  static let ended = RequestIDs(prefix: 0xE)
}

extension StreamReading {
  /// A stream that has gone on for a while.
  static func streaming(
    _ number: Int, model: String = "gpt-4o", age: Duration = .seconds(4), events: Int = 0
  ) -> StreamReading {
    var reading = StreamReading(
      number: number, route: "chat", upstream: "openai", provider: "openai", operation: "chat",
      model: Array(model.utf8), state: .streaming, isStream: true, age: age.wholeNanoseconds,
      bytesUp: 120, bytesDown: UInt64(events * 100), backpressureEvents: 0)
    reading.events = events
    reading.contentEvents = events
    return reading
  }
}
