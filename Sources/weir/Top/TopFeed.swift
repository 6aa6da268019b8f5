// The way of `weir top` to a weir: listens to its feed, and comes again when that breaks.

import Connections
import IO
import Wire

/// Tells what it hears until it is closed. Confined to its loop.
final class TopFeed: ResponseHandler, TimerOwner {
  enum News {
    case snapshot(TopSnapshot)
    case streams([TopStream], liveCount: Int)
    /// Nothing is heard, and why; it comes again in a second.
    case lost(String)
  }

  /// weir speaks once a second.
  private static let patience = Duration.seconds(6)
  private static let pauseBeforeNextTry = Duration.seconds(1)
  /// More than a thousand streams are no longer read by anybody, and each has to be parsed.
  private static let rows = 1000

  private let loop: EventLoop
  private let address: SocketAddress
  private let tell: (News) -> Void
  private let supplies = ConnectionSupplies()
  private var connector: Connector?
  private var connection: ClientConnection?
  private var timer: LoopTimer?
  private var parser = EventParser()
  private var data: [UInt8] = []
  private var refusal: Int?
  private var isWaiting = false

  init(of address: SocketAddress, on loop: EventLoop, tell: @escaping (News) -> Void) {
    self.loop = loop
    self.address = address
    self.tell = tell
    timer = LoopTimer(on: loop, owner: self)
    connect()
  }

  func close() {
    timer?.invalidate()
    connector?.cancel()
    connection?.close()
  }

  private func connect() {
    isWaiting = false
    timer?.set(loop.now + Self.patience)
    connector = Connector(to: [address], on: loop) { [unowned self] result in
      switch result {
      case .success(let socket): ask(over: socket)
      case .failure(let error): lose("nobody answers (\(error)); is weir running there?")
      }
    }
  }

  private func ask(over socket: ConnectedSocket) {
    connector = nil
    parser = EventParser()
    data = []
    refusal = nil
    let stream = ByteStream(connected: socket, on: loop, tls: nil)
    let connection = ClientConnection(
      stream, to: address, headLimitBytes: 16 << 10, supplies: supplies)
    self.connection = connection
    connection.begin(self, isHEAD: false)
    var writer = HeadWriter()
    writer.requestLine(method: "GET", target: "/events?events=snapshot,streams&rows=\(Self.rows)")
    writer.field("Host", "localhost")
    writer.field("Accept", "text/event-stream")
    writer.end()
    let request = writer.bytes
    connection.send(request.span)
  }

  private func lose(_ reason: String) {
    connector?.cancel()
    connector = nil
    connection?.close()
    connection = nil
    isWaiting = true
    timer?.set(loop.now + Self.pauseBeforeNextTry)
    tell(.lost(reason))
  }

  func timerFired(_ timer: LoopTimer) {
    if isWaiting { connect() } else { lose("it has said nothing for 6 seconds") }
  }
}

// MARK: - What comes

extension TopFeed {
  func responseHead(_ head: ResponseHead) {
    if head.status != 200 { refusal = head.status }
  }

  func responseBody(_ wire: Span<UInt8>, payload: [Range<Int>]) {
    guard refusal == nil else { return }
    timer?.set(loop.now + Self.patience)
    for range in payload { read(wire.extracting(range)) }
  }

  func responseEnded() {
    switch refusal {
    case nil: lose("weir has ended the feed")
    case 404: lose("status 404: that weir has no /events; is it older than this one?")
    case 503: lose("status 503: too many listen already")
    case let status?: lose("status \(status): is this weir's admin address?")
    }
  }

  func responseFailed(_ failure: ResponseFailure) {
    switch failure {
    case .closed: lose("weir has closed the connection")
    case .malformed: lose("this is no HTTP; is it weir's admin address?")
    }
  }

  func responseReadEnded() {}
  func upstreamDrained() {}

  private func read(_ bytes: Span<UInt8>) {
    var position = 0
    while let token = parser.next(bytes, from: &position) {
      switch token {
      case .data(let range):
        for place in range where data.count < JSON5Reader.sizeLimitBytes {
          data.append(bytes[place])
        }
      case .event:
        take(String(decoding: parser.name, as: UTF8.self))
        data.removeAll(keepingCapacity: true)
      default: break
      }
    }
  }

  private func take(_ event: String) {
    guard let json = try? JSON5Reader.read(data) else { return }
    switch event {
    case "snapshot": tell(.snapshot(TopSnapshot(json)))
    case "streams":
      let streams = (json["live"]?.elements ?? []).map { TopStream($0) }
      tell(.streams(streams, liveCount: json.count("live_count")))
    default: break
    }
  }
}
