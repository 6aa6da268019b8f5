// The decoder's window and tables: memory of a fixed size in which no index can go astray.

/// A block of memory whose size is a power of two and whose indexes wrap around.
///
/// Every access is masked to the size, so none can leave the block, and the loops of the decoder
/// need no other check: hostile input picks wrong bytes at worst. Wrapping is also what a sliding
/// window wants.
@safe struct FixedMemory<Element: BitwiseCopyable>: ~Copyable {
  let count: Int
  private let mask: Int
  private let base: UnsafeMutablePointer<Element>

  /// - Precondition: `count` is a power of two.
  init(count: Int, repeating element: Element) {
    precondition(count > 0 && count & (count - 1) == 0, "masking needs a power of two")
    self.count = count
    mask = count - 1
    // Unsafe: the block is owned here alone, initialised here and freed in `deinit`.
    unsafe base = .allocate(capacity: count)
    unsafe base.initialize(repeating: element, count: count)
  }

  deinit {
    unsafe base.deallocate()
  }

  subscript(index: Int) -> Element {
    // Unsafe: the mask keeps the index inside the block.
    @inline(__always) get { unsafe base[index & mask] }
    @inline(__always) nonmutating set { unsafe base[index & mask] = newValue }
  }

  /// Copies `length` elements that lie before `position`, one at a time where the two overlap,
  /// so that a short distance repeats what was just written (RFC 1951 §3.2.3).
  @inline(__always)
  func repeatElements(from source: Int, to position: Int, length: Int) {
    let from = source & mask
    if length <= position &- source, from &+ length <= count, position &+ length <= count {
      // Unsafe: both ranges were just found to lie inside the block, and not to overlap.
      unsafe (base + position).update(from: base + from, count: length)
    } else {
      for offset in 0..<length { self[position &+ offset] = self[from &+ offset] }
    }
  }

  /// Lends the elements of `range`, which must lie inside the block.
  func withSpan(of range: Range<Int>, _ body: (Span<Element>) -> Void) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the memory")
    let lent = unsafe UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
    body(unsafe lent.span)
  }
}
