// What the connections of one loop share, upstream's and clients' alike, so that none needs memory of its
// own for it.

internal import Wire

/// One for each loop. What it has learnt on one connection serves the others at once.
package final class ConnectionSupplies {
  /// Which parts of a read are payload.
  var scratch = PayloadScratch()
  /// What heads look like.
  var heads = HeadMemory()

  package init() {}
}
