// Replays bytes to a decoder in many cuts, each piece on a page whose end cannot be read past.

internal import Glibc

enum CodecReplay {
  /// The ways to cut `count` bytes: whole, byte by byte, at every point once (for up to 2,000
  /// bytes), and at random with fixed seeds.
  static func cuts(_ count: Int, seeds: Range<UInt64> = 1..<6) -> [[Range<Int>]] {
    var cuts: [[Range<Int>]] = [[0..<count], (0..<count).map { $0..<$0 + 1 }]
    if count <= 2_000, count > 1 {
      cuts += (1..<count).map { [0..<$0, $0..<count] }
    }
    for seed in seeds {
      var random = SeededGenerator(seed: seed)
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
    let page = 4096
    let readable = (bytes.count + page - 1) / page * page
    let base = mmap(
      nil, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(base != MAP_FAILED, "no memory for a guarded copy")
    defer { munmap(base, readable + page) }
    mprotect(base + readable, page, PROT_NONE)
    let start = (base + readable - bytes.count).assumingMemoryBound(to: UInt8.self)
    for (offset, byte) in bytes.enumerated() { start[offset] = byte }
    return try body(UnsafeBufferPointer(start: start, count: bytes.count).span)
  }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Bytes written as hexadecimal digits; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }.map { UInt8($0.hexDigitValue!) }
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
