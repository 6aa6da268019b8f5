// Which parts of a read are payload, noted where no connection has to keep room for it.

/// Where a loop's connections note which parts of a read are payload; used within one call only,
/// so that no connection owns an array of its own.
package final class PayloadScratch {
  package var ranges: [Range<Int>] = []

  package init() { ranges.reserveCapacity(64) }

  /// Most reads brought one piece; taking that one out costs a tenth of what emptying costs.
  @inline(__always)
  func clear() {
    if ranges.count == 1 {
      ranges.removeLast()
    } else {
      ranges.removeAll(keepingCapacity: true)
    }
  }
}
