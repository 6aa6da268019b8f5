// What can be wrong with AWS's binary framing.

/// Why the framing is lost. Nothing after it can be read: message ends are known from lengths alone.
package enum EventStreamError: Error, Equatable, Sendable {
  /// The lengths at the head of a message do not bear their checksum.
  case preludeChecksum
  /// The lengths contradict each other, or the headers exceed 128 KiB.
  case lengths
  /// A header that runs past the headers' length, has no name, or is of no known type.
  case header
}
