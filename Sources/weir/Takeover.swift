// One weir hands its listening sockets to the next, so that an upgrade refuses nobody: the sockets
// never close, and connections that wait in their queues are accepted by the successor.

import Glibc
import IO

/// The successor's part, before it has a loop.
enum Predecessor {
  /// Sockets and the line over which to say that they are in use.
  struct Gift {
    let descriptors: [Int32]
    let line: Int32
  }

  /// Asks the weir at `path` for its sockets. Nothing changes for it until `confirm`.
  static func ask(at path: String) throws(SystemError) -> Gift {
    let line = try DescriptorPassing.connect(to: path, patience: 10)
    let descriptors = try DescriptorPassing.receive(from: line)
    guard !descriptors.isEmpty else {
      close(line)
      throw SystemError("recvmsg", code: ECONNREFUSED)
    }
    return Gift(descriptors: descriptors, line: line)
  }

  /// The successor accepts now: the predecessor may stop and drain. What it has of kept-alive
  /// connections comes over the line next, which stays open for that.
  static func confirm(_ gift: Gift) {
    var byte = UInt8(ascii: "k")
    _ = write(gift.line, &byte, 1)
  }
}

/// Kept-alive connections that the predecessor hands on, as they come: a client between two requests
/// need not notice, and the predecessor need not wait for it.
final class Inheritance: EventHandler {
  private let loop: EventLoop
  private let line: Int32
  private let received: ([Int32]) -> Void
  private var registration: Registration?

  /// `line` becomes the inheritance's; `received` becomes the owner of descriptors.
  init(
    over line: Int32, on loop: EventLoop, received: @escaping ([Int32]) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.line = line
    self.received = received
    DescriptorPassing.stopWaiting(on: line)
    registration = try loop.register(line, mode: .readable, handler: self)
  }

  func ready(_ readiness: Readiness) {
    do {
      let connections = try DescriptorPassing.receive(from: line)
      if !connections.isEmpty { return received(connections) }
    } catch  where error.code == EAGAIN {
      return
    } catch {}
    // The predecessor has no more, or is gone.
    if let registration { loop.deregister(registration) }
    registration = nil
    loop.kernel.close(line)
  }
}

/// The predecessor's part: offers copies of the sockets at a unix path.
final class TakeoverOffer {
  private let loop: EventLoop
  private let copies: [Int32]
  private let takenOver: (Int32) -> Void
  private var listener: Listener?
  private var successor: SuccessorLine?

  /// `copies` become the offer's; `takenOver` is called once, when a successor has confirmed, and
  /// becomes the owner of the line to it.
  init(
    at path: String, _ copies: [Int32], on loop: EventLoop, takenOver: @escaping (Int32) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.copies = copies
    self.takenOver = takenOver
    // The path may be the predecessor's own, which still listens there: it is replaced.
    unlink(path)
    let sockets = try ListeningSockets.open(
      SocketAddress(host: .unix(path)), count: 1, backlog: 4, kernel: loop.kernel)
    // Whoever may connect may take the sockets.
    chmod(path, 0o600)
    listener = try Listener(sockets.descriptors[0], on: loop) { [unowned self] line, _ in
      give(over: line)
    }
  }

  private func give(over line: Int32) {
    do {
      try DescriptorPassing.send(copies, over: line)
      successor = try SuccessorLine(line, on: loop) { [unowned self] confirmed in
        successor = nil
        guard confirmed else { return loop.kernel.close(line) }
        close()
        takenOver(line)
      }
    } catch {
      loop.kernel.close(line)
    }
  }

  func close() {
    listener?.close()
    listener = nil
    for copy in copies { loop.kernel.close(copy) }
  }
}

/// Waits for a successor's word; a successor that dies says none, and all stays as it was. The line
/// remains its owner's.
private final class SuccessorLine: EventHandler {
  private let loop: EventLoop
  private let descriptor: Int32
  private let told: (Bool) -> Void
  private var registration: Registration?

  init(
    _ descriptor: Int32, on loop: EventLoop, told: @escaping (Bool) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.descriptor = descriptor
    self.told = told
    registration = try loop.register(descriptor, mode: .edges, handler: self)
  }

  func ready(_ readiness: Readiness) {
    var byte: UInt8 = 0
    let transfer = withUnsafeMutableBytes(of: &byte) { loop.kernel.receive(descriptor, into: $0) }
    if case .wouldBlock = transfer { return }
    loop.unwatch(descriptor)
    if let registration { loop.deregister(registration) }
    told(transfer == .bytes(1))
  }
}
