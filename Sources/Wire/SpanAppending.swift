// What the standard library's arrays of bytes still lack.

extension [UInt8] {
  package init(copying span: Span<UInt8>) {
    // Unsafe: the pointer is used during the call alone.
    self = unsafe span.withUnsafeBufferPointer { unsafe [UInt8]($0) }
  }

  /// Appends a copy of the span's bytes.
  package mutating func append(copying span: Span<UInt8>) {
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
