// The HTTP messages of the runs, and the least parsing that finds where a message ends. The peers
// here are the bench itself and proxies; what they send wrongly shows as a failed run.

import Glibc

/// The end of a head, and how its body is delimited.
struct MessageHead {
  /// Where the body begins.
  var end = 0
  var contentLength: Int?
  var isChunked = false
  /// The sender wants no further message on this connection.
  var closes = false

  /// Finds the head at the start of `bytes`; nil if its end is not there yet.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var start = 0
    while start < bytes.count,
      let found = memchr(bytes.baseAddress! + start, 0x0a, bytes.count - start)
    {
      let feed = UnsafeRawPointer(found) - bytes.baseAddress!
      let line = UnsafeRawBufferPointer(rebasing: bytes[start..<feed])
      start = feed + 1
      if line.count <= 1 {
        end = start
        return
      }
      read(line)
    }
    return nil
  }

  private mutating func read(_ line: UnsafeRawBufferPointer) {
    switch line[0] | 0x20 {
    case UInt8(ascii: "c"):
      if let value = Self.value("content-length:", line) {
        contentLength = value.reduce(0) { sum, octet in
          (0x30...0x39).contains(octet) ? sum * 10 + Int(octet) - 0x30 : sum
        }
      } else if let value = Self.value("connection:", line) {
        closes = value.dropFirst().starts(with: Array("close".utf8))
      }
    case UInt8(ascii: "t"):
      if Self.value("transfer-encoding:", line) != nil { isChunked = true }
    default: break
    }
  }

  private static func value(
    _ name: StaticString, _ line: UnsafeRawBufferPointer
  ) -> Slice<UnsafeRawBufferPointer>? {
    let length = name.utf8CodeUnitCount
    guard line.count > length else { return nil }
    let matches = name.utf8Start.withMemoryRebound(to: CChar.self, capacity: length) {
      strncasecmp(line.baseAddress!.assumingMemoryBound(to: CChar.self), $0, length) == 0
    }
    return matches ? line[length...] : nil
  }
}

enum Messages {
  static let streamBody = Array(
    """
    {"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Tell me of weirs."}]}
    """.utf8)

  /// Asks for the stream of that number, which goes along in the target's query, and in its trace.
  static func streamRequest(_ number: Int) -> [UInt8] {
    request(
      "/v1/chat/completions?stream=\(number)", streamBody, keepsAlive: true,
      fields: "traceparent: 00-\(traceID(number))-00f067aa0ba902b7-00\r\n")
  }

  /// `POST /v1/chat/completions?stream=17 HTTP/1.1`; nil without a query.
  static func streamNumber(in head: UnsafeRawBufferPointer) -> Int? {
    guard let query = head.prefix(64).firstIndex(of: UInt8(ascii: "=")) else { return nil }
    return head[(query + 1)...].prefix { (0x30...0x39).contains($0) }
      .reduce(0) { $0 * 10 + Int($1) - 0x30 }
  }

  /// 32 hexadecimal digits, of which the last are the stream's number.
  static func traceID(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return "b" + String(repeating: "0", count: 31 - digits.count) + digits
  }

  static func request(
    _ target: String, _ body: [UInt8], keepsAlive: Bool, fields: String = ""
  ) -> [UInt8] {
    let head = """
      POST \(target) HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: weir-bench\r\n\
      authorization: Bearer none\r\n\(fields)content-type: application/json\r\naccept: */*\r\n\
      content-length: \(body.count)\r\n\(keepsAlive ? "" : "connection: close\r\n")\r\n
      """
    return Array(head.utf8) + body
  }

  static let streamHead = Array(
    """
    HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n
    """.utf8)
}
