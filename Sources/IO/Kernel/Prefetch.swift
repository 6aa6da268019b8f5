// Memory that will be wanted while the kernel works, asked for before it begins.
//
// With hundreds of streams none of a stream's objects is in a cache when its next event comes, and
// each leads to the next. Asked for before a call that takes microseconds, all have come by its end:
// a third less time in user space for a paced event (docs/performance.md).

internal import CSystem

/// Where an object lies, and how much of it is soon touched. An address and no reference: it keeps
/// nothing alive, and may be asked for when the object is gone.
package struct MemoryHint {
  /// An object's address has its last four bits free: they hold the number of cache lines.
  private var addressAndLines: UInt = 0

  /// Of nothing.
  package init() {}

  /// - Parameter lines: of 64 bytes, from the object's first on; at most 15.
  package init(_ object: AnyObject?, lines: UInt) {
    guard let object else { return }
    let address = Unmanaged.passUnretained(object).toOpaque()
    addressAndLines = UInt(bitPattern: address) | min(lines, 15)
  }

  fileprivate var isOfNothing: Bool { addressAndLines == 0 }

  /// Returns at once.
  @inline(__always)
  fileprivate func prefetch() {
    let address = UnsafeRawPointer(bitPattern: addressAndLines & ~15)
    weir_prefetch(address, addressAndLines & 15)
  }
}

/// All that is touched when a stream has brought bytes; 48 bytes.
package struct UpcomingMemory {
  private let hints: InlineArray<6, MemoryHint>

  /// The first one is of something.
  package init(_ hints: InlineArray<6, MemoryHint>) { self.hints = hints }

  package init() { hints = InlineArray(repeating: MemoryHint()) }

  @inline(__always)
  func prefetch() {
    if hints[0].isOfNothing { return }
    for index in hints.indices { hints[index].prefetch() }
  }
}
