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

  /// The successor accepts now: the predecessor may stop and drain.
  static func confirm(_ gift: Gift) {
    var byte = UInt8(ascii: "k")
    _ = write(gift.line, &byte, 1)
    close(gift.line)
  }
}

/// The predecessor's part: offers copies of the sockets at a unix path.
final class TakeoverOffer {
  private let loop: EventLoop
  private let copies: [Int32]
  private let takenOver: () -> Void
  private var listener: Listener?
  private var successor: SuccessorLine?

  /// `copies` become the offer's; `takenOver` is called once, when a successor has confirmed.
  init(
    at path: String, _ copies: [Int32], on loop: EventLoop, takenOver: @escaping () -> Void
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
        guard confirmed else { return }
        close()
        takenOver()
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

/// Waits for a successor's word; a successor that dies says none, and all stays as it was.
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
    if let registration { loop.deregister(registration) }
    loop.kernel.close(descriptor)
    told(transfer == .bytes(1))
  }
}
