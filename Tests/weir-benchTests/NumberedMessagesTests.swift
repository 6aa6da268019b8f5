// Goal: no two short requests are the same, and an answer counts only if it is that of the request
// it answers, to the last byte of its body.
// Method: messages of several numbers, compared with what a proxy could make of them.

import Testing

@testable import weir_bench

@Suite struct NumberedMessagesTests {
  private func isRight(_ bytes: [UInt8], for number: UInt32) -> Bool {
    var expected = ShortAnswer.kept
    return bytes.withUnsafeBytes { raw in
      guard let head = MessageHead(raw) else { return false }
      return expected.isRight(raw, headEnd: head.end, number: number)
    }
  }

  private func answer(_ number: UInt32) -> [UInt8] {
    var answer = ShortAnswer.kept
    answer.set(number)
    return answer.message.bytes
  }

  @Test func aRequestBearsItsNumberInHeadAndBody() {
    var request = ShortRequest(keepsAlive: true)
    request.set(1234)
    let text = String(decoding: request.message.bytes, as: UTF8.self)
    #expect(text.contains("x-client-request-id: 00001234\r\n"))
    #expect(text.contains(#""user":"user-00001234""#))
    #expect(text.utf8.count == ShortRequest(keepsAlive: true).message.bytes.count)
  }

  @Test(arguments: [0, 7, 99_999_999] as [UInt32])
  func theProviderReadsIt(_ number: UInt32) {
    var body = ShortRequest.body
    body.set(number)
    #expect(body.bytes.withUnsafeBytes { ShortRequest.body.number(in: $0) } == number)
  }

  @Test func theProviderRefusesAChangedBody() {
    for index in ShortRequest.body.bytes.indices {
      var body = ShortRequest.body.bytes
      body[index] ^= 0x40
      #expect(body.withUnsafeBytes { ShortRequest.body.number(in: $0) } == nil, "at \(index)")
    }
  }

  @Test func onlyItsOwnAnswerCounts() {
    #expect(isRight(answer(7), for: 7))
    #expect(!isRight(answer(8), for: 7))
    // A proxy may add fields, and change the case of names.
    let head = "HTTP/1.1 200 OK\r\nServer: x\r\nX-Request-Id: req_00000007\r\n"
    let length = "Content-Length: \(answer(7).count)\r\n\r\n"
    let body = answer(7).drop { $0 != UInt8(ascii: "{") }
    #expect(isRight(Array((head + length).utf8) + body, for: 7))
    #expect(!isRight(Array((head + length).utf8) + body, for: 8))
    #expect(!isRight(Array(head.dropLast(3).utf8) + Array("8\r\n\r\n".utf8) + body, for: 7))
  }

  @Test func anAnswersBodyIsCompared() {
    let right = answer(7)
    for index in right.indices.suffix(40) {
      var wrong = right
      wrong[index] ^= 1
      #expect(!isRight(wrong, for: 7), "at \(index)")
    }
  }
}
