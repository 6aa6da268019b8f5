// A text that somebody sent. It stays the bytes that came until a person or a label wants it: few
// are read, and making a string of each would cost more than all that is counted of it.

package struct ReceivedText: Hashable, Sendable {
  /// UTF-8 in all likelihood, but whoever sent it vouches for nothing.
  package let bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// With U+FFFD for what is no UTF-8.
  package var string: String { String(decoding: bytes, as: UTF8.self) }
}

extension ReceivedText: ExpressibleByStringLiteral {
  package init(stringLiteral text: String) { bytes = Array(text.utf8) }
}
