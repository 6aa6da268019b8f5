// Goal: what is asked for before an event comes is what the event touches. Method: the allocator knows how
// large a tap is.

import Glibc
import Testing

@testable import Tap

@Suite("A tap's memory")
struct TapMemoryTests {
  @Test("has as many cache lines as its loop is told")
  func lines() throws {
    let tap = Replay().makeTap()
    // Swift's module of the C library does not show it.
    typealias UsableSize = @convention(c) (UnsafeRawPointer) -> Int
    let symbol = try #require(dlsym(nil, "malloc_usable_size"))
    let usableSize = unsafeBitCast(symbol, to: UsableSize.self)
    // A multiple of 16, less the 8 that the allocator keeps for itself; the object may be 15 smaller.
    let bytes = usableSize(Unmanaged.passUnretained(tap).toOpaque())
    #expect(
      bytes > (Int(StreamTap.cacheLines) - 1) * 64 && bytes <= Int(StreamTap.cacheLines) * 64 + 8)
    withExtendedLifetime(tap) {}
  }
}
