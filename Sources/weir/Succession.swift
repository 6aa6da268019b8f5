// What one weir takes from the weir before it and leaves to the weir after it, in the order in which that
// happens: connections from the predecessor, the sockets' offer, connections for the successor.

import IO

/// Confined to the control thread.
final class Succession {
  private let loop: EventLoop
  /// The predecessor's, until it has been told that its sockets are in use.
  private var gift: Predecessor.Gift?
  private var inheritance: Inheritance?
  private var offer: TakeoverOffer?
  /// To the process that has taken over, while connections are handed to it.
  private var successorLine: Int32?

  init(on loop: EventLoop, gift: Predecessor.Gift?) {
    self.loop = loop
    self.gift = gift
  }

  /// Lets the predecessor go, if there is one; `adopt` becomes the owner of connections that it had.
  func inherit(adopt: @escaping ([Int32]) -> Void) {
    guard let gift else { return }
    Predecessor.confirm(gift)
    self.gift = nil
    inheritance = try? Inheritance(over: gift.line, on: loop, received: adopt)
  }

  /// Offers copies of the sockets, which become the offer's; `takenOver` is called once.
  func offer(
    _ copies: [Int32], at path: String, takenOver: @escaping () -> Void
  ) throws(SystemError) {
    offer = try TakeoverOffer(at: path, copies, on: loop) { [unowned self] line in
      successorLine = line
      takenOver()
    }
  }

  /// Hands connections to the successor. Returns those that it does not take, an older weir for
  /// instance: they stay their owner's.
  func bequeath(_ connections: [Int32]) -> [Int32] {
    var rest = connections[...]
    while let line = successorLine, !rest.isEmpty {
      let some = Array(rest.prefix(DescriptorPassing.limit))
      guard (try? DescriptorPassing.send(some, over: line)) != nil else { break }
      for connection in some { loop.kernel.close(connection) }
      rest = rest.dropFirst(some.count)
    }
    return Array(rest)
  }

  /// The successor has all that it will get.
  func end() {
    guard let line = successorLine else { return }
    successorLine = nil
    loop.kernel.close(line)
  }
}
