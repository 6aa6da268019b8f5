// Replays bytes to a decoder in many cuts, each piece on a page whose end cannot be read past.

import TestSupport
import Wire

enum CodecReplay {
  /// The ways to cut `count` bytes: whole, byte by byte, at every point once (for up to 2,000
  /// bytes), and at random with fixed seeds.
  static func cuts(_ count: Int, seeds: Range<UInt64> = 1..<6) -> [[Range<Int>]] {
    var cuts: [[Range<Int>]] = [[0..<count], (0..<count).map { $0..<$0 + 1 }]
    if count <= 2_000, count > 1 {
      cuts += (1..<count).map { [0..<$0, $0..<count] }
    }
    for seed in seeds {
      var random = SeededRandom(seed: seed)
      var (pieces, start): ([Range<Int>], Int) = ([], 0)
      while start < count {
        let end = min(count, start + Int.random(in: 1...max(1, count / 3), using: &random))
        pieces.append(start..<end)
        start = end
      }
      cuts.append(pieces)
    }
    return cuts
  }

  /// Lends a copy of `bytes` that ends where unreadable memory begins.
  static func withGuarded<R, E: Error>(
    _ bytes: ArraySlice<UInt8>, _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    try GuardedBytes(Array(bytes)).withSpan(body)
  }
}

/// Bytes written as hexadecimal digits; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }.map { UInt8($0.hexDigitValue!) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

// A span cannot pass through `#expect`, so what takes one is called through these.

func base64(_ bytes: [UInt8]) -> [UInt8] { Base64Encoder.encode(bytes.span) }
func sha1(_ bytes: [UInt8]) -> [UInt8] { SHA1.digest(of: bytes.span) }
func closeCode(_ bytes: [UInt8]) throws(FrameError) -> CloseCode? { try .parse(bytes.span) }
func isValidKey(_ text: String) -> Bool { Handshake.isValidKey(Array(text.utf8).span) }
func accept(_ key: String) -> [UInt8] { Handshake.accept(key: Array(key.utf8).span) }
