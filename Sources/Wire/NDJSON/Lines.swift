// Where lines end: all there is to newline-delimited JSON beside the JSON itself.

internal import Glibc

/// Newline-delimited text.
package enum Lines {
  /// The index of the first LF at or after `start`, or nil. Costs what `memchr` costs.
  package static func firstEnd(in bytes: Span<UInt8>, from start: Int) -> Int? {
    // memchr is the fastest search there is for one byte.
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, start < buffer.count else { return nil }
      let first = unsafe UnsafeRawPointer(base)
      let found = unsafe memchr(first + start, Int32(UInt8(ascii: "\n")), buffer.count - start)
      guard let found = unsafe found else { return nil }
      return unsafe UnsafeRawPointer(found) - first
    }
  }
}
