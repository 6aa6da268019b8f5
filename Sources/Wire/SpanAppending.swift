// The one thing that the standard library's arrays of bytes still lack.

extension [UInt8] {
  /// Appends a copy of the span's bytes.
  package mutating func append(copying span: Span<UInt8>) {
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
