// The checksum of zlib streams, RFC 1950 §8.2.

/// A running Adler-32 over bytes that arrive in pieces.
package struct Adler32: Equatable, Sendable {
  private var sum: UInt32 = 1
  private var sumOfSums: UInt32 = 0

  package init() {}

  /// The checksum of everything seen so far.
  package var value: UInt32 { sumOfSums << 16 | sum }

  package mutating func update(_ bytes: Span<UInt8>) {
    var at = 0
    while at < bytes.count {
      let end = min(at &+ longestRun, bytes.count)
      var (low, high) = (sum, sumOfSums)
      while at < end {
        low &+= UInt32(bytes[at])
        high &+= low
        at &+= 1
      }
      sum = low % modulus
      sumOfSums = high % modulus
    }
  }
}

/// The largest prime below 65,536.
private let modulus: UInt32 = 65_521

/// The most bytes that can be added before the second sum could pass 32 bits.
private let longestRun = 5_552
