// The main thread of `weir run`: starts the loops, then minds signals, the admin port and the way
// out. Relays nothing.

import Admin
import Connections
import Glibc
import IO
import Relay

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
  private var exitCode = ExitCode.done
  private var gift: Predecessor.Gift?
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
  }

  /// Runs until drained; returns the exit code.
  func run(_ options: WorkerOptions, loops: Int) throws(SystemError) -> Int32 {
    timer = LoopTimer(on: loop, owner: self)
    signals = try SignalReceiver([SIGHUP, SIGTERM, SIGINT], on: loop) { [unowned self] in
      receive(signal: $0)
    }
    let events = try MailboxReceiver<WorkerEvent>(on: loop) { [unowned self] in receive($0) }
    self.events = events
    let names = SystemNameService()
    for (number, listeners) in sockets.shares(of: loops).enumerated() {
      threads.append(
        try Worker.start(
          number, listeners: listeners, options: options, names: names, control: events.mailbox))
    }
    loop.run()
    return exitCode
  }

  private var settings: Settings { loaded.settings }
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
    case .drained:
      drainedCount += 1
      if drainedCount == workers.count { end(ExitCode.done) }
    }
  }

  private func serve() {
    do {
      try startAdmin()
      if let path = settings.takeover {
        offer = try TakeoverOffer(at: path, sockets.copies(), on: loop) { [unowned self] in
          say("weir: another weir has taken over; draining")
          drain(refusing: false)
        }
      }
    } catch {
      say("weir: \(error)")
      return end(ExitCode.cannotBind)
    }
    stage = .serving
    if let gift { Predecessor.confirm(gift) }
    gift = nil
    if let lifetime { timer?.set(loop.now + lifetime) }
    serving?()
    if isQuiet { return }
    for listening in sockets.relay { say("weir: relaying on \(listening.address)") }
    if let admin = sockets.admin { say("weir: admin on http://\(admin.address)/") }
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
      AdminPage("/config", .knownHost) { [unowned self] in .json(loaded.json) },
    ]
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
  private func reload() {
    let result = Settings.load(
      arguments: arguments, environment: ProcessEnvironment.variables,
      readFile: ProcessEnvironment.readFile)
    switch result {
    case .failure(let errors): say("weir: not reloaded\n\(errors)")
    case .success(let fresh):
      do {
        let options = try WorkerOptions(fresh.settings.keepingStartup(of: settings))
        loaded = fresh
        for worker in workers.values { worker.send(.apply(options)) }
        say("weir: reloaded")
      } catch {
        say("weir: not reloaded\n\(error.lines.joined(separator: "\n"))")
      }
    }
  }

  /// `refusing`: nobody else has the sockets, so whoever still comes is told.
  private func drain(refusing: Bool) {
    stage = .draining
    timer?.set(loop.now + settings.drainTimeout)
    for worker in workers.values {
      // The requests of connections in the queue are answered: refused, not cut.
      worker.send(.drain(refusing: refusing))
      worker.send(refusing ? .closeListeners(after: settings.drainDelay) : .abandonListeners)
    }
    if !refusing {
      adminListener?.close()
      adminListener = nil
    }
  }

  private func end(_ code: Int32) {
    exitCode = code
    for worker in workers.values { worker.send(.stop) }
    if code != ExitCode.interrupted {
      for thread in threads where workers.count == threads.count { thread.join() }
    }
    loop.stop()
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
