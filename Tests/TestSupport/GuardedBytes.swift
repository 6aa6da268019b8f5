// Memory in which reading one byte too far kills the test, where an array would quietly answer.

internal import Glibc

/// A copy of bytes that ends right before a page nobody may read.
package final class GuardedBytes {
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int
  /// The first byte of the unreadable page.
  private let wall: UnsafeMutableRawPointer
  /// How many bytes can be lent at once.
  package let capacity: Int
  private var count = 0

  /// Reserves room for up to `capacity` bytes, none of them lent yet.
  package init(capacity: Int) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let readable = max(1, (capacity + page - 1) / page) * page
    self.capacity = capacity
    mappedBytes = readable + page
    let memory = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { fatalError("no memory for a guarded page") }
    mapping = memory
    wall = memory + readable
    guard mprotect(wall, page, PROT_NONE) == 0 else { fatalError("cannot guard a page") }
  }

  package convenience init(_ bytes: [UInt8]) {
    self.init(capacity: bytes.count)
    replace(with: bytes[...])
  }

  deinit {
    munmap(mapping, mappedBytes)
  }

  /// Puts other bytes before the wall; what was lent earlier is overwritten, so that a parser
  /// which keeps a pointer across reads sees garbage.
  package func replace(with bytes: ArraySlice<UInt8>) {
    precondition(bytes.count <= capacity, "more bytes than this guarded page has room for")
    memset(wall - count, 0xA5, count)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { memcpy(wall - source.count, start, source.count) }
    }
    count = bytes.count
  }

  /// Lends the bytes; nothing of the span may be kept.
  package func withSpan<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = (wall - count).assumingMemoryBound(to: UInt8.self)
    return try body(UnsafeBufferPointer(start: start, count: count).span)
  }
}
