// A target that runs, as the scenarios see it.

import Glibc
import IO

/// Stopped by `stop`, or when it is let go of.
final class Subject {
  let target: Target
  /// Where clients connect.
  let address: SocketAddress
  let provider: Provider
  /// When its process was started.
  let start: Instant
  /// nil for `direct`.
  let tree: ProcessTree?
  private let process: Process?
  /// What it prints goes there.
  private let log: String

  /// Starts the target before `provider` and waits until its socket accepts: that
  /// may be before anybody is there to answer.
  init(
    _ target: Target, before provider: Provider, templates: String, directory: String,
    authority: String?, patience: Duration = .seconds(10)
  ) throws(BenchError) {
    self.target = target
    self.provider = provider
    log = "\(directory)/\(target.name).log"
    guard target.kind != .direct else {
      (address, process, tree, start) = (provider.address, nil, nil, LinuxKernel().now())
      return
    }
    let place = Placement(
      directory: directory, listen: .loopback(port: try Self.freePort()),
      upstream: provider.address, authority: authority)
    if let name = target.template {
      guard let template = Files.read("\(templates)/\(name)") else {
        throw BenchError("the template \(templates)/\(name) cannot be read")
      }
      try Files.write(place.fill(template), to: place.config)
    }
    address = place.listen
    start = LinuxKernel().now()
    let process = try Self.start(place.fill(target.command), log: log)
    self.process = process
    tree = ProcessTree(root: process.id)
    guard Self.awaitAccepting(address, process, start + patience) else {
      process.stop()
      throw BenchError("\(target.name) did not start: \(Files.read(log)?.suffix(400) ?? "")")
    }
  }

  /// Something of the bench's own, which runs already.
  init(at address: SocketAddress, before provider: Provider) {
    (target, log, self.provider, self.address) = (.direct, "", provider, address)
    (process, tree, start) = (nil, nil, LinuxKernel().now())
  }

  deinit { process?.stop() }

  func stop() { process?.stop() }

  /// Ends it in its own time and returns what it printed.
  func end(within patience: Duration) throws(BenchError) -> String {
    process?.stop(patience: Int(patience.components.seconds) * 1000)
    return Files.read(log) ?? ""
  }

  /// On the proxy's core, which a child inherits.
  private static func start(_ command: [String], log: String) throws(BenchError) -> Process {
    Thread.pinCurrent(toProcessor: Rig.proxyProcessor)
    defer { Thread.pinCurrent(toProcessor: Rig.ownProcessor) }
    return try Process(command, log: log)
  }

  private static func awaitAccepting(
    _ address: SocketAddress, _ process: Process, _ deadline: Instant
  ) -> Bool {
    let kernel = LinuxKernel()
    while kernel.now() < deadline {
      if accepts(address) { return true }
      if !process.isRunning { return false }
      usleep(1000)
    }
    return false
  }

  private static func accepts(_ address: SocketAddress) -> Bool {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    return withLoopback(address.port) { connect(probe, $0, $1) == 0 }
  }

  static func freePort() throws(BenchError) -> UInt16 {
    do {
      let kernel = LinuxKernel()
      let sockets = try ListeningSockets.open(
        .loopback(port: 0), count: 1, backlog: 1, kernel: kernel)
      kernel.close(sockets.descriptors[0])
      return sockets.address.port
    } catch {
      throw BenchError("no free port: \(error)")
    }
  }

  private static func withLoopback<Result>(
    _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
