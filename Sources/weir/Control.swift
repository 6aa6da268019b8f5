// The main thread of `weir run`: starts the loops, then minds signals, the admin port and the way
// out. Relays nothing.

import Admin
import Connections
import Glibc
import Hub
import IO
import Relay
import Telemetry

final class Control {
  private enum Stage {
    case starting
    case serving
    case draining
  }

  let current: SettingsInForce
  private let loop: EventLoop
  private let sockets: ListenerSet
  private var stage = Stage.starting
  private var workers = WorkerSet()
  private var exitCode = ExitCode.done
  private let succession: Succession
  let admission = Admission([])
  private let streams = StreamDirectory()
  private let connections = ConnectionBound()
  let metrics: MetricsDesk
  private let log: LogWriter
  private let sink: LogSink
  private(set) var status: StatusDesk?
  /// For the demo, which speaks for itself, and ends by itself after a while.
  var isQuiet = false
  var lifetime: Duration?
  var serving: (() -> Void)?

  // Each lives as long as the loop.
  private var signals: SignalReceiver?
  private var events: MailboxReceiver<WorkerEvent>?
  private var admin: AdminServer?
  private var adminListener: Listener?
  private let service: ServiceNotifier
  private var timer: LoopTimer?

  init(
    _ arguments: RunArguments, _ loaded: LoadedSettings, sockets: ListenerSet,
    gift: Predecessor.Gift?
  ) throws(SystemError) {
    self.sockets = sockets
    current = SettingsInForce(arguments, loaded)
    loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 64)
    succession = Succession(on: loop, gift: gift)
    service = ServiceNotifier(
      on: loop, variables: ProcessEnvironment.variables, processID: getpid())
    log = LogWriter(loaded.settings.log)
    sink = LogSink(log)
    metrics = MetricsDesk(
      PageSamples(log: log, admission: admission, streams: streams),
      maxSeries: loaded.settings.maxSeries)
  }

  /// Runs until drained; returns the exit code.
  func run(_ options: WorkerOptions, loops: Int) throws(SystemError) -> Int32 {
    timer = LoopTimer(on: loop, owner: self)
    signals = try SignalReceiver([SIGHUP, SIGTERM, SIGINT], on: loop) { [unowned self] in
      receive(signal: $0)
    }
    let events = try MailboxReceiver<WorkerEvent>(on: loop) { [unowned self] in receive($0) }
    self.events = events
    try log.start(settings.log)
    metrics.apply(settings, options)
    admission.apply(options.relay.limits)
    streams.apply(options.relay.hub.bounds)
    connections.apply(settings.connectionLimit)
    let surroundings = WorkerSurroundings(
      names: SystemNameService(), admission: admission, streams: streams,
      connections: connections, registry: metrics.registry, log: log, control: events.mailbox,
      isWatched: sockets.admin != nil)
    try workers.start(sockets.shares(of: loops), options, in: surroundings)
    loop.run()
    return exitCode
  }

  var settings: Settings { current.settings }
  var isDraining: Bool { if case .draining = stage { true } else { false } }
  var isReady: Bool { if case .serving = stage { true } else { false } }
}

// MARK: - Starting

extension Control {
  private func receive(_ event: WorkerEvent) {
    switch event {
    case .started(let number, let mailbox):
      workers.started(number, mailbox)
      if workers.haveAllStarted { serve() }
    case .failed(let number, let error):
      say("weir: loop \(number) cannot start: \(error)")
      end(ExitCode.cannotBind)
    case .figures(let figures): metrics.receive(figures)
    case .turns: if workers.noteTurn() { service.allLoopsTurn() }
    case .streams(let streams): status?.receive(streams)
    case .idle(let number, let connections): handOver(connections, of: number)
    case .drained: if workers.noteDrained() { end(ExitCode.done) }
    }
  }

  private func serve() {
    do {
      prepareDesks()
      try startAdmin()
      if let path = settings.takeover {
        try succession.offer(sockets.copies(), at: path) { [unowned self] in
          say("weir: another weir has taken over; draining")
          drain(refusing: false)
        }
      }
    } catch {
      say("weir: \(error)")
      return end(ExitCode.cannotBind)
    }
    stage = .serving
    inherit()
    tell("started", [("version", Version.number)])
    service.ready(summary) { [unowned self] in workers.askWhetherAllTurn() }
    current.watchFiles(on: loop) { [unowned self] in reload() }
    if let lifetime { timer?.set(loop.now + lifetime) }
    if !isQuiet { sayWhere() }
    ProgramPages.forgetStart()
    serving?()
  }

