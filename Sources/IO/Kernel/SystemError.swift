// A system call that failed, and why.

internal import Glibc

/// What a system call answered when it failed.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call's name, as in its manual page.
  package let call: StaticString
  /// The `errno` that it left.
  package let code: Int32

  package init(_ call: StaticString, code: Int32) {
    self.call = call
    self.code = code
  }

  /// `connect: Connection refused`.
  package var description: String { "\(call): \(String(cString: strerror(code)))" }

  package static func == (left: SystemError, right: SystemError) -> Bool {
    left.code == right.code && left.call.description == right.call.description
  }

  /// Out of descriptors, socket buffers or memory: our own want, no fault of a peer.
  package var isExhaustion: Bool {
    code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
  }

  package var isAddressInUse: Bool { code == EADDRINUSE }
}
