// An LLM provider that does what each request asks of it: the other side of demo, tests and bench.

package import Connections
package import IO
package import Wire

/// Serves connections of one loop, and is confined to it. Outlives them: `close` before letting go.
package final class SimulatedProvider: RequestServer {
  package let loop: EventLoop
  package let counts: ProviderCounts

  let library: RecordingLibrary
  var buffers = AnswerBuffers()
  var writer = HeadWriter()
  var limits = RateLimits()
  private lazy var serving = ServerContext(Self.patient, server: self)
  private var connections = Roster<ServerConnection>()
  private var templates: [TemplateKey: EventTemplate] = [:]
  private(set) var exchanges = Roster<SimulatedExchange>()
  private var lastRequestNumber = 0

  private struct TemplateKey: Hashable {
    let size: Int
    let stamps: Bool
  }

  package init(
    on loop: EventLoop, folder: RecordingFolder? = nil, counts: ProviderCounts = ProviderCounts()
  ) {
    self.loop = loop
    self.counts = counts
    library = RecordingLibrary(folder: folder)
  }

  /// What goes wrong here is to go wrong because a request asked for it: no impatience.
  private static var patient: ServerOptions {
    var options = ServerOptions()
    options.headTimeout = .seconds(3600)
    options.bodyTimeout = .seconds(3600)
    options.idleTimeout = .seconds(3600)
    options.slowClientTimeout = .seconds(3600)
    return options
  }

  /// Serves an accepted descriptor, which becomes the provider's.
  package func serve(
    _ descriptor: Int32, from peer: SocketAddress, tls context: TLSContext? = nil
  ) {
    let session: TLSSession?
    do {
      session = try context.map { context throws(TLSError) in
        try TLSSession(server: context, buffers: loop.buffers.tls)
      }
    } catch {
      return loop.kernel.close(descriptor)
    }
    let connection = try? ServerConnection(
      accepted: descriptor, from: peer, on: loop, tls: session, in: serving)
    guard let connection else { return }
    connections.add(connection)
    counts.connectionOpened()
  }

  /// Closes all connections, whatever they are doing.
  package func close() {
    for exchange in exchanges.members { exchange.abandon() }
    for connection in connections.members { connection.abandon() }
  }
}

// MARK: - Requests

extension SimulatedProvider {
  package func connection(
    _ connection: ServerConnection, began head: RequestHead
  ) -> any RequestHandler {
    lastRequestNumber += 1
    let exchange = SimulatedExchange(head, on: connection, of: self, number: lastRequestNumber)
    exchanges.add(exchange)
    counts.requestBegan()
    exchange.beginRequest()
    return exchange
  }

  func ended(_ exchange: SimulatedExchange, cancelled: Bool) {
    exchanges.remove(exchange)
    counts.requestEnded(cancelled: cancelled)
  }

  package func connection(_ connection: ServerConnection, refused refusal: RequestRefusal) {
    let message =
      switch refusal {
      case .malformed(let error): error.explanation.description
      case .headTimedOut: "the head took too long"
      }
    let answer = Answer.refusal(nil, status: 400, message: message)
    connection.send(answer.head(keepsAlive: false, number: 0, &writer).span)
    connection.send(ProviderErrors.body(nil, status: 400, message: message).span)
  }

  package func connectionClosed(_ connection: ServerConnection) {
    connections.remove(connection)
    counts.connectionClosed()
  }

  /// Templates are kept, since all streams of a test ask for the same.
  func template(size: Int, stamps: Bool) throws(ScenarioError) -> EventTemplate {
    let key = TemplateKey(size: size, stamps: stamps)
    if let template = templates[key] { return template }
    let template = try EventTemplate(size: size, stamps: stamps)
    if templates.count == 16 { templates.removeAll() }
    templates[key] = template
    return template
  }
}
