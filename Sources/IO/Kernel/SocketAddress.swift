// Where a socket listens or connects: IPv4, IPv6 or a unix path.

internal import Glibc

package struct SocketAddress: Hashable, Sendable {
  package enum Host: Hashable, Sendable {
    /// Four bytes in network order.
    case v4([UInt8])
    /// Sixteen bytes in network order, and the interface index of a link-local address.
    case v6([UInt8], scope: UInt32)
    /// A path of at most 107 bytes; one that begins with `@` is Linux's abstract name.
    case unix(String)
  }

  package var host: Host
  /// In host order; 0 for unix sockets.
  package var port: UInt16

  package init(host: Host, port: UInt16 = 0) {
    self.host = host
    self.port = port
  }

  package static func loopback(port: UInt16) -> SocketAddress {
    SocketAddress(host: .v4([127, 0, 0, 1]), port: port)
  }

  package var isUnix: Bool {
    if case .unix = host { true } else { false }
  }

  package var isIPv6: Bool {
    if case .v6 = host { true } else { false }
  }

  package var isLoopback: Bool {
    switch host {
    case .v4(let bytes): bytes[0] == 127
    case .v6(let bytes, _):
      bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        || (bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] && bytes[12] == 127)
    case .unix: true
    }
  }

  /// An address written as numbers: `127.0.0.1`, `::1`, `fe80::1%eth0`; nil for a name.
  package init?(numericHost text: String, port: UInt16) {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self.init(host: .v4(withUnsafeBytes(of: v4) { Array($0) }), port: port)
      return
    }
    let parts = text.split(separator: "%", maxSplits: 1)
    var v6 = in6_addr()
    guard let first = parts.first, inet_pton(AF_INET6, String(first), &v6) == 1 else { return nil }
    let scope = parts.count == 2 ? if_nametoindex(String(parts[1])) : 0
    self.init(host: .v6(withUnsafeBytes(of: v6) { Array($0) }, scope: scope), port: port)
  }

  /// A listen address as settings write it: `127.0.0.1:9346`, `[::1]:9346`, `:9346` (every
  /// interface), `unix:/run/weir.sock`; nil if it is none of these.
  package init?(listening text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty, path.utf8.count <= 107 else { return nil }
      self.init(host: .unix(path))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("[") && host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    let name = host.isEmpty ? "0.0.0.0" : host == "localhost" ? "127.0.0.1" : String(host)
    self.init(numericHost: name, port: port)
  }
}

extension SocketAddress: CustomStringConvertible {
  /// As `init(listening:)` reads it.
  package var description: String {
    switch host {
    case .unix(let path): "unix:" + path
    case .v4(let bytes): "\(bytes.map(String.init).joined(separator: ".")):\(port)"
    case .v6: "[\(hostText)]:\(port)"
    }
  }

  /// The host alone, without brackets or port.
  package var hostText: String {
    switch host {
    case .unix(let path): return path
    case .v4(let bytes): return bytes.map(String.init).joined(separator: ".")
    case .v6(let bytes, _):
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count))
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension SocketAddress {
  /// The address as the kernel wants it; `body` gets a pointer that lives for the call.
  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch host {
    case .v4(let bytes):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
      return lend(&address, MemoryLayout<sockaddr_in>.size, body)
    case .v6(let bytes, let scope):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_scope_id = scope
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
      return lend(&address, MemoryLayout<sockaddr_in6>.size, body)
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      var bytes = Array(path.utf8.prefix(107))
      let isAbstract = bytes.first == UInt8(ascii: "@")
      if isAbstract { bytes[0] = 0 }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      // A path ends with its NUL; an abstract name with its length.
      let length = MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1)
      return lend(&address, length, body)
    }
  }

  private func lend<Address, Result>(
    _ address: inout Address, _ length: Int,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  /// What the kernel or the resolver filled in; nil for a family weir does not speak.
  init?(_ storage: UnsafePointer<sockaddr>, length: socklen_t) {
    let raw = UnsafeRawPointer(storage)
    switch Int32(storage.pointee.sa_family) {
    case AF_INET:
      let address = raw.loadUnaligned(as: sockaddr_in.self)
      self.init(
        host: .v4(withUnsafeBytes(of: address.sin_addr) { Array($0) }),
        port: UInt16(bigEndian: address.sin_port))
    case AF_INET6:
      let address = raw.loadUnaligned(as: sockaddr_in6.self)
      self.init(
        host: .v6(
          withUnsafeBytes(of: address.sin6_addr) { Array($0) }, scope: address.sin6_scope_id),
        port: UInt16(bigEndian: address.sin6_port))
    case AF_UNIX:
      let path = UnsafeRawBufferPointer(start: raw, count: Int(length))
        .dropFirst(MemoryLayout<sa_family_t>.size)
      let isAbstract = path.first == 0 && path.count > 1
      let name = isAbstract ? path.dropFirst().prefix { $0 != 0 } : path.prefix { $0 != 0 }
      self.init(host: .unix((isAbstract ? "@" : "") + String(decoding: name, as: UTF8.self)))
    default:
      return nil
    }
  }
}
