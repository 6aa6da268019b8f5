// Which parts of a read are payload, noted where no connection has to keep room for it.

/// Where a loop's connections note which parts of a read are payload, so that none owns an array.
///
/// The array is lent for one call: what is taken out is passed on without counting references, and
/// who comes while it is out gets one without room.
struct PayloadScratch {
  private var ranges: [Range<Int>] = []

  init() { ranges.reserveCapacity(64) }

  /// An empty array, with room for most reads.
  @inline(__always)
  mutating func take() -> [Range<Int>] {
    var taken: [Range<Int>] = []
    swap(&taken, &ranges)
    return taken
  }

  /// Most reads brought one piece; taking that one out costs a tenth of what emptying costs.
  @inline(__always)
  mutating func giveBack(_ taken: inout [Range<Int>]) {
    if taken.count == 1 {
      taken.removeLast()
    } else {
      taken.removeAll(keepingCapacity: true)
    }
    swap(&taken, &ranges)
  }
}
