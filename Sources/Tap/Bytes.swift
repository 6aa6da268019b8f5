// Texts are bytes here; these are the few places where constants and spans become arrays of them.

extension StaticString {
  var bytes: [UInt8] {
    // Unsafe: a static string is as long as it says and lives for ever.
    unsafe [UInt8](UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
  }
}

extension String {
  var bytes: [UInt8] { Array(utf8) }
}

extension [UInt8] {
  init(copying bytes: Span<UInt8>) {
    self.init()
    reserveCapacity(bytes.count)
    for index in bytes.indices { append(bytes[index]) }
  }
}
