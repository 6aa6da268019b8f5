// The trace that a request belongs to: read for logs and exemplars, passed on untouched.

internal import Wire

/// W3C Trace Context, `traceparent`, version 00 and later ones that keep its form.
struct TraceContext {
  /// 32 lower-case hexadecimal digits.
  let traceID: String
  /// 16 of them.
  let parentID: String
  let isSampled: Bool

  /// nil if the head has no such field or one that breaks the form.
  init?(_ head: borrowing RequestHead) {
    guard let range = head.headers.first("traceparent"), range.count >= 55 else { return nil }
    let bytes = head.headers.bytes[range]
    let start = bytes.startIndex
    let dash = UInt8(ascii: "-")
    let isFormed = bytes.indices.prefix(55).allSatisfy { index in
      switch index - start {
      case 2, 35, 52: bytes[index] == dash
      default: Self.value(bytes[index]) != nil
      }
    }
    guard isFormed, bytes.count == 55 || bytes[start + 55] == dash else { return nil }
    let trace = bytes[start + 3..<start + 35]
    let parent = bytes[start + 36..<start + 52]
    let zero = UInt8(ascii: "0")
    guard trace.contains(where: { $0 != zero }), parent.contains(where: { $0 != zero }) else {
      return nil
    }
    traceID = String(decoding: trace, as: UTF8.self)
    parentID = String(decoding: parent, as: UTF8.self)
    isSampled = (Self.value(bytes[start + 54]) ?? 0) & 1 == 1
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