  private func prepareDesks() {
    let limits = { [admission] in admission.states }
    let status = StatusDesk(
      on: loop, workers: workers.inOrder, metrics.counted, registry: metrics.registry,
      limits: limits)
    self.status = status
    metrics.serve(
      workers.inOrder, status, clock: loop.kernel, limits: limits,
      isServing: { [unowned self] in isReady })
  }

  private func sayWhere() {
    for listening in sockets.relay { say("weir: relaying on \(listening.address)") }
    if let admin = sockets.admin { say("weir: admin on http://\(admin.address)/") }
  }

  private func inherit() {
    var next = 0
    succession.inherit { [unowned self] connections in
      workers[next % workers.count]?.send(.adopt(connections))
      next += 1
    }
  }

  private var summary: String {
    "relaying on \(sockets.relay.map(\.address.description).joined(separator: ", "))"
  }

  private func startAdmin() throws(SystemError) {
    guard let sockets = sockets.admin, let descriptor = sockets.descriptors.first else { return }
    let admin = AdminServer(on: loop, pages: pages)
    self.admin = admin
    adminListener = try Listener(descriptor, on: loop) { admin.serve($0, from: $1) }
  }
}

// MARK: - Signals

extension Control {
  private func receive(signal: Int32) {
    switch (signal, stage) {
    case (SIGHUP, _): reload()
    case (_, .draining):
      say("weir: ended by a second signal")
      end(ExitCode.interrupted)
    case (_, .starting): end(ExitCode.done)
    case (_, .serving):
      if !isQuiet { say("weir: draining, for at most \(settings.drainTimeout)") }
      drain(refusing: true)
    }
  }

  /// New settings for new requests; open streams keep theirs. A mistake changes nothing.
  /// Returns what is wrong with them, a line each; nil if they are in force.
  @discardableResult
  func reload() -> String? {
    service.reloading()
    defer { service.reloaded(summary) }
    do {
      apply(try current.reload())
      metrics.reloaded(.applied)
      tell("reloaded")
      say("weir: reloaded")
      return nil
    } catch {
      metrics.reloaded(.refused)
      say("weir: not reloaded\n\(error.reasons)")
      return error.reasons
    }
  }

  private func apply(_ options: WorkerOptions) {
    admission.apply(options.relay.limits)
    streams.apply(options.relay.hub.bounds)
    connections.apply(settings.connectionLimit)
    workers.send(.apply(options))
    log.apply(settings.log)
    metrics.apply(settings, options)
  }

  /// `refusing`: nobody else has the sockets, so whoever still comes is told.
  func drain(refusing: Bool) {
    stage = .draining
    tell("draining")
    service.stopping("draining", longest: settings.drainDelay + settings.drainTimeout)
    timer?.set(loop.now + settings.drainTimeout)
    if refusing {
      // The last connections come from the queue: they are refused, not cut, by a worker that drains already.
      workers.send(.drain(refusing: true), .closeListeners(after: settings.drainDelay))
    } else {
      // Handed over, they must be there before a worker says that it has none.
      workers.send(.abandonListeners, .surrenderIdle)
      adminListener?.handOver()
      adminListener = nil
    }
  }

  /// A worker's idle connections go to the successor; only then may the worker be done. Those that
  /// the successor does not take stay with the worker.
  private func handOver(_ connections: [Int32], of number: Int) {
    let rest = succession.bequeath(connections)
    if !rest.isEmpty { workers[number]?.send(.adopt(rest)) }
    workers[number]?.send(.drain(refusing: false))
    if workers.noteSurrender() { succession.end() }
  }

  private func end(_ code: Int32) {
    exitCode = code
    if workers.haveAllStarted { tell("stopped") }
    workers.send(.stop)
    if code != ExitCode.interrupted {
      if workers.haveAllStarted { workers.join() }
      log.finish()
    }
    loop.stop()
  }

  private func tell(_ event: StaticString, _ fields: [(name: StaticString, value: String)] = []) {
    sink.write(event, at: loop.readWallClock(), fields: fields)
    status?.tell(event)
  }
}

extension Control: TimerOwner {
  /// The drain's deadline, then a moment for what it cut to be counted.
  func timerFired(_ timer: LoopTimer) {
    if case .serving = stage { return drain(refusing: true) }
    say("weir: drain_timeout is over; cutting what is left")
    workers.send(.endDrain)
  }
}
