// Where ciphertext lies while OpenSSL works on it. One set serves all sessions of a loop, because
// each session needs it only for the length of a call; so an idle session owns no buffer at all.

internal import CSystem

/// The ciphertext that goes into a session's call, and the ciphertext that comes out of it.
///
/// Confined to one thread. Whoever calls a session sends `outgoing` to that session's peer and
/// clears it before the next session is called.
package final class TLSBuffers {
  /// Enough for the ciphertext of `TLSSession.sendLimitBytes`, and for any flight of a handshake
  /// or answers to key updates beside it. Memory is taken by the page when it is first written.
  static let outgoingLimitBytes = 256 * 1024

  let channel: UnsafeMutablePointer<TLSChannel>

  package init() {
    channel = .allocate(capacity: 1)
    channel.initialize(
      to: TLSChannel(
        outgoing: .allocate(byteCount: Self.outgoingLimitBytes, alignment: 16)))
  }

  deinit {
    channel.pointee.outgoing.deallocate()
    channel.deinitialize(count: 1)
    channel.deallocate()
  }

  /// Ciphertext to send, in the order in which the calls since `clearOutgoing` made it. The bytes
  /// stay where they are until the next call to a session.
  package var outgoing: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: channel.pointee.outgoing.baseAddress, count: channel.pointee.outgoingCount)
  }

  package func clearOutgoing() { channel.pointee.outgoingCount = 0 }
}

/// What OpenSSL sees in place of a socket: plain memory, so that its callbacks touch no Swift object.
struct TLSChannel {
  /// What the session has not yet taken of the ciphertext lent to it.
  var incoming = UnsafeRawBufferPointer(start: nil, count: 0)
  let outgoing: UnsafeMutableRawBufferPointer
  var outgoingCount = 0

  init(outgoing: UnsafeMutableRawBufferPointer) { self.outgoing = outgoing }

  /// Returns 0 once the lent ciphertext is used up.
  mutating func take(into destination: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(destination.count, incoming.count)
    guard count > 0 else { return 0 }
    destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: incoming.prefix(count)))
    incoming = UnsafeRawBufferPointer(rebasing: incoming.dropFirst(count))
    return count
  }

  /// Returns false, having taken nothing, if the bytes do not fit.
  mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count <= outgoing.count - outgoingCount else { return false }
    UnsafeMutableRawBufferPointer(rebasing: outgoing.dropFirst(outgoingCount))
      .copyMemory(from: bytes)
    outgoingCount += bytes.count
    return true
  }
}

// MARK: - OpenSSL's view

extension TLSChannel {
  /// A BIO over `channel`, which must outlive it; nil if OpenSSL is out of memory.
  static func makeBIO(over channel: UnsafeMutablePointer<TLSChannel>) -> OpaquePointer? {
    guard let method, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, channel)
    BIO_set_init(bio, 1)
    return bio
  }

  // Made once, before its first use, and only read after that; OpenSSL takes it as a constant.
  nonisolated(unsafe) private static let method: OpaquePointer? = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir")
    else { return nil }
    BIO_meth_set_read(method, readFromChannel)
    BIO_meth_set_write(method, writeToChannel)
    BIO_meth_set_ctrl(method, controlChannel)
    return method
  }()
}

private func channel(of bio: OpaquePointer?) -> UnsafeMutablePointer<TLSChannel>? {
  BIO_get_data(bio)?.assumingMemoryBound(to: TLSChannel.self)
}

/// An empty channel asks OpenSSL to try again, not to take it for the peer's end.
private func readFromChannel(
  bio: OpaquePointer?, bytes: UnsafeMutablePointer<CChar>?, count: Int32
) -> Int32 {
  weir_bio_clear_retry(bio)
  guard let channel = channel(of: bio), count > 0 else { return 0 }
  let taken = channel.pointee.take(
    into: UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
  guard taken > 0 else {
    weir_bio_set_retry_read(bio)
    return -1
  }
  return Int32(taken)
}

/// A full channel is an error without a retry: no session's single call may make that much.
private func writeToChannel(
  bio: OpaquePointer?, bytes: UnsafePointer<CChar>?, count: Int32
) -> Int32 {
  weir_bio_clear_retry(bio)
  guard let channel = channel(of: bio), count >= 0 else { return -1 }
  let source = UnsafeRawBufferPointer(start: bytes, count: Int(count))
  return channel.pointee.append(source) ? count : -1
}

/// Flushing succeeds, because written bytes are already where they belong; nothing else is offered.
private func controlChannel(
  bio: OpaquePointer?, command: Int32, number: Int, pointer: UnsafeMutableRawPointer?
) -> Int {
  command == BIO_CTRL_FLUSH ? 1 : 0
}
