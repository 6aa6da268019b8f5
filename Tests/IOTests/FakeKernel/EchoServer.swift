// Something to run on the fake kernel: a server that sends back what it receives, on event loops
// and with the kernel's calls alone. It can be told to have one of two well-known bugs.

internal import FakeKernel
internal import IO

final class EchoServer: EventHandler {
  enum Bug {
    /// Takes a full read for all there is, and waits for an edge that never comes.
    case forgetsRest
    /// Waits to be told of room only when a send was refused whole, and drops the rest of others.
    case dropsRestOfShortSend
  }

  private let loop: EventLoop
  private let listener: Int32
  private let bug: Bug?
  private var registration: Registration?
  private(set) var acceptedCount = 0

  init(on loop: EventLoop, listener: Int32, bug: Bug? = nil) throws {
    self.loop = loop
    self.listener = listener
    self.bug = bug
    registration = try loop.register(listener, mode: .readable, handler: self)
  }

  func close() {
    guard let registration else { return }
    loop.deregister(registration)
    self.registration = nil
    loop.kernel.close(listener)
  }

  func ready(_ readiness: Readiness) {
    while registration != nil {
      switch loop.kernel.accept(listener) {
      case .accepted(let descriptor, _):
        acceptedCount += 1
        _ = try? EchoConnection(descriptor, on: loop, bug: bug)
      case .failed(let error) where !error.isExhaustion: continue
      case .wouldBlock, .failed: return
      }
    }
  }
}

/// Reads only while nothing waits to be sent. Lives as long as it is registered.
private final class EchoConnection: EventHandler {
  private static let readSize = 1000
  private let loop: EventLoop
  private let descriptor: Int32
  private let bug: EchoServer.Bug?
  private var registration: Registration?
  private var unsent: [UInt8] = []
  private var hasEnded = false

  init(_ descriptor: Int32, on loop: EventLoop, bug: EchoServer.Bug?) throws {
    self.loop = loop
    self.descriptor = descriptor
    self.bug = bug
    registration = try loop.register(descriptor, mode: .edges, handler: self)
  }

  func ready(_ readiness: Readiness) {
    while registration != nil {
      if !unsent.isEmpty && !send() { return }
      if hasEnded { return close() }
      if !receive() { return }
    }
  }

  /// Returns whether all is sent.
  private func send() -> Bool {
    switch unsent.withUnsafeBytes({ loop.kernel.send(descriptor, $0) }) {
    case .bytes(let count):
      unsent.removeFirst(bug == .dropsRestOfShortSend ? unsent.count : count)
    case .failed: close()
    case .wouldBlock, .ended: break
    }
    return unsent.isEmpty
  }

  /// Returns whether there is something to do now.
  private func receive() -> Bool {
    let transfer = withUnsafeTemporaryAllocation(byteCount: Self.readSize, alignment: 1) { buffer in
      let transfer = loop.kernel.receive(descriptor, into: buffer)
      if case .bytes(let count) = transfer { unsent += buffer[..<count] }
      return transfer
    }
    switch transfer {
    case .bytes(let count):
      if bug == .forgetsRest && count == Self.readSize {
        _ = send()
        return false
      }
      return true
    case .ended: hasEnded = true
    case .failed: close()
    case .wouldBlock: return false
    }
    return true
  }

  private func close() {
    guard let registration else { return }
    self.registration = nil
    loop.deregister(registration)
    loop.kernel.close(descriptor)
  }
}
