// A relay whose streams are kept, and the words in which tests resume them.

internal import FakeKernel
internal import Hub
internal import IO
internal import Relay
internal import RelayWorld
internal import Testing

extension RelayOptions {
  /// All streams are kept, for a minute after their end.
  static func keeping(
    continues: Bool = false, _ edit: (inout RelayOptions) -> Void = { _ in }
  ) -> RelayOptions {
    .scenario { options in
      var hub = RouteHub()
      hub.continuesOnDisconnect = continues
      options.routes[0].hub = hub
      options.hub.bounds.retainNanoseconds = 60_000_000_000
      edit(&options)
    }
  }
}

/// `count` events of a stream, from number `first` on.
func events(_ count: Int, from first: Int = 1) -> String {
  (first..<first + count).map { "data: {\"n\":\($0)}\n\n" }.joined()
}

/// A head that announces events in chunks.
let eventHead =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

let lastChunk = "0\r\n\r\n"

/// A client's bytes as it reads them.
struct ReceivedAnswer {
  let head: String
  /// The payload.
  let bytes: [UInt8]
  /// The last chunk, or all of the stated length, has come.
  let isWhole: Bool

  init(_ bytes: [UInt8]) {
    let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) } ?? bytes.count
    head = String(decoding: bytes[..<end], as: UTF8.self)
    let rest = bytes.dropFirst(end + 4)
    guard head.contains("chunked") else {
      self.bytes = Array(rest)
      isWhole = head.contains("Content-Length: \(rest.count)")
      return
    }
    let (payload, hasEnded) = Self.payload(of: rest)
    self.bytes = payload
    isWhole = hasEnded
  }

  private static func payload(of chunks: ArraySlice<UInt8>) -> ([UInt8], hasEnded: Bool) {
    var (rest, payload) = (chunks, [UInt8]())
    while let end = rest.firstIndex(of: 13) {
      let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16) ?? 0
      rest = rest[end...].dropFirst(2)
      if size == 0 { return (payload, rest.elementsEqual([13, 10])) }
      payload += rest.prefix(size)
      rest = rest.dropFirst(size + 2)
    }
    return (payload, false)
  }

  var body: String { String(decoding: bytes, as: UTF8.self) }

  var status: String { String(head.dropFirst(9).prefix(3)) }

  func field(_ name: String) -> String? {
    for line in head.split(separator: "\r\n")
    where line.lowercased().hasPrefix(name.lowercased() + ": ") {
      return String(line.dropFirst(name.count + 2))
    }
    return nil
  }
}

extension FakePeer {
  var answer: ReceivedAnswer { ReceivedAnswer(received) }
  /// The name under which its stream is kept.
  var streamID: String { answer.field("x-weir-stream") ?? "none" }
}

extension RelayHarness {
  /// A client that asks for a kept stream.
  func resume(
    _ id: String, after event: Int? = nil, _ fields: String = "", query: String = ""
  ) -> FakePeer {
    let parameters = [event.map { "after=\($0)" } ?? "", query].filter { !$0.isEmpty }
    let target =
      "/weir/streams/\(id)" + (parameters.isEmpty ? "" : "?")
      + parameters.joined(separator: "&")
    let client = client(Get.asked(target, fields))
    settle()
    return client
  }
}
