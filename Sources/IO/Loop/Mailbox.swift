// How one thread speaks to another's loop: a locked list and an eventfd. Nothing on the byte path
// comes this way.

internal import Synchronization

/// The sending side; any thread may hold and use it, also after the loop is gone.
package final class Mailbox<Message: Sendable>: Sendable {
  private let messages = Mutex<[Message]>([])
  private let waker: any Waker

  fileprivate init(waker: any Waker) { self.waker = waker }

  package func send(_ message: Message) {
    let wasEmpty = messages.withLock { list in
      list.append(message)
      return list.count == 1
    }
    // A loop that has been woken takes all, so only the first message has to wake it.
    if wasEmpty { waker.wake() }
  }

  fileprivate var descriptor: Int32 { waker.descriptor }

  fileprivate func takeAll() -> [Message] {
    messages.withLock { list in
      let taken = list
      list = []
      return taken
    }
  }
}

/// The loop's side: calls `receive` on the loop's thread, once per message, in the order sent.
package final class MailboxReceiver<Message: Sendable>: EventHandler {
  package let mailbox: Mailbox<Message>
  private let loop: EventLoop
  private let receive: (Message) -> Void
  private var registration: Registration?

  package init(on loop: EventLoop, receive: @escaping (Message) -> Void) throws(SystemError) {
    self.loop = loop
    self.receive = receive
    mailbox = Mailbox(waker: try loop.kernel.makeWaker())
    registration = try loop.register(mailbox.descriptor, mode: .readable, handler: self)
  }

  /// Stops receiving. What has been sent since the last turn is dropped.
  package func close() {
    if let registration { loop.deregister(registration) }
    registration = nil
  }

  package func ready(_ readiness: Readiness) {
    loop.kernel.clearWaker(mailbox.descriptor)
    for message in mailbox.takeAll() { receive(message) }
  }
}
