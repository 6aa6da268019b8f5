// One message to a unix datagram socket, for those whom a process tells how it is.

internal import CSystem
internal import Glibc

package enum UnixDatagram {
  /// Sends `text` to the socket at `path`, where a leading `@` is Linux's abstract name. Never
  /// blocks: a receiver whose queue is full misses it, and EAGAIN is thrown.
  package static func send(_ text: String, to path: String) throws(SystemError) {
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    if descriptor < 0 { throw SystemError("socket", code: errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    let code = SocketAddress(host: .unix(path)).withSockaddr { address, length in
      sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length) < 0
        ? errno : 0
    }
    if code != 0 { throw SystemError("sendto", code: code) }
  }
}
