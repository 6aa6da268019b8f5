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

  private let arguments: RunArguments
  private var loaded: LoadedSettings
  private let loop: EventLoop
  private let sockets: ListenerSet
  private var stage = Stage.starting
  private var workers: [Int: Mailbox<WorkerCommand>] = [:]
  private var threads: [Thread] = []
  private var drainedCount = 0
  /// Loops that have not yet said that they turn.
  private var silentCount = 0
  private var exitCode = ExitCode.done
  private var gift: Predecessor.Gift?
  private var inheritance: Inheritance?
  /// To the process that has taken over, while connections are handed to it.
  private var successorLine: Int32?
  private var surrenderedCount = 0
  private let admission = Admission([])
  private let streams = StreamDirectory()
  private let connections = ConnectionBound()
  private let registry: LabelRegistry
  private let metrics: MetricsShard
  private let log: LogWriter
  private let sink: LogSink
  private let counted = CountedFigures()
  private let samples: PageSamples
  private var scrape: Scrape?
  private var status: StatusDesk?
  /// For the demo, which speaks for itself, and ends by itself after a while.
  var isQuiet = false
  var lifetime: Duration?
  var serving: (() -> Void)?

  // Each lives as long as the loop.
  private var signals: SignalReceiver?
  private var events: MailboxReceiver<WorkerEvent>?
  private var admin: AdminServer?
  private var adminListener: Listener?
  private var offer: TakeoverOffer?
  private var watch: SettingsWatch?
  private let service: ServiceNotifier
  private var timer: LoopTimer?

  init(
    _ arguments: RunArguments, _ loaded: LoadedSettings, sockets: ListenerSet,
    gift: Predecessor.Gift?
  ) throws(SystemError) {
    self.arguments = arguments
    self.loaded = loaded
    self.sockets = sockets
    self.gift = gift
    loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 64)
    var caps = LabelRegistry.Caps()
    caps.series = loaded.settings.maxSeries
    registry = LabelRegistry(caps: caps)
    metrics = MetricsShard(registry: registry)
    service = ServiceNotifier(
      on: loop, variables: ProcessEnvironment.variables, processID: getpid())
    log = LogWriter(loaded.settings.log)
    sink = LogSink(log)
    samples = PageSamples(log: log, admission: admission, streams: streams)
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
    samples.apply(settings, options)
    admission.apply(options.relay.limits)
    streams.apply(options.relay.hub.bounds)
    connections.apply(settings.connectionLimit)
    let surroundings = WorkerSurroundings(
      names: SystemNameService(), admission: admission, streams: streams,
      connections: connections, registry: registry, log: log, control: events.mailbox,
      isWatched: sockets.admin != nil)
    for (number, listeners) in sockets.shares(of: loops).enumerated() {
      threads.append(
        try Worker.start(
          number, listeners: listeners, options: options, in: surroundings))
    }
    loop.run()
    return exitCode
  }

  private var settings: Settings { loaded.settings }
  private var isDraining: Bool { if case .draining = stage { true } else { false } }
  private var isReady: Bool { if case .serving = stage { true } else { false } }
}

// MARK: - Starting

extension Control {
  private func receive(_ event: WorkerEvent) {
    switch event {
    case .started(let number, let mailbox):
      workers[number] = mailbox
      if workers.count == threads.count { serve() }
    case .failed(let number, let error):
      say("weir: loop \(number) cannot start: \(error)")
      end(ExitCode.cannotBind)
    case .figures(let figures): scrape?.receive(figures)
    case .turns:
      silentCount -= 1
      if silentCount == 0 { service.allLoopsTurn() }
    case .streams(let streams): status?.receive(streams)
    case .idle(let number, let connections): handOver(connections, of: number)
    case .drained:
      drainedCount += 1
      if drainedCount == workers.count { end(ExitCode.done) }
    }
  }

