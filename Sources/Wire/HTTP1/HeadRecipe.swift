// How a head was made of another one, so that it can be made again, of one of the same form, without
// looking at its lines.

/// What was written, and which parts of it were copied from where.
///
/// It keeps what was written between the copies alone, nothing of what was copied.
package final class HeadRecipe: Sendable {
  struct Copy: Sendable {
    let source: Range<Int>
    /// Where it begins in what was written.
    let to: Int
  }

  /// What was written, with zeros for what was copied.
  fileprivate let bytes: [UInt8]
  fileprivate let copies: [Copy]
  fileprivate let sourceCount: Int

  fileprivate init(_ written: [UInt8], _ copies: [Copy], of source: [UInt8]) {
    var bytes = written
    for copy in copies {
      for offset in 0..<copy.source.count { bytes[copy.to + offset] = 0 }
    }
    self.bytes = bytes
    self.copies = copies
    sourceCount = source.count
  }
}

extension HeadWriter {
  /// Notes what is copied from here on, all of it from one head.
  package mutating func beginRecipe() { copies = [] }

  /// How `bytes` was made of that head since `beginRecipe`.
  package mutating func endRecipe(of headers: HeaderFields) -> HeadRecipe {
    defer { copies = nil }
    return HeadRecipe(bytes, copies ?? [], of: headers.bytes)
  }

  /// Writes, in place of all that was written, what the recipe's maker would write of that head, whose
  /// form is the one of the recipe's.
  package mutating func write(_ recipe: HeadRecipe, of headers: HeaderFields) {
    precondition(headers.bytes.count == recipe.sourceCount, "a recipe for a head of another form")
    reset()
    // Unsafe: within the call. The arrays themselves would be counted as they are passed.
    unsafe recipe.bytes.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    // Unsafe: the places were checked when they were noted, in heads of these sizes.
    unsafe headers.bytes.withUnsafeBytes { source in
      unsafe bytes.withUnsafeMutableBytes { target in
        for copy in recipe.copies {
          let part = unsafe UnsafeRawBufferPointer(rebasing: source[copy.source])
          let place = unsafe UnsafeMutableRawBufferPointer(
            rebasing: target[copy.to..<copy.to + copy.source.count])
          unsafe place.copyMemory(from: part)
        }
      }
    }
  }
}
