// Who made a stream, as far as weir can tell: a hash of what the request showed as its credential.

internal import Wire

/// The SHA-256 of a request's credential fields, in place of the fields themselves, which must not
/// lie about in memory for as long as a stream is kept.
package struct StreamCredential: Sendable {
  private let keys: InlineArray<8, UInt32>
  private let cookie: InlineArray<8, UInt32>
  private let hasKeys: Bool
  private let hasCookie: Bool

  /// `keys`: the API keys that a request showed, names and values in an order of the caller's;
  /// empty for none. `cookie`: the value of its cookies; empty for none.
  package init(keys: Span<UInt8>, cookie: Span<UInt8>) {
    self.keys = SHA256.words(of: keys)
    self.cookie = SHA256.words(of: cookie)
    hasKeys = !keys.isEmpty
    hasCookie = !cookie.isEmpty
  }

  /// Whether a stream made with this credential is `other`'s to read.
  ///
  /// Keys must be the same, also where there are none. Cookies count only where a stream was made
  /// with cookies and without a key, because those of an API's client come and go with its
  /// provider's infrastructure. The time this takes tells nothing of where two hashes differ.
  package func admits(_ other: StreamCredential) -> Bool {
    guard hasKeys == other.hasKeys else { return false }
    if hasKeys { return Self.areEqual(keys, other.keys) }
    return !hasCookie || Self.areEqual(cookie, other.cookie)
  }

  private static func areEqual(
    _ one: InlineArray<8, UInt32>, _ other: InlineArray<8, UInt32>
  ) -> Bool {
    var difference: UInt32 = 0
    for index in one.indices { difference |= one[index] ^ other[index] }
    return difference == 0
  }
}
