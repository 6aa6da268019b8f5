// One relay loop on a thread of its own. The rest of the process reaches it by mailbox alone.

import Admin
import Connections
import Hub
import IO
import Relay
import Telemetry

/// A listening socket of one loop, and how connections on it speak.
struct WorkerListener: Sendable {
  var descriptor: Int32
  /// Its place in the settings' list, by which a reload finds its new TLS context.
  var place: Int
}

/// One generation of what workers are told.
struct WorkerOptions: Sendable {
  var relay: RelayOptions
  /// By the listener's place in the settings; nil is plaintext.
  var listenerTLS: [TLSContext?]
}

enum WorkerCommand: Sendable {
  case apply(WorkerOptions)
  /// Stop accepting after a while: the queue's connections first, then the sockets.
  case closeListeners(after: Duration)
  /// Stop accepting at once: another process has the sockets, and their queues with them.
  case abandonListeners
  /// `idle` follows: connections that wait for a request, for the process that has the sockets.
  case surrenderIdle
  /// Connections that another process kept alive.
  case adopt([Int32])
  case drain(refusing: Bool)
  case endDrain
  /// `figures` follows; with it goes what the loop counts in from then on.
  case lendFigures(MetricsSnapshot)
  /// `turns` follows: the loop is not stuck.
  case sayThatYouTurn
  /// `streams` follows.
  case lendStreams(StreamsRequest)
  case stop
}

/// What all workers share with the control loop.
struct WorkerSurroundings: Sendable {
  var names: any NameService
  var admission: Admission
  var streams: StreamDirectory
  var connections: ConnectionBound
  var registry: LabelRegistry
  var log: LogWriter
  var control: Mailbox<WorkerEvent>
  /// Whether there is an admin port, and so somebody who may ask what has ended.
  var isWatched: Bool
}

/// What a worker tells the control loop.
enum WorkerEvent: Sendable {
  case started(worker: Int, Mailbox<WorkerCommand>)
  case failed(worker: Int, SystemError)
  case drained(worker: Int)
  case idle(worker: Int, [Int32])
  case figures(WorkerFigures)
  case turns
  case streams(LoopStreams)
}

/// Lives on its thread, from `run` to the command `stop`.
final class Worker: TimerOwner {
  private let number: Int
  private let loop: EventLoop
  private let relay: Relay
  private let lender: StreamLender
  private let figures: FigureLender
  private var lagProbe: LagProbe?
  private let metrics: MetricsShard
  private let control: Mailbox<WorkerEvent>
  private let connections: ConnectionBound
  private var options: WorkerOptions
  private var listeners: [Listener] = []
  private var commands: MailboxReceiver<WorkerCommand>?
  /// When a drain's delay is over.
  private var closing: LoopTimer?

  /// Starts the thread; `started` or `failed` follows in `control`.
  static func start(
    _ number: Int, listeners: [WorkerListener], options: WorkerOptions,
    in surroundings: WorkerSurroundings
  ) throws(SystemError) -> Thread {
    try Thread.start("weir-loop-\(number)") {
      do {
        let loop = try EventLoop(kernel: LinuxKernel())
        let worker = try Worker(
          number, on: loop, listeners: listeners, options: options, in: surroundings)
        worker.run()
      } catch {
        let error = error as? SystemError ?? SystemError("start", code: 0)
        surroundings.control.send(.failed(worker: number, error))
      }
    }
  }

  private init(
    _ number: Int, on loop: EventLoop, listeners sockets: [WorkerListener],
    options: WorkerOptions, in surroundings: WorkerSurroundings
  ) throws(SystemError) {
    self.number = number
    self.loop = loop
    self.options = options
    control = surroundings.control
    connections = surroundings.connections
    let metrics = MetricsShard(registry: surroundings.registry)
    self.metrics = metrics
    let log = ExchangeLog(surroundings.log)
    relay = try Relay(
      on: loop, options: options.relay, names: surroundings.names,
      admission: surroundings.admission, streams: surroundings.streams,
      bound: surroundings.connections, metrics: metrics, observer: log)
    let lender = StreamLender(number, relay, metrics, surroundings.control)
    self.lender = lender
    figures = FigureLender(relay, metrics, surroundings.control)
    log.ended = surroundings.isWatched ? { lender.note($0) } : nil
    loop.timersRanLate = { metrics.loopLag($0) }
    for socket in sockets {
      let listener = try Listener(socket.descriptor, on: loop, bound: connections) {
        [unowned self] descriptor, peer in
        relay.serve(descriptor, from: peer, tls: self.options.listenerTLS[socket.place])
      }
      listener.turnedAway = { [unowned self] in relay.turnedAway() }
      listeners.append(listener)
    }
    closing = LoopTimer(on: loop, owner: self)
    commands = try MailboxReceiver(on: loop) { [unowned self] in obey($0) }
  }

  private func run() {
    guard let commands else { return }
    control.send(.started(worker: number, commands.mailbox))
    lagProbe = LagProbe(on: loop)
    loop.run()
  }

  private func obey(_ command: WorkerCommand) {
    switch command {
    case .apply(let options):
      self.options = options
      relay.apply(options.relay)
    case .closeListeners(let delay): closing?.set(loop.now + delay)
    case .abandonListeners:
      for listener in listeners { listener.handOver() }
      listeners = []
    case .surrenderIdle: control.send(.idle(worker: number, relay.handOverIdle()))
    case .adopt(let connections):
      for connection in connections { adopt(connection) }
    case .drain(let refusing):
      relay.drain(refusing: refusing) { [unowned self] in reportDrained() }
    case .endDrain: relay.endDrain()
    case .lendFigures(let blank): figures.lend(for: blank)
    case .sayThatYouTurn: control.send(.turns)
    case .lendStreams(let request): lender.lend(request)
    case .stop: loop.stop()
    }
  }

  private func adopt(_ connection: Int32) {
    guard let peer = DescriptorPassing.peer(of: connection) else {
      return loop.kernel.close(connection)
    }
    connections.takeAnyway()
    // TLS connections stay where their keys are.
    relay.serve(connection, from: peer, tls: nil, isKept: true)
  }

  func timerFired(_ timer: LoopTimer) {
    for listener in listeners { listener.acceptAll() }
    closeListeners()
    relay.whenDrained { [unowned self] in reportDrained() }
  }

  /// While listeners are open there is always another to turn away.
  private func reportDrained() {
    if listeners.isEmpty { control.send(.drained(worker: number)) }
  }

  private func closeListeners() {
    for listener in listeners { listener.close() }
    listeners = []
  }
}

/// One log line for each exchange.
private final class ExchangeLog: RelayObserver {
  private let sink: LogSink
  /// Gets each record as well.
  var ended: ((ExchangeRecord) -> Void)?

  init(_ log: LogWriter) { sink = LogSink(log) }

  func exchangeAccepted() {}
  func exchangeEnded(_ summary: ExchangeSummary) {
    sink.write(summary.record)
    ended?(summary.record)
  }
}
