// Cuts an input into reads. Each read is a block of its own, of exactly its size, so that the
// address sanitizer sees the first byte that a parser reads too much.

internal import Glibc

/// The ways of cutting that every target tries beside the whole input: byte by byte, and twice at
/// places that the input itself decides, so that a kept input always replays.
enum Pieces {
  static func ways(of input: UnsafeRawBufferPointer) -> [[Int]] {
    guard input.count > 1 else { return [] }
    var ways = [drawn(input, salt: 1, most: 16), drawn(input, salt: 2, most: 400)]
    if input.count <= 2048 { ways.append(Array(repeating: 1, count: input.count)) }
    return ways
  }

  private static func drawn(_ input: UnsafeRawBufferPointer, salt: UInt64, most: Int) -> [Int] {
    var state = input.reduce(0xcbf2_9ce4_8422_2325 ^ salt) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    var sizes: [Int] = []
    var left = input.count
    while left > 0 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let size = min(left, 1 + Int((state >> 33) % UInt64(most)))
      sizes.append(size)
      left -= size
    }
    return sizes
  }

  /// Lends the reads in their order.
  static func feed(
    _ input: UnsafeRawBufferPointer, in sizes: [Int], _ read: (Span<UInt8>) -> Void
  ) {
    var offset = 0
    for size in sizes {
      lend(UnsafeRawBufferPointer(rebasing: input[offset..<offset + size]), read)
      offset += size
    }
  }

  private static func lend(_ piece: UnsafeRawBufferPointer, _ read: (Span<UInt8>) -> Void) {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
    defer { block.deallocate() }
    block.copyMemory(from: piece)
    read(UnsafeRawBufferPointer(block).assumingMemoryBound(to: UInt8.self).span)
  }
}

/// What `make()` finds in the whole input; traps if another way of cutting finds anything else.
@discardableResult
func agreed<State, Found: Equatable>(
  _ input: UnsafeRawBufferPointer, _ property: String, start: () -> State,
  feed: (inout State, Span<UInt8>) -> Void, found: (inout State) -> Found
) -> Found {
  func play(_ sizes: [Int]) -> Found {
    var state = start()
    Pieces.feed(input, in: sizes) { feed(&state, $0) }
    return found(&state)
  }
  let whole = play([input.count])
  for sizes in Pieces.ways(of: input) {
    let other = play(sizes)
    if other != whole { violated("\(property), cut into \(sizes.prefix(40))", whole, other) }
  }
  return whole
}
