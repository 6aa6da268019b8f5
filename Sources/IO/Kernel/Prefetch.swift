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
  package init(_ object: borrowing AnyObject, lines: UInt) {
    let address = Unmanaged.passUnretained(copy object).toOpaque()
    addressAndLines = UInt(bitPattern: address) | min(lines, 15)
  }

  /// Returns at once.
  package func prefetch() {
    let address = UnsafeRawPointer(bitPattern: addressAndLines & ~15)
    weir_prefetch(address, addressAndLines & 15)
  }
}
