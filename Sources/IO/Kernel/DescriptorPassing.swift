// Descriptors handed from one process to the next over a unix socket: unix(7), SCM_RIGHTS.

internal import CSystem
internal import Glibc

package enum DescriptorPassing {
  /// What one message may carry.
  package static let limit = 64

  /// Sends copies of `descriptors`, at most `limit`; the originals stay open here. Blocks no longer
  /// than it takes to copy them into an empty socket's buffer.
  package static func send(
    _ descriptors: [Int32], over socket: Int32
  ) throws(SystemError) {
    precondition(descriptors.count <= limit, "too many descriptors for one message")
    if weir_send_descriptors(socket, descriptors, Int32(descriptors.count)) < 0 {
      throw SystemError("sendmsg", code: errno)
    }
  }

  /// Waits for a message on a blocking socket; its descriptors belong to the caller, and close on
  /// exec. Empty if the peer closed or sent none.
  package static func receive(from socket: Int32) throws(SystemError) -> [Int32] {
    var descriptors = [Int32](repeating: -1, count: limit)
    let count = weir_receive_descriptors(socket, &descriptors)
    if count < 0 { throw SystemError("recvmsg", code: errno) }
    return Array(descriptors.prefix(Int(count)))
  }

  /// Connects to a unix path and waits: for a process that starts and has no loop yet. Reads give
  /// up after `seconds`.
  package static func connect(to path: String, patience seconds: Int) throws(SystemError) -> Int32 {
    let address = SocketAddress(host: .unix(path))
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { throw SystemError("socket", code: errno) }
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    let code = address.withSockaddr { Glibc.connect(descriptor, $0, $1) < 0 ? errno : 0 }
    if code != 0 {
      close(descriptor)
      throw SystemError("connect", code: code)
    }
    return descriptor
  }
}

extension DescriptorPassing {
  /// Whoever is at the other end of a connection that came from another process; nil if nobody is
  /// any more.
  package static func peer(of descriptor: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard getpeername(descriptor, address, &length) == 0 else { return nil }
        return SocketAddress(address, length: length)
      }
    }
  }

  /// From now on no call on `descriptor` waits.
  package static func stopWaiting(on descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  /// Another descriptor of the same socket, close-on-exec; -1 if there is none left.
  package static func copy(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_DUPFD_CLOEXEC, 3) }
}
