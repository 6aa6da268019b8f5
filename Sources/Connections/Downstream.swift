// The client of a request as its handler sees it.

package import IO

/// A client's connection, or whoever stands for one: a socket that carries several requests has a
/// connection for none of them.
///
/// Never calls its handler from within a call that the handler makes of it.
package protocol Downstream: AnyObject {
  var peer: SocketAddress { get }
  /// When the first byte of the request was read.
  var requestStart: Instant { get }
  /// Bytes that the client has not taken; `RequestHandler.clientDrained` tells when it has.
  var queuedBytes: Int { get }
  /// Wire bytes of the answer.
  func send(_ bytes: Span<UInt8>)
  /// What `send` touches.
  var memory: (MemoryHint, MemoryHint) { get }
  func cork()
  func uncork()

  var isReadingPaused: Bool { get }
  /// No more of the request body until `resumeReading`.
  func pauseReading()
  func resumeReading()

  /// The answer is out to the last byte.
  func finishResponse(keepsAlive: Bool)
  /// Ends without ending the answer, so that the client can tell; what is queued for it goes out
  /// first where `delivering`.
  func cut(asReset: Bool, delivering: Bool)
  /// For a client that has gone.
  func abandon()
  /// From here on bytes pass as they are, both ways.
  func becomeTunnel()
}

extension Downstream {
  package var memory: (MemoryHint, MemoryHint) { (MemoryHint(), MemoryHint()) }
}

extension ServerConnection: Downstream {}