  private func serve() {
    do {
      scrape = Scrape(
        Array(workers.values), counted, clock: loop.kernel,
        limits: { [admission] in admission.states }
      ) { [unowned self] in page($0, $1) }
      status = StatusDesk(
        on: loop, workers: (0..<workers.count).compactMap { workers[$0] }, counted,
        registry: registry, limits: { [admission] in admission.states })
      try startAdmin()
      if let path = settings.takeover {
        offer = try TakeoverOffer(at: path, sockets.copies(), on: loop) { [unowned self] in
          say("weir: another weir has taken over; draining")
          successorLine = $0
          drain(refusing: false)
        }
      }
    } catch {
      say("weir: \(error)")
      return end(ExitCode.cannotBind)
    }
    stage = .serving
    acceptInheritance()
    tell("started", [("version", Version.number)])
    service.ready(summary) { [unowned self] in askWhetherLoopsTurn() }
    if arguments.watchesConfig {
      watch = SettingsWatch(loaded.files, on: loop) { [unowned self] in reload() }
    }
    if let lifetime { timer?.set(loop.now + lifetime) }
    if !isQuiet { sayWhere() }
    ProgramPages.forgetStart()
    serving?()
  }

  private func sayWhere() {
    for listening in sockets.relay { say("weir: relaying on \(listening.address)") }
    if let admin = sockets.admin { say("weir: admin on http://\(admin.address)/") }
  }

  private func acceptInheritance() {
    guard let gift else { return }
    Predecessor.confirm(gift)
    self.gift = nil
    var next = 0
    inheritance = try? Inheritance(over: gift.line, on: loop) { [unowned self] connections in
      workers[next % workers.count]?.send(.adopt(connections))
      next += 1
    }
  }

  private var summary: String {
    "relaying on \(sockets.relay.map(\.address.description).joined(separator: ", "))"
  }

  private func askWhetherLoopsTurn() {
    silentCount = workers.count
    for worker in workers.values { worker.send(.sayThatYouTurn) }
  }

  private func startAdmin() throws(SystemError) {
    guard let sockets = sockets.admin, let descriptor = sockets.descriptors.first else { return }
    let admin = AdminServer(on: loop, pages: pages)
    self.admin = admin
    adminListener = try Listener(descriptor, on: loop) { admin.serve($0, from: $1) }
  }

