// Makes a metrics page in pieces that take some 50 µs each, compressed where that is wanted.
//
// A loop that shares this thread's core waits for a fourth of that: lines are written faster than a piece
// is worth a call of the kernel's.

import Admin
import IO
import Telemetry
import Wire

final class PageMaker: PieceMaker {
  private var exposition: Exposition
  private var gzip: LineGzip?
  private var lines: [UInt8] = []
  private var compressed: [UInt8] = []
  private let clock: any Kernel
  private var nanoseconds: UInt64
  private let ended: (UInt64) -> Void

  private static let pieceBytes = 12 * 1024
  private static let lineBytes = 3 * 1024

  /// - Parameter spent: nanoseconds that the page has taken so far.
  /// - Parameter ended: gets what the whole page has taken, what happened between pieces left out.
  init(
    _ exposition: Exposition, compressing: Bool, clock: any Kernel, spent: UInt64,
    ended: @escaping (UInt64) -> Void
  ) {
    self.exposition = exposition
    if compressing { gzip = LineGzip() }
    self.clock = clock
    nanoseconds = spent
    self.ended = ended
  }

  func next(into piece: inout [UInt8]) -> Bool {
    let start = clock.now()
    let goesOn = write(into: &piece)
    nanoseconds += clock.now().nanoseconds(since: start)
    if !goesOn { ended(nanoseconds) }
    return goesOn
  }

  private func write(into piece: inout [UInt8]) -> Bool {
    piece.removeAll(keepingCapacity: true)
    var goesOn = true
    while goesOn, piece.count < Self.pieceBytes {
      goesOn = exposition.write(Self.lineBytes, into: &lines)
      if gzip == nil { piece += lines } else { compress(into: &piece, isLast: !goesOn) }
      Thread.yieldProcessor()
    }
    return goesOn
  }

  private func compress(into piece: inout [UInt8], isLast: Bool) {
    // A span of the stored array would borrow all of this object.
    let text = lines
    gzip?.add(text.span)
    if isLast { gzip?.finish() }
    gzip?.take(into: &compressed)
    piece += compressed
  }
}
