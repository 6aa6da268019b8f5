// Simulated providers on threads of their own, behind one address: for `weir simulate`, the demo,
// and whoever wants a provider without running its loop.

package import IO
internal import Synchronization

package final class SimulatorServer: Sendable {
  /// With the port that `:0` became.
  package let address: SocketAddress
  /// Of all loops together.
  package let counts: ProviderCounts

  private let workers: Mutex<[Worker]>

  private struct Worker {
    let thread: Thread
    let stop: Mailbox<Void>
  }

  private enum Report: Sendable {
    case started(Mailbox<Void>)
    case failed(SystemError)
  }

  /// Binds `address` and serves it on that many threads, until `stop`; returns when all listen.
  /// A unix path has one socket, and so gets one thread.
  package static func start(
    listen address: SocketAddress, loops: Int = 1, folder: RecordingFolder? = nil,
    tls: TLSContext? = nil
  ) throws(SystemError) -> SimulatorServer {
    let loop = try EventLoop(kernel: LinuxKernel(), eventsPerWait: 8)
    let sockets = try ListeningSockets.open(
      address, count: loops, backlog: 4096, kernel: loop.kernel)
    let counts = ProviderCounts()
    var reports: [Report] = []
    let receiver = try MailboxReceiver<Report>(on: loop) { reports.append($0) }
    defer { receiver.close() }
    var workers: [Worker] = []
    for (number, descriptor) in sockets.descriptors.enumerated() {
      let mailbox = receiver.mailbox
      let thread = try Thread.start("sim-loop-\(number)") {
        Self.run(descriptor, folder: folder, counts: counts, tls: tls, control: mailbox)
      }
      while reports.isEmpty { loop.turn() }
      switch reports.removeFirst() {
      case .started(let stop): workers.append(Worker(thread: thread, stop: stop))
      case .failed(let error):
        for unused in sockets.descriptors[number...] { loop.kernel.close(unused) }
        SimulatorServer(at: sockets.address, counts: counts, workers: workers).stop()
        throw error
      }
    }
    return SimulatorServer(at: sockets.address, counts: counts, workers: workers)
  }

  private init(at address: SocketAddress, counts: ProviderCounts, workers: [Worker]) {
    self.address = address
    self.counts = counts
    self.workers = Mutex(workers)
  }

  /// Closes the listeners and all connections; returns when the threads are gone.
  package func stop() {
    let workers = workers.withLock { workers in
      defer { workers = [] }
      return workers
    }
    for worker in workers { worker.stop.send(()) }
    for worker in workers { worker.thread.join() }
  }

  private static func run(
    _ descriptor: Int32, folder: RecordingFolder?, counts: ProviderCounts, tls: TLSContext?,
    control: Mailbox<Report>
  ) {
    do {
      let loop = try EventLoop(kernel: LinuxKernel())
      let provider = SimulatedProvider(on: loop, folder: folder, counts: counts)
      let listener = try Listener(descriptor, on: loop) { connection, peer in
        provider.serve(connection, from: peer, tls: tls)
      }
      let stop = try MailboxReceiver<Void>(on: loop) { [unowned loop] in loop.stop() }
      control.send(.started(stop.mailbox))
      loop.run()
      listener.close()
      stop.close()
      provider.close()
    } catch {
      control.send(.failed(error))
    }
  }
}
