// Short requests and their answers, as an app and a provider would write them: alike, and no two the
// same. Each bears a number in its head and in its body, and the answer bears the request's.

import Glibc

/// Bytes in which one number stands at some places, in eight digits.
struct NumberedMessage {
  private(set) var bytes: [UInt8]
  private let places: [Int]
  private static let mark = Array("00000000".utf8)

  init(_ text: [UInt8]) {
    bytes = text
    places = text.indices.filter { text[$0...].starts(with: Self.mark) }
    precondition(!places.isEmpty, "a message without a place for its number")
  }

  mutating func set(_ number: UInt32) {
    for place in places {
      var rest = number
      for digit in (0..<Self.mark.count).reversed() {
        bytes[place + digit] = 0x30 + UInt8(rest % 10)
        rest /= 10
      }
    }
  }

  /// The number in a copy of this message, where it stands once; nil if the rest is not the same.
  func number(in copy: UnsafeRawBufferPointer) -> UInt32? {
    let start = places[0]
    let end = start + Self.mark.count
    guard copy.count == bytes.count, copy[..<start].elementsEqual(bytes[..<start]),
      copy[end...].elementsEqual(bytes[end...])
    else { return nil }
    var number: UInt32 = 0
    for digit in copy[start..<end] {
      guard (0x30...0x39).contains(digit) else { return nil }
      number = number &* 10 &+ UInt32(digit - 0x30)
    }
    return number
  }

  /// Whether it stands in those bytes. Its first place must not be at its beginning.
  func isWithin(_ whole: UnsafeRawBufferPointer) -> Bool {
    let (before, mark) = (places[0] - 1, bytes[places[0] - 1])
    var start = before
    while start < whole.count,
      let found = memchr(whole.baseAddress! + start, Int32(mark), whole.count - start)
    {
      let at = UnsafeRawPointer(found) - whole.baseAddress! - before
      if at + bytes.count <= whole.count, memcmp(whole.baseAddress! + at, bytes, bytes.count) == 0 {
        return true
      }
      start = at + before + 1
    }
    return false
  }
}

/// The request, and what the provider makes of it.
struct ShortRequest {
  private(set) var message: NumberedMessage
  static let body = NumberedMessage(
    Array(
      """
      {"model":"gpt-4o","user":"user-00000000","messages":[{"role":"user","content":"What is a \
      weir, in one sentence?"}]}
      """.utf8))

  /// About 320 bytes.
  init(keepsAlive: Bool, below prefix: String = "") {
    message = NumberedMessage(
      Messages.request(
        prefix + "/v1/chat/completions", Self.body.bytes, keepsAlive: keepsAlive,
        fields: "x-client-request-id: 00000000\r\n"))
  }

  mutating func set(_ number: UInt32) { message.set(number) }
}

struct ShortAnswer {
  private(set) var message: NumberedMessage
  private var body = NumberedMessage(
    Array(
      """
      {"id":"chatcmpl-00000000","object":"chat.completion","created":1763000000,\
      "model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"A weir is a \
      low barrier across a river that holds it to a level and measures its flow."},\
      "finish_reason":"stop"}],"usage":{"prompt_tokens":16,"completion_tokens":22,\
      "total_tokens":38}}
      """.utf8))
  private var id = NumberedMessage(Array("req_00000000".utf8))
  private static let start = Array("HTTP/1.1 200".utf8)

  static let kept = ShortAnswer(isLast: false)
  /// The connection closes after it.
  static let last = ShortAnswer(isLast: true)

  private init(isLast: Bool) {
    let head = """
      HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_00000000\r\n\
      \(isLast ? "connection: close\r\n" : "")content-length: \(body.bytes.count)\r\n\r\n
      """
    message = NumberedMessage(Array(head.utf8) + body.bytes)
  }

  mutating func set(_ number: UInt32) { message.set(number) }

  /// Whether a proxy delivered that request's answer: `bytes` is a head of any form, which ends at
  /// `headEnd`, and a body.
  mutating func isRight(_ bytes: UnsafeRawBufferPointer, headEnd: Int, number: UInt32) -> Bool {
    body.set(number)
    guard bytes.starts(with: Self.start), bytes[headEnd...].elementsEqual(body.bytes) else {
      return false
    }
    id.set(number)
    return id.isWithin(UnsafeRawBufferPointer(rebasing: bytes[..<headEnd]))
  }
}
