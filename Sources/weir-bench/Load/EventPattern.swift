// The bytes that all streams are made of: server-sent events as OpenAI's chat completions send
// them, of 230 bytes each, no two of a period alike. Both ends know them, so every byte that
// comes out of a proxy can be compared with what went in.

import Glibc

/// A period of events, as payload and as sent: chunked, one chunk for each event.
final class EventPattern {
  static let eventBytes = 230
  /// Chunk size in two hexadecimal digits, CRLF, the event, CRLF.
  static let chunkBytes = eventBytes + 6
  /// Events until the pattern repeats itself.
  static let period = 256
  /// Digits of a time stamp, in hexadecimal.
  static let stampBytes = 16

  /// One period without chunk framing, its stamps all zero.
  let payload: UnsafeRawBufferPointer
  /// One period as the provider sends it.
  let chunks: UnsafeRawBufferPointer
  private let stampOffset: Int
  private let scratch: UnsafeMutableRawBufferPointer

  init() {
    var payload: [UInt8] = []
    var chunks: [UInt8] = []
    for number in 0..<Self.period {
      let event = Self.event(number)
      precondition(event.count == Self.eventBytes, "an event has \(event.count) bytes")
      payload += event
      chunks += Array("E6\r\n".utf8) + event + Array("\r\n".utf8)
    }
    self.payload = Self.copy(payload)
    self.chunks = Self.copy(chunks)
    stampOffset = Self.eventBytes - Self.suffix.utf8.count - Self.stampBytes
    scratch = .allocate(byteCount: Self.chunkBytes, alignment: 16)
  }

  deinit {
    payload.deallocate()
    chunks.deallocate()
    tail.deallocate()
    scratch.deallocate()
  }

  /// What providers send last, without framing.
  let tail = copy(Array("data: [DONE]\n\n".utf8))
  /// The same in a chunk, and the end of the body.
  static let framedTail = Array("E\r\ndata: [DONE]\n\n\r\n0\r\n\r\n".utf8)

  /// The event in its chunk, with its time of sending in it. Valid until the next stamped event.
  func stampedChunk(_ number: Int, stamp: UInt64) -> UnsafeRawBufferPointer {
    let start = number % Self.period * Self.chunkBytes
    scratch.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: chunks[start..<start + scratch.count]))
    write(stamp, at: 4 + stampOffset)
    return UnsafeRawBufferPointer(scratch)
  }

  /// The event without framing, with its time of sending. Valid until the next stamped event.
  func stampedEvent(_ number: Int, stamp: UInt64) -> UnsafeRawBufferPointer {
    let chunk = stampedChunk(number, stamp: stamp)
    return UnsafeRawBufferPointer(rebasing: chunk[4..<4 + Self.eventBytes])
  }

  /// The event without framing or stamp.
  func event(_ number: Int) -> UnsafeRawBufferPointer {
    let start = number % Self.period * Self.eventBytes
    return UnsafeRawBufferPointer(rebasing: payload[start..<start + Self.eventBytes])
  }

  private func write(_ stamp: UInt64, at offset: Int) {
    var rest = stamp
    for place in stride(from: offset + Self.stampBytes - 1, through: offset, by: -1) {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      scratch[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
      rest >>= 4
    }
  }
}

extension EventPattern {
  private static let suffix = "\"}\n\n"

  private static func event(_ number: Int) -> [UInt8] {
    let token = String(UInt32(0x1000 + number), radix: 16)
    let text = """
      data: {"id":"chatcmpl-CdE7f1pQxTz9u","object":"chat.completion.chunk","created":1763000000,\
      "model":"gpt-4o","choices":[{"index":0,"delta":{"content":" w\(token)"},\
      "finish_reason":null}],"usage":null,"obfuscation":"0000000000000000\(suffix)
      """
    return Array(text.utf8)
  }

  private static func copy(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    copy.copyBytes(from: bytes)
    return UnsafeRawBufferPointer(copy)
  }
}