  private var pages: [AdminPage] {
    [
      AdminPage("/healthz", .anyHost) { .text("ok") },
      AdminPage("/readyz", .anyHost) { [unowned self] in
        isReady ? .text("ready") : .text("not ready", status: 503)
      },
      AdminPage(
        "/metrics", .anyHost,
        deferred: { [unowned self] head, reply in
          scrape?.ask(head, reply)
        }),
      AdminPage("/limits", .knownHost) { [unowned self] in .json(limitsText) },
      AdminPage("/config", .knownHost) { [unowned self] in .json(loaded.json) },
      AdminPage("/reload", .change) { [unowned self] in
        if let reasons = reload() {
          .text("not reloaded\n\(reasons)", status: 422)
        } else {
          .text("reloaded")
        }
      },
      AdminPage("/drain", .change) { [unowned self] in
        if !isDraining { drain(refusing: true) }
        return .text("draining, for at most \(settings.drainTimeout)", status: 202)
      },
    ] + (status?.pages ?? [])
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
  private func reload() -> String? {
    service.reloading()
    defer { service.reloaded(summary) }
    watch?.refresh()
    let result = Settings.load(
      arguments: arguments, environment: ProcessEnvironment.variables,
      readFile: ProcessEnvironment.readFile)
    switch result {
    case .failure(let errors): return refuseReload("\(errors)")
    case .success(let fresh):
      do {
        let options = try WorkerOptions(fresh.settings.keepingStartup(of: settings))
        loaded = fresh
        watch?.follow(fresh.files)
        admission.apply(options.relay.limits)
        streams.apply(options.relay.hub.bounds)
        connections.apply(settings.connectionLimit)
        for worker in workers.values { worker.send(.apply(options)) }
        log.apply(settings.log)
        samples.apply(settings, options)
        metrics.reloaded(.applied)
        tell("reloaded")
        say("weir: reloaded")
        return nil
      } catch {
        return refuseReload(error.lines.joined(separator: "\n"))
      }
    }
  }

  private func refuseReload(_ reasons: String) -> String {
    metrics.reloaded(.refused)
    say("weir: not reloaded\n\(reasons)")
    return reasons
  }

  /// `refusing`: nobody else has the sockets, so whoever still comes is told.
  private func drain(refusing: Bool) {
    stage = .draining
    tell("draining")
    service.stopping("draining", longest: settings.drainDelay + settings.drainTimeout)
    timer?.set(loop.now + settings.drainTimeout)
    for worker in workers.values {
      // Last connections come from the queue. Handed over, they must be there before a worker
      // says that it has none; otherwise they are refused, not cut, by one that drains already.
      guard refusing else {
        worker.send(.abandonListeners)
        worker.send(.surrenderIdle)
        continue
      }
      worker.send(.drain(refusing: true))
      worker.send(.closeListeners(after: settings.drainDelay))
    }
    if !refusing {
      adminListener?.handOver()
      adminListener = nil
    }
  }

  /// A worker's idle connections go to the successor; only then may the worker be done. Those that
  /// the successor does not take, an older weir for instance, stay with the worker.
  private func handOver(_ connections: [Int32], of number: Int) {
    var rest = connections[...]
    while let line = successorLine, !rest.isEmpty {
      let some = Array(rest.prefix(DescriptorPassing.limit))
      guard (try? DescriptorPassing.send(some, over: line)) != nil else { break }
      for connection in some { loop.kernel.close(connection) }
      rest = rest.dropFirst(some.count)
    }
    if !rest.isEmpty { workers[number]?.send(.adopt(Array(rest))) }
    workers[number]?.send(.drain(refusing: false))
    surrenderedCount += 1
    guard surrenderedCount == workers.count, let line = successorLine else { return }
    successorLine = nil
    loop.kernel.close(line)
  }

  private func end(_ code: Int32) {
    exitCode = code
    if workers.count == threads.count { tell("stopped") }
    for worker in workers.values { worker.send(.stop) }
    if code != ExitCode.interrupted {
      for thread in threads where workers.count == threads.count { thread.join() }
    }
    if code != ExitCode.interrupted { log.finish() }
    loop.stop()
  }

  private func tell(_ event: StaticString, _ fields: [(name: StaticString, value: String)] = []) {
    sink.write(event, at: loop.kernel.wallClockNanoseconds(), fields: fields)
    status?.tell(event)
  }
}

// MARK: - Metrics

extension Control {
  private func page(_ format: ExpositionFormat, _ lent: LentFigures) -> Exposition {
    counted.take(metrics.lend(for: MetricsSnapshot()))
    status?.note(counted.sum)
    Thread.yieldProcessor()
    let found = samples.take(
      lent, isServing: isReady, scrapeNanoseconds: scrape?.lastNanoseconds ?? 0)
    return Exposition(format, counted.sum, registry: registry, samples: found)
  }

  /// One object for each limit; keys are counted and not named.
  private var limitsText: String {
    let objects = admission.states.map { limit in
      let hold = limit.holdNanoseconds.map { String(Double($0 / 1_000_000) / 1000) } ?? "null"
      return "{\"limit\":\(quoted(limit.name)),\"max_streams\":\(limit.maxStreams),"
        + "\"in_use\":\(limit.inUse),\"queued\":\(limit.queued),\"keys\":\(limit.keys),"
        + "\"key_in_use_max\":\(limit.fullestKeyInUse),\"mean_hold_seconds\":\(hold)}"
    }
    return "[\(objects.joined(separator: ","))]"
  }
}

extension Control: TimerOwner {
  /// The drain's deadline, then a moment for what it cut to be counted.
  func timerFired(_ timer: LoopTimer) {
    if case .serving = stage { return drain(refusing: true) }
    say("weir: drain_timeout is over; cutting what is left")
    for worker in workers.values { worker.send(.endDrain) }
  }
}

extension Settings {
  /// Sockets stay as they were opened: what a reload may not change is taken from the old ones.
  fileprivate func keepingStartup(of old: Settings) -> Settings {
    var settings = self
    if settings.listen.map(\.address) != old.listen.map(\.address) {
      say("weir: listen has changed; that takes a restart (see --takeover)")
      settings.listen = old.listen
    }
    if settings.admin.listen != old.admin.listen || settings.loops != old.loops {
      say("weir: admin.listen or loops has changed; that takes a restart")
    }
    return settings
  }
}
