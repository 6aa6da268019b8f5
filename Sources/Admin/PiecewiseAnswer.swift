// An answer of the admin port that is made while it is sent: a large page never lies in memory as a
// whole, and between two pieces of it the control loop, and the relay's loops, have their turns.

internal import Connections
internal import IO
internal import Wire

/// What makes a body, a piece at a time.
package protocol PieceMaker: AnyObject {
  /// Replaces `piece` by the next one, of some 16 KiB at most; returns whether others follow.
  func next(into piece: inout [UInt8]) -> Bool
}

/// Sends one piece in each turn of the loop, and none while the client has not taken the last.
final class PiecewiseAnswer: TimerOwner {
  private let connection: ServerConnection
  private let maker: any PieceMaker
  private let isChunked: Bool
  private let loop: EventLoop
  private let ended: () -> Void
  private var piece: [UInt8] = []
  private var timer: LoopTimer?

  /// - Parameter ended: called when the last byte has been handed to the connection.
  init(
    _ maker: any PieceMaker, to connection: ServerConnection, isChunked: Bool, on loop: EventLoop,
    ended: @escaping () -> Void
  ) {
    self.connection = connection
    self.maker = maker
    self.isChunked = isChunked
    self.loop = loop
    self.ended = ended
    let timer = LoopTimer(on: loop, owner: self)
    self.timer = timer
    timer.set(loop.now)
  }

  /// The client has taken what was queued for it.
  func goOn() {
    guard let timer, !timer.isSet, connection.queuedBytes == 0 else { return }
    send()
  }

  /// The last use.
  func stop() {
    timer?.invalidate()
    timer = nil
  }

  func timerFired(_ timer: LoopTimer) { send() }

  private func send() {
    let goesOn = maker.next(into: &piece)
    if isChunked { frame(last: !goesOn) }
    // A span of the stored array would borrow all of this object.
    let bytes = piece
    connection.send(bytes.span)
    guard goesOn else {
      stop()
      return ended()
    }
    if connection.queuedBytes == 0, connection.isOpen { timer?.set(loop.now) }
    // A loop that shares this core, at real-time priority for instance, need not wait longer than
    // for one piece.
    Thread.yieldProcessor()
  }

  /// Makes a chunk of the piece (RFC 9112 §7.1); an empty one would end the body.
  private func frame(last: Bool) {
    if !piece.isEmpty {
      piece.insert(contentsOf: Array("\(String(piece.count, radix: 16))\r\n".utf8), at: 0)
      piece += Array("\r\n".utf8)
    }
    if last { piece += Array("0\r\n\r\n".utf8) }
  }
}
