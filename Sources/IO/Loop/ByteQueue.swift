// Bytes that a socket refused, until it takes them. Empty almost always, and then owns no memory.

/// A queue of bytes in one block of memory. Whoever fills it minds the watermarks.
struct ByteQueue: ~Copyable {
  private var block: UnsafeMutableRawPointer?
  private var capacity = 0
  private var head = 0
  private(set) var count = 0
  private let buffers: LoopBuffers

  init(buffers: LoopBuffers) { self.buffers = buffers }

  deinit { if let block { Self.free(block, capacity, buffers) } }

  var isEmpty: Bool { count == 0 }

  /// The bytes in order; valid until the next call that changes the queue.
  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: block.map { UnsafeRawPointer($0 + head) }, count: count)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    makeRoom(for: bytes.count)
    (block! + head + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  mutating func removeFirst(_ number: Int) {
    precondition(number <= count, "more was taken from a queue than it held")
    head += number
    count -= number
    if count == 0 { removeAll() }
  }

  mutating func removeAll() {
    if let block { Self.free(block, capacity, buffers) }
    block = nil
    (capacity, head, count) = (0, 0, 0)
  }

  private mutating func makeRoom(for more: Int) {
    if head + count + more <= capacity { return }
    if let block, count + more <= capacity {
      // Each byte moves at most once for each time that half the block has been drained.
      block.copyMemory(from: block + head, byteCount: count)
      head = 0
      return
    }
    let size = max(LoopBuffers.blockSize, (count + more).nextPowerOfTwo)
    let larger =
      size == LoopBuffers.blockSize
      ? buffers.takeBlock() : UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    if let block {
      larger.copyMemory(from: block + head, byteCount: count)
      Self.free(block, capacity, buffers)
    }
    (block, capacity, head) = (larger, size, 0)
  }

  private static func free(
    _ block: UnsafeMutableRawPointer, _ capacity: Int, _ buffers: LoopBuffers
  ) {
    if capacity == LoopBuffers.blockSize { buffers.giveBack(block) } else { block.deallocate() }
  }
}

extension Int {
  fileprivate var nextPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}
